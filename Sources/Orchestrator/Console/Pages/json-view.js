import { h, copyButton } from "./markup.js";

const chunk = 100;
const longText = 400;
const openLevels = 2;

/** `<json-view>`: a document that unfolds; its parts are made only when they are opened. */
export class JSONView extends HTMLElement {
  /** levels: how many of them are open at first. */
  show(value, levels = openLevels) {
    const text = JSON.stringify(value);
    if (this.shown === text) return this;
    this.shown = text;
    this.replaceChildren(node(value, openLevels - levels));
    return this;
  }
}
customElements.define("json-view", JSONView);

/** A titled, foldable document with a button that copies it; `text` is how it is written where that is to be kept. */
export function jsonSection(title, value, { open = true, levels, text } = {}) {
  const view = document.createElement("json-view").show(value, levels);
  const details = h("details", { class: "document", open }, h("summary", {}, title), view);
  return h("div", { class: "document-frame" }, details, copyButton(title.toLowerCase(), () => text ?? JSON.stringify(value, null, 2)));
}

/** A value behind its key, which stands in the line that folds what is below it. */
function node(value, depth, key) {
  if (Array.isArray(value)) return branch(value.map((item, index) => [index, item]), "[", "]", depth, key);
  if (value !== null && typeof value === "object") return branch(Object.entries(value), "{", "}", depth, key);
  return h("span", {}, label(key), leaf(value));
}

function label(key) {
  if (key === undefined) return null;
  return [h("span", { class: "json-key" }, typeof key === "number" ? String(key) : JSON.stringify(key)), h("span", { class: "json-punctuation" }, ": ")];
}

function leaf(value) {
  if (typeof value !== "string") return h("span", { class: `json-${value === null ? "null" : typeof value}` }, String(value));
  const quoted = JSON.stringify(value);
  const element = h("span", { class: "json-string" });
  if (quoted.length <= longText) {
    element.textContent = quoted;
    return element;
  }
  const whole = h("button", { type: "button", class: "quiet" }, `show all ${value.length} characters`);
  element.append(`${quoted.slice(0, longText)}… `, whole);
  whole.addEventListener("click", () => { element.textContent = quoted; });
  return element;
}

function branch(entries, opening, closing, depth, key) {
  if (entries.length === 0) return h("span", {}, label(key), h("span", { class: "json-punctuation" }, opening + closing));
  const word = opening === "{" ? "member" : "item";
  const list = h("ul", { class: "json" });
  const details = h("details", { open: depth < openLevels && entries.length <= 40 },
    h("summary", {}, label(key), h("span", { class: "json-punctuation" }, opening),
      h("span", { class: "json-count" }, ` ${entries.length} ${word}${entries.length === 1 ? "" : "s"} `),
      h("span", { class: "json-punctuation" }, closing)),
    list);
  let made = 0;
  const makeMore = () => {
    const next = entries.slice(made, made + chunk);
    list.append(...next.map(([name, value]) => h("li", {}, node(value, depth + 1, name))));
    made += next.length;
    if (made < entries.length) {
      const more = h("button", { type: "button", class: "quiet" }, `${entries.length - made} more`);
      const item = h("li", {}, more);
      more.addEventListener("click", () => { item.remove(); makeMore(); });
      list.append(item);
    }
  };
  if (details.open) makeMore();
  details.addEventListener("toggle", () => { if (details.open && made === 0) makeMore(); });
  return details;
}
