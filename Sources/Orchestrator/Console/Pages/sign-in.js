// Signing in: an access key becomes a cookie that scripts don't see.

const form = document.querySelector(".sign-in");
const problem = form.querySelector(".problem");
const button = form.querySelector("button");

/** Where the visitor was going: an address of the console, whatever the query says. */
function destination() {
  const next = new URLSearchParams(location.search).get("next") ?? "/console/";
  const address = new URL(next, location.origin);
  const isConsole = address.origin === location.origin && /^\/console(\/|$)/.test(address.pathname);
  return isConsole && !address.pathname.startsWith("/console/sign-in") ? address.pathname + address.search : "/console/";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.textContent = "";
  button.disabled = true;
  try {
    const response = await fetch("/console/api/session", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ accessKeyId: form.username.value.trim(), secretAccessKey: form.password.value.trim() }),
    });
    if (response.ok) {
      location.replace(destination());
      return;
    }
    const document = await response.json().catch(() => ({}));
    problem.textContent = document.detail ?? `The engine answered with status ${response.status}.`;
    form.password.select();
  } catch {
    problem.textContent = "The engine cannot be reached. It may be restarting.";
  }
  button.disabled = false;
});
