// W3C ClearKey (Encrypted Media Extensions): asks the service for the keys of a film and hands them to the browser.

const base64 = (hex) => btoa(String.fromCharCode(...hex.match(/../g).map((pair) => parseInt(pair, 16))))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/**
 * Makes a video ready for protected segments.
 * film: what the multivariant playlist says. licence: { address, token, renew }, where renew() gives another token.
 */
export async function unlock(video, film, licence) {
  if (!navigator.requestMediaKeySystemAccess) throw new Error("This browser plays no protected films over an insecure connection.");
  const types = (kind, codecs) => [...new Set(codecs)].filter(Boolean)
    .map((list) => ({ contentType: `${kind}/mp4; codecs="${list}"`, encryptionScheme: film.scheme }));
  const configuration = {
    initDataTypes: ["keyids"], sessionTypes: ["temporary"],
    videoCapabilities: types("video", film.rungs.map(({ codecs }) => codecs)),
    audioCapabilities: types("audio", film.rungs.map(({ audioCodecs }) => audioCodecs)),
  };
  for (const kind of ["videoCapabilities", "audioCapabilities"]) if (!configuration[kind].length) delete configuration[kind];
  const access = await navigator.requestMediaKeySystemAccess("org.w3.clearkey", [configuration])
    .catch(() => { throw new Error(`This browser plays no films that are protected by ${film.scheme}.`); });
  const keys = await access.createMediaKeys();
  await video.setMediaKeys(keys);
  const session = keys.createSession();
  const answered = new Promise((resolve, reject) => {
    session.addEventListener("message", async ({ message }) => {
      try {
        await session.update(await ask(licence, message));
        resolve();
      } catch (error) { reject(error); }
    });
  });
  const kids = JSON.stringify({ kids: film.keyIDs.map(base64) });
  await session.generateRequest("keyids", new TextEncoder().encode(kids));
  await answered;
  return session;
}

async function ask(licence, message) {
  let token = licence.token;
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(licence.address, {
      method: "POST", body: message,
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    }).catch(() => { throw new Error("The licence service cannot be reached."); });
    if (response.ok) return response.arrayBuffer();
    // A playback token holds for minutes only: the page may have been open for longer.
    if (response.status === 401 && attempt === 0) { token = await licence.renew(); continue; }
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? `The licence service answered with status ${response.status}.`);
  }
}
