import { h } from "./markup.js";
import { duration, runTitle, timeElement } from "./format.js";
import { describe } from "./status.js";
import { request } from "./live.js";

/** Fills a section with what differs between a run and the last of its machine that succeeded. */
export async function showComparison(section, run, signal) {
  section.hidden = false;
  section.replaceChildren(h("p", { class: "faint" }, "Looking for the last run that succeeded…"));
  try {
    const found = await request(`/console/api/runs/${encodeURIComponent(run)}/comparison`, { signal });
    section.replaceChildren(...parts(found));
  } catch (problem) {
    if (problem.name === "AbortError") return;
    // That there is none to compare with is an answer, too.
    section.replaceChildren(problem.status === 404 ? h("p", {}, problem.detail)
      : h("p", { class: "problem", role: "alert" }, problem.detail ?? String(problem)));
  }
}

function parts({ run, other, definition, input, states }) {
  const came = other.startDate <= run.startDate ? "the last that succeeded before" : "the first that succeeded after";
  return [
    h("h2", {}, "Since it worked"),
    h("p", {}, "Compared with ", h("a", { href: `/console/runs/${encodeURIComponent(other.id)}` }, runTitle(other)),
      `, ${came}: `, timeElement(other.startDate), "."),
    kind("Definition", "The definition is the same.", definition, (change) => [
      change.state ? h("code", {}, change.state) : "The machine itself", " ",
      { ADDED: "is new", REMOVED: "is gone", CHANGED: "changed: " }[change.change],
      change.fields ? change.fields.map((name, index) => [index > 0 ? ", " : "", h("code", {}, name)]) : ""]),
    kind("Input", "The input is the same.", input, (change) => [
      h("code", {}, change.path), " was ", value(change.before), ", is ", value(change.now)]),
    kind("States", "All states came out the same, in about the same time.", states, (change) => [
      h("strong", {}, change.state), change.path ? h("span", { class: "faint" }, ` ${change.path}`) : "",
      ": ", passage(change.before), " → ", passage(change.now)]),
  ];
}

function kind(heading, same, { changes, omitted }, line) {
  return h("section", {}, h("h3", {}, heading), changes.length === 0 ? h("p", {}, same)
    : h("ul", {}, changes.map((change) => h("li", {}, line(change))), omitted ? h("li", {}, `${omitted.toLocaleString()} more`) : null));
}

function value(json) {
  if (json === undefined) return "absent";
  const text = JSON.stringify(json);
  return h("code", { title: text.length > 120 ? text : undefined }, text.length > 120 ? `${text.slice(0, 119)}…` : text);
}

function passage(state) {
  if (!state) return "not reached";
  return [describe(state.status).word, state.seconds === undefined ? null : `in ${duration(state.seconds * 1000)}`,
    state.attempts > 1 ? `after ${state.attempts} attempts` : null, state.worker ? `on ${state.worker}` : null,
    state.error].filter(Boolean).join(" ");
}
