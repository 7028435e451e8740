// Who watches: the bearer token that this browser remembers, and what its profile does with titles.

const place = "showrunner.token";

/** The profile's bearer token; null where nobody has given one. */
export function token() {
  try { return localStorage.getItem(place); } catch { return null; }
}

/** Remembers a token; whether this browser may keep anything. */
export function remember(bearer) {
  try { localStorage.setItem(place, bearer); return true; } catch { return false; }
}

/** Forgets a token that does not hold any more. */
export function forget() {
  try { localStorage.removeItem(place); } catch { /* Nothing was kept. */ }
}

/** A random UUID (RFC 9562, version 4); browsers make them themselves only where the page came encrypted. */
function identity() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Tells what the profile did; whether it arrived. What did not arrive is told by the next event of its kind. */
export async function record(...events) {
  const bearer = token();
  if (!bearer) return false;
  const told = events.map((event) => ({ id: identity(), at: new Date().toISOString(), ...event }));
  try {
    const response = await fetch("/v1/profiles/me/interactions", {
      method: "POST", keepalive: true, body: JSON.stringify({ events: told }),
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    });
    return response.ok;
  } catch { return false; }
}

/** Tells how far a film was watched, whenever the viewer stops. */
export function recordPlays(video, title, signal) {
  let told = -1;
  const tell = () => {
    const length = video.duration || title.duration_seconds;
    const watched = video.ended ? 1 : Math.min(1, Math.round((video.currentTime / length) * 1000) / 1000);
    if (!Number.isFinite(watched) || watched === told || watched === 0) return;
    told = watched;
    record({ title: title.id, kind: "play", watched });
  };
  for (const name of ["pause", "ended"]) video.addEventListener(name, tell, { signal });
  addEventListener("pagehide", tell, { signal });
  signal.addEventListener("abort", tell);
}
