// What the attempts of a run took, as far as their workers told.

import { h } from "./markup.js";
import { bytes, duration } from "./format.js";

const time = (seconds) => duration(seconds * 1000);

/** The run as a whole, as members of its facts: name and words. */
export function usageFacts(usage) {
  if (!usage) return [];
  return [
    usage.attempts > 0 ? ["processor time", time(usage.cpuSeconds)] : null,
    usage.attempts > 0 ? ["most memory", bytes(usage.peakMemoryBytes)] : null,
    usage.reused > 0 ? ["saved by kept results", time(usage.savedCpuSeconds)] : null,
  ].filter(Boolean);
}

/** The same by state. */
export function usageTable(usage) {
  if (!usage) return "";
  const head = ["State", "Attempts", "Processor", "At work", "Memory", "Saved"];
  const cells = (sum) => [
    sum.attempts.toLocaleString(), ...(sum.attempts > 0 ? [time(sum.cpuSeconds), time(sum.wallSeconds), bytes(sum.peakMemoryBytes)] : ["–", "–", "–"]),
    sum.reused > 0 ? `${time(sum.savedCpuSeconds)}${sum.reused > 1 ? ` (${sum.reused.toLocaleString()}×)` : ""}` : "–",
  ];
  const row = (name, sum) => h("tr", {}, h("th", { scope: "row" }, name), cells(sum).map((words) => h("td", {}, words)));
  return h("details", { class: "document" }, h("summary", {}, "What it took"),
    h("div", { class: "usage", tabindex: "0", role: "group", "aria-label": "What the states took" },
      h("table", { class: "figures" },
        h("thead", {}, h("tr", {}, head.map((word) => h("th", { scope: "col" }, word)))),
        h("tbody", {}, usage.states.map((sum) => row(sum.state, sum)), usage.states.length > 1 ? row("All", usage) : null))),
    h("p", { class: "faint" }, "Processor time and memory of what workers measured; attempts that were lost, and those of other workers, may not be among it. Saved: the processor time that making the kept results had taken."));
}
