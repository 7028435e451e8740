// Which page the address names, and the keys that work on all of them.

import { h } from "./markup.js";
import { showHelp } from "./dialogs.js";
import { showSession } from "./session.js";
import "./runs-page.js";
import "./run-page.js";
import "./machines-page.js";
import "./machine-page.js";
import "./schedules-page.js";
import "./triggers-page.js";
import "./workers-page.js";

const main = document.getElementById("content");

/** What a segment of an address names; one that is not encoded rightly names nothing that there is, and its page says so. */
function named(segment) {
  try { return decodeURIComponent(segment); } catch { return segment; }
}

function pageFor(path) {
  const run = path.match(/^\/console\/runs\/([^/]+)\/?$/);
  if (run) return { name: "runs", key: path, element: () => h("run-page", { run: named(run[1]) }) };
  if (/^\/console\/machines\/?$/.test(path)) return { name: "machines", key: "machines", element: () => h("machines-page") };
  const machine = path.match(/^\/console\/machines\/([^/]+)\/?$/);
  if (machine) return { name: "machines", key: path, element: () => h("machine-page", { machine: named(machine[1]) }) };
  if (/^\/console\/workers\/?$/.test(path)) return { name: "workers", key: "workers", element: () => h("workers-page") };
  if (/^\/console\/schedules\/?$/.test(path)) return { name: "schedules", key: "schedules", element: () => h("schedules-page") };
  const schedule = path.match(/^\/console\/schedules\/([^/]+)\/?$/);
  if (schedule) return { name: "schedules", key: path, element: () => h("schedule-page", { schedule: named(schedule[1]) }) };
  if (/^\/console\/triggers\/?$/.test(path)) return { name: "triggers", key: "triggers", element: () => h("triggers-page") };
  const trigger = path.match(/^\/console\/triggers\/([^/]+)\/?$/);
  if (trigger) return { name: "triggers", key: path, element: () => h("trigger-page", { trigger: named(trigger[1]) }) };
  return { name: "runs", key: "runs", element: () => h("runs-page") };
}

let shown;

function show({ moveFocus }) {
  const page = pageFor(location.pathname);
  if (shown === page.key) {
    main.firstElementChild?.addressChanged?.();
    return;
  }
  shown = page.key;
  for (const link of document.querySelectorAll(".bar nav a")) {
    if (link.dataset.page === page.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.replaceChildren(page.element());
  scrollTo(0, 0);
  if (moveFocus) main.focus({ preventScroll: true });
}

export function go(address) {
  history.pushState(null, "", address);
  show({ moveFocus: true });
}

addEventListener("popstate", () => show({ moveFocus: true }));

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (event.target.closest?.("[data-action=help]")) {
    showHelp();
    return;
  }
  const link = event.target.closest?.("a[href]");
  const address = link && new URL(link.href?.baseVal ?? link.href, location.href);
  if (!address || address.origin !== location.origin || !address.pathname.startsWith("/console/")) return;
  if (address.pathname.startsWith("/console/api/") || address.hash) return;
  event.preventDefault();
  if (address.href !== location.href) go(address.href);
});

let prefix = "";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const key = prefix + event.key;
  prefix = "";
  switch (key) {
    case "g": prefix = "g "; setTimeout(() => { prefix = ""; }, 1200); return;
    case "g r": go("/console/"); break;
    case "g m": go("/console/machines"); break;
    case "g w": go("/console/workers"); break;
    case "g s": go("/console/schedules"); break;
    case "g t": go("/console/triggers"); break;
    case "?": showHelp(); break;
    case "/": {
      const search = main.querySelector("input[type=search]");
      if (!search) { go("/console/"); requestAnimationFrame(() => main.querySelector("input[type=search]")?.focus()); }
      else search.focus();
      break;
    }
    case "j": case "k": moveInRows(key === "j" ? 1 : -1); break;
    case "r": case "s": {
      const verb = main.querySelector(`[data-action=${key === "r" ? "redrive" : "stop"}]:not([hidden])`);
      if (!verb) return;
      verb.click();
      break;
    }
    default: return;
  }
  event.preventDefault();
});

/** Moves the focus among the rows of the page; the first move goes to the selected row or the first. */
function moveInRows(step) {
  const rows = [...main.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
  if (rows.length === 0) return;
  const current = rows.indexOf(document.activeElement.closest("[data-row]"));
  const selected = rows.findIndex((row) => row.getAttribute("aria-current") === "true");
  const next = current >= 0 ? current + step : selected >= 0 ? selected + step : 0;
  const row = rows[Math.min(rows.length - 1, Math.max(0, next))];
  row.focus();
  row.scrollIntoView({ block: "nearest" });
}

show({ moveFocus: false });
showSession(document.querySelector(".session"));
