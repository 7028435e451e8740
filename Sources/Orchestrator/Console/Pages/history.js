import { h } from "./markup.js";
import { duration } from "./format.js";
import { request } from "./live.js";

/** `<run-history>`: a run's events as Step Functions has them, asked for when they are unfolded, a page at a time. */
export class RunHistory extends HTMLElement {
  // Events within a state do not name it: they follow one that does.
  #states = new Map();
  #mark;
  #isLoading = false;

  connectedCallback() {
    if (this.firstChild) return;
    this.list = h("ol", {});
    this.problem = h("p", { class: "problem", role: "alert" });
    this.more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#load() }, "Show later events");
    const details = h("details", { class: "document", open: new URLSearchParams(location.search).has("events") },
      h("summary", {}, "Events"), this.list, this.problem, h("p", { class: "buttons" }, this.more));
    details.addEventListener("toggle", () => { if (details.open && !this.#mark) this.#load(); });
    this.append(details);
  }

  /** @param {object} run its line */
  show(run) {
    this.run = run;
    // One that was redriven goes on.
    if (this.#mark && run.status === "RUNNING") this.more.hidden = false;
  }

  async #load() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    // As it was when the events were asked for: what comes between belongs to the next page.
    const wasRunning = this.run.status === "RUNNING";
    this.more.disabled = true;
    this.problem.textContent = "";
    try {
      const after = this.#mark ? `?after=${encodeURIComponent(this.#mark)}` : "";
      const { events, next } = await request(`/console/api/runs/${encodeURIComponent(this.run.id)}/history${after}`);
      this.list.append(...events.map((event) => this.#line(event)));
      this.#mark = next ?? (events.length > 0 ? String(events.at(-1).id) : this.#mark);
      // A run that goes on has more to tell.
      this.more.hidden = !next && !wasRunning;
    } catch (problem) {
      this.problem.textContent = problem.detail ?? String(problem);
      this.more.hidden = false;
    }
    this.more.disabled = false;
    this.#isLoading = false;
  }

  #line({ id, previousEventId, type, at, details }) {
    const state = type.startsWith("Execution") ? "" : details?.name ?? this.#states.get(previousEventId) ?? "";
    this.#states.set(id, state);
    return h("li", {},
      h("span", { class: "at", title: at }, `+${duration(Math.max(0, new Date(at) - new Date(this.run.startDate)))}`),
      h("span", { class: "what" }, h("strong", {}, type), state ? ` ${state}` : "",
        details?.index === undefined ? "" : `[${details.index}]`,
        h("span", { class: "words" }, this.#words(details ?? {}))));
  }

  #words({ error, cause, output, parameters, input, resourceType, resource, length }) {
    if (error || cause) return [error, cause].filter(Boolean).join(": ");
    const payload = output ?? parameters ?? input;
    return [output === undefined && resource ? [resourceType, resource].filter(Boolean).join(":") : null,
      typeof payload === "string" ? payload : payload === undefined ? null : JSON.stringify(payload),
      length === undefined ? null : `${length} items`].filter(Boolean).join(" ");
  }
}
customElements.define("run-history", RunHistory);
