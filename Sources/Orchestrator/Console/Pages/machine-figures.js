// How a machine's figures are written, and what machines are sorted by.

import { h, svg } from "./markup.js";
import { statusShape } from "./status.js";

export const failures = ({ failed, timedOut }) => failed + timedOut;

/** A count that may have been ended before its end. */
const count = (number, isAtLeast) => `${number.toLocaleString()}${isAtLeast ? "+" : ""}`;

/** Which share of the runs that ended by themselves failed: `0 %`, `2.1 %`, `< 0.1 %`; undefined where nothing is known. */
export function failureRate({ failureRate: share, failureRateBound: bound }) {
  if (share === undefined) return undefined;
  const percentage = share * 100;
  if (bound === "AT_MOST") return `at most ${Math.max(0.1, Math.ceil(percentage * 10) / 10)} %`;
  if (bound === "AT_LEAST") return `at least ${Math.floor(percentage * 10) / 10} %`;
  // None and all are said of none and all alone.
  if (percentage > 0 && percentage < 0.1) return "< 0.1 %";
  if (percentage > 99.9 && percentage < 100) return "> 99.9 %";
  if (percentage > 99 && percentage < 100) return `${Number(percentage.toFixed(1))} %`;
  return `${percentage < 9.95 ? Number(percentage.toFixed(1)) : Math.round(percentage)} %`;
}

/** Runs by status, each as a shape and a number, with the word for who does not see the shape. */
export function tally(figures, countedTo) {
  const rate = failureRate(figures);
  const failed = failures(figures);
  const part = (status, number, word, { most = number, after } = {}) => h("span", { class: `count${number === 0 ? " faint" : ""}`, title: word },
    svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, statusShape(status)),
    h("span", {}, count(number, most >= countedTo)), h("span", { class: "visually-hidden" }, ` ${word}`), after);
  return h("span", { class: "tally" },
    part("RUNNING", figures.running, "running"), part("SUCCEEDED", figures.succeeded, "succeeded"),
    // Each of the two is counted by itself.
    part("FAILED", failed, "failed or timed out", {
      most: Math.max(figures.failed, figures.timedOut), after: failed > 0 && rate ? h("span", { class: "rate" }, ` ${rate}`) : null,
    }),
    figures.aborted > 0 ? part("ABORTED", figures.aborted, "stopped") : null);
}

const byName = (a, b) => a.name.localeCompare(b.name);
const downwards = (value) => (a, b) => (value(b) ?? -1) - (value(a) ?? -1) || byName(a, b);

/** Ways to sort machines, by the word that the address and the button have. */
export const orders = {
  name: byName,
  failing: downwards(({ figures }) => figures.failureRate && figures.failureRate + failures(figures) / 1e9),
  running: downwards(({ figures }) => figures.running),
  latest: downwards(({ figures }) => figures.latestStart && Date.parse(figures.latestStart)),
  slowest: downwards(({ figures }) => figures.typicalSeconds),
};
