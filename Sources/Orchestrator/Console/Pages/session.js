// Who is signed in, and the way out. Where the engine asks for no keys, there is nobody to show.

import { h } from "./markup.js";

/** To the page for signing in, and from there back to where the visitor is. */
export function toSignIn() {
  location.assign("/console/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
}

/** Asks the engine whether the session still holds. Without an answer nothing is known. */
export async function leaveIfSignedOut() {
  try {
    const response = await fetch("/console/api/session", { headers: { accept: "application/json" } });
    if (response.status === 401) toSignIn();
  } catch {
    // The connection is lost: the caller tries again.
  }
}

export async function showSession(place) {
  let session;
  try {
    const response = await fetch("/console/api/session", { headers: { accept: "application/json" } });
    if (!response.ok) return;
    session = await response.json();
  } catch {
    return;
  }
  if (!session.signedIn) return;
  const leave = h("button", { type: "button", class: "quiet" }, "Sign out");
  leave.addEventListener("click", async () => {
    try {
      const { ok, status } = await fetch("/console/api/session", { method: "DELETE" });
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
