// Who is signed in, and the way out. Where the engine asks for no keys, there is nobody to show.

import { h } from "./markup.js";

const path = "/console/api/session";

/** Seconds for which the engine is waited for. It gives up itself after fifteen; one that is frozen, or a line that is cut, says nothing at all. */
export const patience = 30;

const ask = (method) => fetch(path, { method, headers: { accept: "application/json" }, signal: AbortSignal.timeout(patience * 1000) });

/** To the page for signing in, and from there back to where the visitor is. */
export function toSignIn() {
  location.assign("/console/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
}

let isAsking = false;

/** Asks the engine whether the session still holds; once at a time, since a browser has few connections to a host. Without an answer nothing is known. */
export async function leaveIfSignedOut() {
  if (isAsking) return;
  isAsking = true;
  try {
    const response = await ask("GET");
    if (response.status === 401) toSignIn();
  } catch {
    // The connection is lost: the caller tries again.
  } finally {
    isAsking = false;
  }
}

export async function showSession(place) {
  let session;
  try {
    const response = await ask("GET");
    if (!response.ok) return;
    session = await response.json();
  } catch {
    return;
  }
  if (!session.signedIn) return;
  const leave = h("button", { type: "button", class: "quiet" }, "Sign out");
  leave.addEventListener("click", async () => {
    try {
      const { ok, status } = await ask("DELETE");
      if (ok || status === 401) return location.assign("/console/sign-in");
    } catch {
      // The engine can't be reached: as it is with an engine that refuses.
    }
    leave.textContent = "Still signed in. Sign out";
  });
  place.replaceChildren(
    h("span", { class: "faint", title: `Signed in with ${session.accessKeyId}` }, session.role), leave);
  place.hidden = false;
}
