// Which page is shown: the address behind the # decides.

import { element, showCatalogue } from "./catalogue.js";
import { kinds } from "./format.js";
import { showRows } from "./rows.js";
import { showTitle } from "./title.js";

const main = document.querySelector("#content");
const nav = document.querySelector("#kinds");
let current = new AbortController();

function showKinds(query, isCatalogue) {
  const links = [["", "All"], ...Object.entries(kinds).filter(([kind]) => ["movie", "series", "docuseries", "episode", "short"].includes(kind))];
  nav.replaceChildren(...links.map(([kind, name]) => element("a", {
    href: kind ? `#/?kind=${kind}` : "#/",
    "aria-current": isCatalogue && !query.has("genre") && (query.get("kind") ?? "") === kind && "page",
  }, name)));
}

async function show(isFirst) {
  const hash = location.hash.slice(1) || "/";
  if (!hash.startsWith("/")) return; // The skip link.
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const [path, search = ""] = hash.split("?");
  const query = new URLSearchParams(search);
  const title = path.match(/^\/titles\/([^/]+)$/);
  showKinds(query, !title);
  if (title) await showTitle(main, decodeURIComponent(title[1]), signal);
  else if (search || !await showRows(main, signal)) await showCatalogue(main, query, signal);
  if (signal.aborted || isFirst) return;
  window.scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

window.addEventListener("hashchange", () => show(false));
show(true);
