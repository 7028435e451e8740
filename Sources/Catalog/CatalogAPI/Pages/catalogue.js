// The wall of posters, its states, and the small tools all pages use.

import { facts, kinds, length } from "./format.js";

/** An element with properties and children; text children are never read as markup. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

/** A line drawing from path data. */
export function drawing(viewBox, ...paths) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("aria-hidden", "true");
  for (const data of paths) {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", data);
    svg.append(path);
  }
  return svg;
}

/** What the service said instead of an answer, for people. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `The service answered with status ${status}.`);
    this.status = status;
    this.code = problem.code;
    this.requestID = problem.request_id;
  }
}

/** Asks the service; an answer that is none becomes a Refusal. token: a bearer token, where somebody asks for himself. */
export async function ask(path, signal, token) {
  let response;
  try {
    // Asked again each time: unchanged answers cost no bytes, and what is published shows at once.
    const headers = { accept: "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    response = await fetch(path, { signal, cache: "no-cache", headers });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Refusal(0, { detail: "The service cannot be reached. It may be restarting, or the network is down." });
  }
  try {
    const document = await response.json();
    if (response.ok) return document;
    throw new Refusal(response.status, document);
  } catch (error) {
    if (signal.aborted || error instanceof Refusal) throw error;
    if (!response.ok) throw new Refusal(response.status, {});
    throw new Refusal(0, { detail: "The answer broke off. The service may be restarting, or the network is down." });
  }
}

/** Addresses of media as seen from this page's own origin. */
export function local(address) {
  return address && new URL(address).pathname;
}

export function announce(words) {
  document.querySelector("#announcer").textContent = words;
}

/** What went wrong, why, and what can be done now. */
export function trouble(heading, error, again, level = "h2") {
  return element("div", { class: "notice", role: "alert" },
    drawing("0 0 48 48", "M24 6 44 40H4z", "M24 18v10", "M24 34v.5"),
    element(level, { tabindex: "-1" }, heading),
    element("p", {}, error.message),
    element("button", { class: "button", onclick: again }, "Try again"),
    error.requestID && element("p", { class: "why" }, `Request ${error.requestID}`));
}

function poster(title) {
  const picture = element("div", { class: "poster" });
  const initials = () => element("span", { class: "initials", "aria-hidden": "true" },
    title.title.split(/\s+/).slice(0, 2).map((word) => [...word][0]).join("").toUpperCase());
  if (title.poster) {
    const image = element("img", { src: local(title.poster), alt: "", loading: "lazy", decoding: "async" });
    image.addEventListener("error", () => image.replaceWith(initials()));
    picture.append(image);
  } else {
    picture.append(initials());
  }
  picture.append(element("span", { class: "length", "aria-hidden": "true" }, length(title.duration_seconds)));
  return picture;
}

/** A poster with its name under it, as a link to the title. heading: the level of its name. */
export function card(title, heading = "h2") {
  return element("li", {},
    element("a", { class: "card", href: `#/titles/${encodeURIComponent(title.id)}` },
      poster(title),
      element(heading, {}, title.title),
      element("p", { class: "facts" },
        ...facts(title).slice(0, -1).map((fact) => element("span", {}, fact)),
        element("span", { class: "visually-hidden" }, length(title.duration_seconds)))));
}

export function skeleton() {
  const cells = Array.from({ length: 12 }, () => element("li", { class: "skeleton" },
    element("div", { class: "poster" }), element("div", { class: "line" }), element("div", { class: "line" })));
  return element("ul", { class: "grid", "aria-hidden": "true" }, ...cells);
}

function empty(isFiltered) {
  const reel = drawing("0 0 48 48", "M6 12h36v26H6z", "M6 20h36", "m14 12-4 8", "m24 12-4 8", "m34 12-4 8", "M21 25v8l7-4z");
  if (isFiltered) {
    return element("div", { class: "notice" }, reel, element("h2", {}, "Nothing of this kind yet"),
      element("a", { class: "button quiet", href: "#/" }, "Show all titles"));
  }
  return element("div", { class: "notice" }, reel,
    element("h2", {}, "Nothing is published yet"),
    element("p", {}, "Titles appear here as soon as a workflow has published them. To bring in the first one:"),
    element("code", {}, "showrunner ingest film.mp4 --wait"));
}

/** Arrow keys move between posters by where they stand, as a TV remote does. */
export function moveByArrows(event) {
  const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
  const here = event.target.closest(".card")?.getBoundingClientRect();
  if (!here) return;
  const [dx, dy] = direction;
  const candidates = [...event.currentTarget.querySelectorAll(".card")].map((link) => {
    const there = link.getBoundingClientRect();
    const [x, y] = [there.left - here.left, there.top - here.top];
    return { link, ahead: x * dx + y * dy, aside: Math.abs(x * dy) + Math.abs(y * dx) };
  }).filter(({ ahead, aside }) => ahead > 4 && (dy || aside < 4));
  candidates.sort((a, b) => a.ahead + 2 * a.aside - b.ahead - 2 * b.aside);
  if (candidates.length) {
    event.preventDefault();
    candidates[0].link.focus();
  }
}

/** Shows the titles that a query such as "kind=movie" names. */
export async function showCatalogue(main, query, signal) {
  const isFiltered = query.has("genre") || query.has("kind");
  const heading = query.has("genre") ? query.get("genre").replaceAll("-", " ") : kinds[query.get("kind")] ?? "New";
  const name = heading[0].toUpperCase() + heading.slice(1);
  document.title = isFiltered ? `${name} · Showrunner` : "Showrunner";
  const place = element("div", { "aria-busy": "true" }, skeleton());
  main.replaceChildren(element("h1", { tabindex: "-1" }, name), place);

  const wanted = new URLSearchParams([...query].filter(([key]) => ["genre", "kind"].includes(key)));
  const load = async () => {
    place.setAttribute("aria-busy", "true");
    place.replaceChildren(skeleton());
    try {
      const page = await ask(`/v1/titles?${wanted}`, signal);
      const list = element("ul", { class: "grid", onkeydown: moveByArrows }, ...page.items.map((title) => card(title)));
      place.replaceChildren(page.items.length ? list : empty(isFiltered));
      addMore(place, list, page.next);
      announce(page.items.length ? `${page.items.length} titles` : "No titles");
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(trouble("The titles could not be loaded", error, load));
    }
    place.removeAttribute("aria-busy");
  };

  const addMore = (parent, list, next) => {
    if (!next) return;
    const bar = element("div", { class: "more" });
    const button = element("button", { class: "button quiet" }, "More titles");
    const loadMore = async () => {
      button.disabled = true;
      try {
        const page = await ask(`/v1/titles?${new URLSearchParams([...wanted, ["cursor", next]])}`, signal);
        const cards = page.items.map((title) => card(title));
        list.append(...cards);
        bar.remove();
        cards[0]?.querySelector("a").focus();
        addMore(parent, list, page.next);
        announce(`${cards.length} more titles`);
      } catch (error) {
        if (!signal.aborted) bar.replaceChildren(trouble("More titles could not be loaded", error, loadMore));
      }
    };
    button.addEventListener("click", loadMore);
    bar.append(button);
    parent.append(bar);
  };

  await load();
}
