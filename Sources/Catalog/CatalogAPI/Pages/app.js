// Which page is shown: the address behind the # decides.

import { element, showCatalogue } from "./catalogue.js";
import { kinds } from "./format.js";
import { showRows, showSignIn } from "./rows.js";
import { showTitle } from "./title.js";
import { forget, token } from "./viewer.js";

const main = document.querySelector("#content");
const nav = document.querySelector("#kinds");
let current = new AbortController();

function showKinds(query, isCatalogue) {
  const shown = ["movie", "series", "docuseries", "episode", "short"];
  const links = [...(token() ? [["#/", "Home", ""], ["#/?all", "All", "all"]] : [["#/", "All", ""]]),
    ...shown.map((kind) => [`#/?kind=${kind}`, kinds[kind], `kind=${kind}`])];
  nav.replaceChildren(...links.map(([href, name, place]) => element("a", {
    href, "aria-current": isCatalogue && query.toString().replace(/=$/, "") === place && "page",
  }, name)), token()
    ? element("button", { class: "link", onclick: () => { forget(); ["", "#/"].includes(location.hash) ? show(false) : location.hash = "#/"; } }, "Sign out")
    : element("a", { href: "#/sign-in", "aria-current": location.hash === "#/sign-in" && "page" }, "Sign in"));
}

async function show(isFirst) {
  const hash = location.hash.slice(1) || "/";
  if (!hash.startsWith("/")) return; // The skip link.
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const [path, search = ""] = hash.split("?");
  const query = new URLSearchParams(search);
  const title = path.match(/^\/titles\/([^/]+)$/); // Ids need no percent-encoding.
  showKinds(query, !title && path === "/");
  if (path === "/sign-in") showSignIn(main, signal);
  else if (title) await showTitle(main, title[1], signal);
  else if (search || !await showRows(main, signal)) {
    showKinds(query, true); // A token that does not hold any more is forgotten by now.
    await showCatalogue(main, query, signal);
  }
  if (signal.aborted || isFirst) return;
  window.scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

window.addEventListener("hashchange", () => show(false));
show(true);
