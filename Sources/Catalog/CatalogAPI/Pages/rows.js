// The home page of a profile: rows of titles that were chosen for it, with the reason where there is one.

import { announce, ask, card, element, moveByArrows, skeleton, trouble } from "./catalogue.js";
import { forget, record, remember, token } from "./viewer.js";

function progress(watched) {
  const share = Math.round(watched * 100);
  const bar = element("div", { class: "watched", role: "img", "aria-label": `${share} % watched` }, element("div", {}));
  bar.firstChild.style.setProperty("--share", `${share}%`);
  return bar;
}

/** Takes a title out of what is being watched; how far it was watched stays known. */
function removal(title, item) {
  const button = element("button", { class: "remove", "aria-label": `Remove ${title.title} from Continue watching` }, "Remove");
  button.addEventListener("click", async () => {
    button.disabled = true;
    if (!await record({ title: title.id, kind: "dismiss" })) {
      button.disabled = false;
      announce(`${title.title} could not be removed`);
      return;
    }
    const section = item.closest("section");
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (next) next.querySelector("a").focus(); else section.remove();
    announce(`${title.title} removed`);
  });
  return button;
}

function entry(title, kind) {
  const item = card(title, "h3");
  if (title.watched != null) item.querySelector(".poster").append(progress(title.watched));
  if (title.because) item.querySelector(".card").append(element("p", { class: "reason" }, `Because you liked ${title.because.title}`));
  if (kind === "continue_watching") item.append(removal(title, item));
  return item;
}

function section(row, number) {
  const id = `row-${number}`;
  const heading = row.genre
    ? element("a", { href: `#/?genre=${encodeURIComponent(row.genre)}` }, row.title) : row.title;
  return element("section", { class: "row", "aria-labelledby": id },
    element("h2", { id }, heading),
    element("ul", {}, ...row.items.map((title) => entry(title, row.kind))));
}

function empty() {
  return element("div", { class: "notice" }, element("h2", {}, "Nothing to show yet"),
    element("p", {}, "No title is published that this profile may see."),
    element("a", { class: "button quiet", href: "#/?all" }, "Show all titles"));
}

/** Shows the rows; false where nobody is signed in, or not any more. */
export async function showRows(main, signal) {
  const bearer = token();
  if (!bearer) return false;
  document.title = "Showrunner";
  const place = element("div", { class: "rows", "aria-busy": "true" }, skeleton());
  main.replaceChildren(element("h1", { class: "visually-hidden", tabindex: "-1" }, "Home"), place);
  const load = async () => {
    place.setAttribute("aria-busy", "true");
    place.replaceChildren(skeleton());
    try {
      const home = await ask("/v1/profiles/me/rows", signal, bearer);
      place.replaceChildren(...home.rows.map(section), ...(home.rows.length ? [] : [empty()]));
      announce(`${home.rows.length} rows`);
    } catch (error) {
      if (signal.aborted) return true;
      if (error.status === 401) { forget(); return false; }
      place.replaceChildren(trouble("Your rows could not be loaded", error, load));
    }
    place.removeAttribute("aria-busy");
    return true;
  };
  place.addEventListener("keydown", moveByArrows);
  return load();
}

/** Asks for a profile's access token, and shows its rows once there is one that holds. */
export function showSignIn(main, signal) {
  document.title = "Sign in · Showrunner";
  const field = element("input", { type: "password", id: "access-token", autocomplete: "off", required: true, "aria-describedby": "token-says" });
  const says = element("p", { id: "token-says", class: "why" }, "Whoever runs this service gives it to you.");
  const form = element("form", { class: "sign-in-form" },
    element("h1", { tabindex: "-1" }, "Sign in"),
    element("label", { for: "access-token" }, "Access token"), field, says,
    element("button", { class: "button" }, "Sign in"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const bearer = field.value.trim();
      await ask("/v1/profiles/me/rows", signal, bearer);
      if (!remember(bearer)) throw new Error("This browser keeps nothing; allow it to store data for this site.");
      location.hash = "#/";
    } catch (error) {
      if (signal.aborted) return;
      says.setAttribute("role", "alert");
      says.replaceChildren(error.message);
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
  });
  main.replaceChildren(form);
}
