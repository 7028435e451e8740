import { h, svg, setAttribute, setText } from "./markup.js";
import { duration, percent, shareOf } from "./format.js";
import { describe, statusShape } from "./status.js";
import { drawing, size } from "./graph-layout.js";

const nameLength = 18;
const order = ["failed", "retrying", "running", "waiting", "aborted", "caught", "succeeded"];

/** `<run-graph>`: a definition drawn, with the life of one execution on it. */
export class RunGraph extends HTMLElement {
  #nodes = [];
  #maps = new Set();
  #built;
  #isDefinition;

  /** Draws the definition; one that cannot be read is said to be so. Without a run, states have their types under their names. */
  build(text, { isDefinition = false } = {}) {
    if (this.#built === text) return;
    this.#built = text;
    this.#isDefinition = isDefinition;
    this.#nodes = [];
    this.#maps = new Set();
    let plan;
    try {
      plan = drawing(JSON.parse(text));
    } catch {
      this.replaceChildren(h("p", { class: "faint" }, "The definition cannot be drawn."));
      return;
    }
    for (const node of plan.nodes) if (node.type === "Map") this.#maps.add(key(node.path, node.name));
    const picture = svg("svg", { viewBox: `0 0 ${Math.ceil(plan.width)} ${Math.ceil(plan.height)}`, width: Math.ceil(plan.width), height: Math.ceil(plan.height), role: "group", "aria-label": "State machine" });
    picture.append(...plan.nodes.filter((node) => node.isContainer).map((node) => this.#node(node)));
    picture.append(...plan.edges.map(edge));
    picture.append(...plan.dots.map((dot) => svg("circle", { class: "terminal", cx: dot.x, cy: dot.y, r: size.dot - 1 })));
    picture.append(...plan.nodes.filter((node) => !node.isContainer).map((node) => this.#node(node)));
    this.style.setProperty("--natural", `${Math.ceil(plan.width)}px`);
    this.replaceChildren(picture);
  }

  /** Draws nothing until something is built again. */
  clear() {
    this.#built = undefined;
    this.#nodes = [];
    this.replaceChildren();
  }

  /** Where the drawing is wider than its frame: the node selected comes into view. */
  reveal() {
    const frame = this.parentElement;
    const node = this.querySelector("[aria-current]") ?? this.querySelector(".node");
    if (!node || frame.scrollWidth <= frame.clientWidth) return;
    const [outer, inner] = [frame.getBoundingClientRect(), node.getBoundingClientRect()];
    frame.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
  }

  #node(node) {
    const shape = svg("g", { transform: `translate(${node.x + 12} ${node.y + (node.isContainer ? 12 : 15)})` });
    const left = node.x + (this.#isDefinition ? 14 : 36);
    const name = svg("text", { class: "name", x: left, y: node.y + 19 }, cut(node.name));
    const words = svg("text", { class: "words", x: left, y: node.y + 36 }, this.#isDefinition ? node.type : "");
    const done = svg("rect", { class: "done", x: node.x + 1, y: node.y + node.height - 4, height: 3, width: 0 });
    const link = svg("a", { class: `node ${node.isContainer ? "container" : ""}`, href: "?" },
      svg("rect", { class: "body", x: node.x, y: node.y, width: node.width, height: node.height, rx: 8 }),
      shape, name, words, node.isContainer ? null : done,
      node.name.length > nameLength ? svg("title", {}, node.name) : null);
    this.#nodes.push({ node, link, shape, words, done });
    return link;
  }

  /**
   * @param {object[]} states state entries, in the order of entering
   * @param {Map<number, object>} progress reports by entry
   * @param {{entry?: number, state?: string, path?: string}} selection
   */
  update(states, progress, selection) {
    const entries = new Map();
    for (const state of states) {
      const place = key(this.#normalised(state.path), state.name);
      if (entries.has(place)) entries.get(place).push(state);
      else entries.set(place, [state]);
    }
    for (const { node, link, shape, words, done } of this.#nodes) {
      const found = entries.get(key(node.path, node.name)) ?? [];
      const last = found.at(-1);
      const isMany = node.path.includes("[*]") && found.length > 1;
      const status = found.length === 0 ? "none" : isMany ? order.find((word) => found.some((state) => state.status === word)) : last.status;
      const share = !isMany && last?.status === "running" ? shareOf(progress.get(last.entry)) : undefined;
      const text = isMany ? many(found) : last ? one(last, share) : "";
      if (link.dataset.status !== status) {
        link.dataset.status = status;
        shape.replaceChildren(statusShape(status));
      }
      setText(words, text);
      done.setAttribute("width", share === undefined ? 0 : Math.max(0, (node.width - 2) * share).toFixed(1));
      const isSelected = last ? found.some((state) => state.entry === selection.entry)
        : selection.state === node.name && (selection.path ?? "") === node.path;
      setAttribute(link, "aria-current", isSelected ? "true" : undefined);
      const target = last ? `?entry=${(found.find((state) => state.entry === selection.entry) ?? last).entry}`
        : `?state=${encodeURIComponent(node.name)}${node.path ? `&path=${encodeURIComponent(node.path)}` : ""}`;
      setAttribute(link, "href", target);
      setAttribute(link, "aria-label", `${node.name}, ${node.type}, ${describe(status).word}${text && !text.startsWith(describe(status).word) ? `, ${text}` : ""}`);
    }
  }

  /**
   * The definition alone, without a run.
   *
   * @param {{state?: string, path: string}} selection
   * @param {function({name: string, path: string}): string} address of a state
   */
  showDefinition(selection, address) {
    for (const { node, link } of this.#nodes) {
      const isSelected = node.name === selection.state && node.path === selection.path;
      setAttribute(link, "aria-current", isSelected ? "true" : undefined);
      setAttribute(link, "href", address(node));
      setAttribute(link, "aria-label", `${node.name}, ${node.type}`);
    }
  }

  /** The path of an entry as the drawing has it: any item of a Map is `[*]`. */
  #normalised(path) {
    let [done, rest] = ["", path];
    while (rest) {
      const end = rest.match(/\[(\d+)\](?:\/|$)/);
      if (!end) return path;
      const name = rest.slice(0, end.index);
      const index = this.#maps.has(key(done, name)) ? "*" : end[1];
      done = `${done ? `${done}/` : ""}${name}[${index}]`;
      rest = rest.slice(end.index + end[0].length);
    }
    return done;
  }
}
customElements.define("run-graph", RunGraph);

const key = (path, name) => `${path}\n${name}`;

const cut = (text) => (text.length > nameLength ? `${text.slice(0, nameLength - 1)}…` : text);

function one(state, share) {
  const words = [describe(state.status).word];
  if (share !== undefined) words.push(percent(share));
  else if (state.type === "Choice" || state.type === "Pass") return words[0];
  else if (state.exitedAt) words.push(duration(new Date(state.exitedAt) - new Date(state.enteredAt)));
  if (state.attempts > 1) words.push(`try ${state.attempts}`);
  return words.join(" · ");
}

function many(found) {
  const done = found.filter((state) => state.status === "succeeded").length;
  const failed = found.filter((state) => state.status === "failed").length;
  return `${done} of ${found.length} done${failed ? ` · ${failed} failed` : ""}`;
}

function edge({ kind, shape, points }) {
  let path;
  const [endX, endY] = points.at(-1);
  let tip;
  if (shape === "down") {
    const [[x1, y1], [x2, y2]] = points;
    const bend = Math.max(12, (y2 - y1) / 2);
    path = `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2 - 3}`;
    tip = `M${endX - 4} ${endY - 7}L${endX} ${endY - 1}L${endX + 4} ${endY - 7}`;
  } else {
    const [[x1], [lane, top], [, bottom], [x2, y2]] = points;
    const radius = Math.min(8, Math.abs(lane - x1), Math.abs(bottom - top) / 2);
    const side = lane > x1 ? 1 : -1;
    const way = bottom > top ? 1 : -1;
    // Drawn from its end, so that the dashes of all that share the lane fall together.
    path = `M${x2 + side * 3} ${y2}H${lane - side * radius}Q${lane} ${y2} ${lane} ${y2 - way * radius}V${top + way * radius}`
      + `Q${lane} ${top} ${lane - side * radius} ${top}H${x1}`;
    tip = `M${x2 + side * 7} ${y2 - 4}L${x2 + side} ${y2}L${x2 + side * 7} ${y2 + 4}`;
  }
  return svg("g", {}, svg("path", { class: `edge ${kind}`, d: path }), svg("path", { class: "edge", d: tip }));
}
