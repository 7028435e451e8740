import { h, svg } from "./markup.js";

// A status is a shape, a word and a colour. Executions bring AWS's words, state entries ours.
const statuses = {
  RUNNING: { shape: "ring", word: "running", tone: "running" },
  SUCCEEDED: { shape: "tick", word: "succeeded", tone: "ok" },
  FAILED: { shape: "cross", word: "failed", tone: "fail" },
  TIMED_OUT: { shape: "clock", word: "timed out", tone: "fail" },
  ABORTED: { shape: "square", word: "stopped", tone: "wait" },
  running: { shape: "ring", word: "running", tone: "running" },
  waiting: { shape: "hollow", word: "waiting", tone: "wait" },
  retrying: { shape: "again", word: "retrying", tone: "warn" },
  succeeded: { shape: "tick", word: "done", tone: "ok" },
  failed: { shape: "cross", word: "failed", tone: "fail" },
  caught: { shape: "caught", word: "caught", tone: "warn" },
  aborted: { shape: "square", word: "stopped", tone: "wait" },
  trouble: { shape: "cross", word: "can't start", tone: "fail" },
  paused: { shape: "square", word: "paused", tone: "warn" },
  disabled: { shape: "square", word: "disabled", tone: "wait" },
  listening: { shape: "hollow", word: "listening", tone: "wait" },
  locked: { shape: "square", word: "no secret", tone: "warn" },
  away: { shape: "caught", word: "can't look", tone: "warn" },
  started: { shape: "tick", word: "started", tone: "ok" },
  known: { shape: "again", word: "told again", tone: "wait" },
  unmatched: { shape: "dots", word: "not meant", tone: "none" },
  held: { shape: "square", word: "held", tone: "warn" },
  refused: { shape: "cross", word: "refused", tone: "fail" },
  none: { shape: "dots", word: "not reached", tone: "none" },
};

export function describe(status) {
  return statuses[status] ?? { shape: "hollow", word: String(status).toLowerCase(), tone: "wait" };
}

const shapes = {
  ring: () => [svg("circle", { class: "track", cx: 8, cy: 8, r: 5.5 }),
    svg("path", { class: "line turning", d: "M8 2.5a5.5 5.5 0 0 1 5.5 5.5" })],
  tick: () => [svg("circle", { class: "solid", cx: 8, cy: 8, r: 7 }), svg("path", { class: "cut", d: "M4.8 8.3l2.2 2.2 4.3-4.7" })],
  cross: () => [svg("path", { class: "line heavy", d: "M3.5 3.5l9 9m0-9l-9 9" })],
  clock: () => [svg("circle", { class: "line", cx: 8, cy: 8, r: 6 }), svg("path", { class: "line", d: "M8 4.5V8l2.5 2" })],
  square: () => [svg("rect", { class: "solid", x: 3, y: 3, width: 10, height: 10, rx: 1.5 })],
  hollow: () => [svg("circle", { class: "line", cx: 8, cy: 8, r: 5.5 })],
  again: () => [svg("path", { class: "line", d: "M13.2 6.2A5.6 5.6 0 1 0 13.6 9" }), svg("path", { class: "line", d: "M13.6 2.6v3.8H9.8" })],
  caught: () => [svg("path", { class: "line", d: "M8 2.2L14.4 13.4H1.6z" }), svg("path", { class: "line", d: "M8 6.4v3.2m0 1.7v.2" })],
  dots: () => [svg("circle", { class: "line dotted", cx: 8, cy: 8, r: 5.5 })],
};

/** The shape alone, 16 × 16, as an SVG group: for drawings that say the word themselves. */
export function statusShape(status) {
  const { shape, tone } = describe(status);
  return svg("g", { class: `shape tone-${tone}` }, shapes[shape]());
}

/** `<status-mark>`: shape and word. */
export class StatusMark extends HTMLElement {
  #status;

  show(status) {
    if (this.#status === status) return this;
    this.#status = status;
    const { word, tone } = describe(status);
    this.className = `tone-${tone}`;
    this.replaceChildren(
      svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, statusShape(status)),
      h("span", {}, word));
    return this;
  }
}
customElements.define("status-mark", StatusMark);

export function statusMark(status) {
  return document.createElement("status-mark").show(status);
}
