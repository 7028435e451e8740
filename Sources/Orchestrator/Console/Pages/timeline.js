// The strip of time beside the states: pure arithmetic over instants in milliseconds, and bars placed by shares.

import { h, setAttribute } from "./markup.js";
import { duration } from "./format.js";
import { describe } from "./status.js";

export function span(run, now = Date.now()) {
  const from = new Date(run.startDate).getTime();
  const to = run.stopDate ? new Date(run.stopDate).getTime() : now;
  return { from, to: Math.max(to, from + 1) };
}

/** Marks at round times after the start, about so many at most. */
export function marks({ from, to }, most) {
  const steps = [100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 120000, 300000, 600000, 1800000, 3600000, 7200000, 21600000, 43200000, 86400000];
  const length = to - from;
  const step = steps.find((candidate) => length / candidate <= most) ?? Math.ceil(length / most / 86400000) * 86400000;
  const list = [];
  for (let time = step; time < length * 0.84; time += step) list.push({ share: time / length, words: round(time) });
  return list;
}

function round(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (milliseconds < 60000) return `${milliseconds / 1000} s`;
  if (milliseconds < 3600000) return `${milliseconds / 60000} m`;
  return duration(milliseconds);
}

export function showMarks(element, range) {
  // Words that stand in each other's way say nothing.
  const list = marks(range, Math.min(5, Math.max(1, Math.floor(element.clientWidth / 44))));
  const text = JSON.stringify(list.map((mark) => mark.words));
  if (element.dataset.marks !== text) {
    element.dataset.marks = text;
    element.replaceChildren(...list.map((mark) => h("span", {}, mark.words)));
  }
  list.forEach((mark, index) => element.children[index].style.setProperty("--at", mark.share.toFixed(5)));
}

/** Puts a state entry's bar where its time lies. */
export function placeBar(bar, state, range) {
  const length = range.to - range.from;
  const from = new Date(state.enteredAt).getTime();
  const to = state.exitedAt ? new Date(state.exitedAt).getTime() : range.to;
  const share = (time) => Math.min(1, Math.max(0, (time - range.from) / length));
  bar.style.setProperty("--from", share(from).toFixed(5));
  bar.style.setProperty("--length", Math.max(0, share(to) - share(from)).toFixed(5));
  setAttribute(bar, "class", `span-bar tone-${describe(state.status).tone}`);
}
