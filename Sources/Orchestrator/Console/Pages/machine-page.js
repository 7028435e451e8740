import { h, copyButton, tellFailure } from "./markup.js";
import { duration, runTitle, timeElement } from "./format.js";
import { statusMark } from "./status.js";
import { request } from "./live.js";
import { RefreshedPage, fact, section } from "./refreshed-page.js";
import { jsonSection } from "./json-view.js";
import { drawing } from "./graph-layout.js";
import { askToStart, routingWords } from "./dialogs.js";
import { tally } from "./machine-figures.js";
import { machineStarters } from "./machine-starters.js";
import { RunRow } from "./run-row.js";
import "./graph.js";

const recentRuns = 10;
const listedVersions = 20;

class MachinePage extends RefreshedPage {
  #rows = new Map();

  connectedCallback() {
    this.name = this.getAttribute("machine");
    document.title = `${this.name} · Machines · Showrunner`;
    this.begin(`/console/api/machines/${encodeURIComponent(this.name)}`, "The machine could not be loaded");
    this.content.classList.add("machine-head");
    this.start = h("button", { type: "button", hidden: true, "data-action": "start", onclick: () => askToStart(this.machine) }, "Start…");
    this.graph = document.createElement("run-graph");
    this.whichVersion = h("p", { hidden: true });
    this.frame = h("section", { class: "graph-frame", "aria-label": "Graph", tabindex: "0" }, this.graph);
    this.state = h("section", { class: "machine-state", "aria-label": "Selected state" });
    this.runs = h("section", { class: "machine-runs", "aria-busy": "true" });
    this.starters = h("div", {});
    this.versions = h("div", {});
    this.definition = h("section", { class: "machine-definition", "aria-label": "Definition" });
    this.columns = h("div", { class: "machine-columns", hidden: true },
      h("div", { class: "machine-column" }, this.whichVersion, this.frame, this.state, this.definition),
      h("div", { class: "machine-column" }, this.runs, this.starters, this.versions));
    this.append(h("p", { class: "crumbs" }, h("a", { href: "/console/machines" }, "Machines")),
      h("div", { class: "page-head" }, h("h1", {}, this.name), this.start), this.content, this.columns);
    this.graph.addEventListener("click", (event) => this.#selected(event));
  }

  /** Which version is looked at and which state: the address says so. */
  addressChanged() { if (this.machine) this.#showDefinition(); }

  #selected(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    history.replaceState(null, "", link.getAttribute("href"));
    this.#showState();
    this.state.scrollIntoView({ block: "nearest" });
  }

  show(machine) {
    this.machine = machine;
    this.start.hidden = machine.status === "DELETING";
    this.columns.hidden = false;
    const { figures } = machine;
    const failure = figures.lastFailure;
    this.content.replaceChildren(
      h("dl", { class: "facts" },
        fact(`runs now, and of the last ${machine.figureHours} hours`, tally(figures, machine.countedTo)),
        figures.typicalSeconds === undefined ? null : fact("takes typically", duration(figures.typicalSeconds * 1000)),
        fact("changed", timeElement(machine.updateDate)),
        fact("type", machine.type.toLowerCase()),
        machine.status === "DELETING" ? fact("status", "being deleted: it goes when its last run has ended") : null,
        fact("ARN", h("span", {}, h("code", {}, machine.stateMachineArn), " ", copyButton("the machine's ARN", machine.stateMachineArn)))),
      failure ? h("section", { class: "trouble-box tone-fail", "aria-label": "Last failure" },
        h("p", {}, h("span", { class: "faint" }, "Failed last, ", timeElement(failure.stopDate ?? failure.startDate), ": "),
          h("a", { href: `/console/runs/${encodeURIComponent(failure.id)}` }, runTitle(failure))),
        h("p", { class: "cause" }, h("strong", {}, failure.error ?? "No error was given"), failure.cause ? `: ${failure.cause}` : "")) : "");
    this.#showVersions(machine);
    this.#showDefinition();
  }

  async showParts(isLast) {
    if (!this.machine || document.hidden) return;
    // What could not be had is asked for again.
    if (this.shownDefinition === undefined) this.#showDefinition();
    await Promise.all([this.#showRuns(isLast), this.#showStarters(isLast)]);
  }

  #showVersions({ versions, aliases, currentVersion }) {
    // Figures change more often, and what has the focus here would lose it.
    const text = JSON.stringify([versions, aliases, currentVersion]);
    if (this.shownVersions === text) return;
    this.shownVersions = text;
    const address = (version) => `/console/machines/${encodeURIComponent(this.name)}?version=${version}`;
    this.versions.replaceChildren(
      section("Aliases", aliases, (alias) => [
        h("strong", {}, alias.name), h("span", {}, "leads to ", routingWords(alias)),
        alias.description ? h("span", { class: "words" }, alias.description) : null, timeElement(alias.updateDate)],
        "None. An alias leads its callers to a version, or to two by weight."),
      section("Versions", versions.slice(0, listedVersions), (version) => [
        h("a", { "data-row": true, href: address(version.version) }, `version ${version.version}`),
        version.isCurrent ? h("span", {}, "the current definition") : null,
        version.description ? h("span", { class: "words" }, version.description) : null, timeElement(version.creationDate)],
        "None is published."),
      versions.length > listedVersions ? h("p", { class: "faint" }, `${versions.length - listedVersions} earlier ones are left out here.`) : "",
      versions.length > 0 && !currentVersion ? h("p", { class: "faint" }, "The current definition is not published.") : "");
  }

  /** The definition of the version that is looked at, or the current one: asked for only where it is another. */
  async #showDefinition() {
    const asked = new URLSearchParams(location.search).get("version");
    const version = this.machine.versions.find((other) => String(other.version) === asked);
    const shown = JSON.stringify([asked, asked ? "" : this.machine.updateDate]);
    if (this.shownDefinition === shown) { this.#showState(); return; }
    this.shownDefinition = shown;
    try {
      const id = !asked ? this.name : version?.stateMachineVersionArn ?? `${this.machine.stateMachineArn}:${asked}`;
      const { definition } = await request(`/console/api/machines/${encodeURIComponent(id)}/definition`, { signal: this.signal });
      if (this.shownDefinition !== shown) return;
      // A version may have been published since the machine was looked at.
      const words = asked ? `Version ${asked}` : "The current definition";
      const document = JSON.parse(definition);
      this.nodes = drawing(document).nodes;
      this.graph.build(definition, { isDefinition: true });
      this.whichVersion.hidden = !asked;
      this.whichVersion.replaceChildren(`${words} is shown. `, h("a", { href: `/console/machines/${encodeURIComponent(this.name)}` }, "To the current definition"));
      this.definition.replaceChildren(jsonSection(words, document, { open: false, levels: 3, text: definition }));
      this.#showState();
      this.graph.reveal();
    } catch (problem) {
      if (problem.name === "AbortError" || this.shownDefinition !== shown) return;
      this.shownDefinition = undefined;
      this.nodes = undefined;
      this.shownState = undefined;
      this.graph.clear();
      this.state.replaceChildren();
      tellFailure(this.definition, "The definition could not be loaded", problem, () => this.#showDefinition());
    }
  }

  #showState() {
    if (!this.nodes) return;
    const query = new URLSearchParams(location.search);
    const selection = { state: query.get("state"), path: query.get("path") ?? "" };
    const version = query.get("version");
    this.graph.showDefinition(selection, (node) => {
      const address = new URLSearchParams({ ...(version ? { version } : {}), state: node.name, ...(node.path ? { path: node.path } : {}) });
      return `?${address}`;
    });
    const node = this.nodes.find((other) => other.name === selection.state && other.path === selection.path);
    const text = JSON.stringify([node?.name, node?.path, node?.state]);
    if (this.shownState === text) return;
    this.shownState = text;
    this.state.replaceChildren(node ? jsonSection(node.name, node.state, { levels: 6 })
      : h("p", { class: "faint" }, "Select a state to see its definition."));
  }

  async #showRuns(isLast) {
    const all = h("a", { href: `/console/?q=${encodeURIComponent(`machine:${this.name}`)}` }, "All runs");
    try {
      const query = new URLSearchParams({ machine: this.name, limit: recentRuns });
      const { items } = await request(`/console/api/runs?${query}`, { signal: this.signal });
      if (!isLast()) return;
      if (!this.runList || this.runs.querySelector(".failure")) {
        this.runList = h("ol", { class: "rows" });
        this.noRuns = h("p", { class: "faint" }, "It has not run yet.");
        this.runs.replaceChildren(h("div", { class: "part-head" }, h("h2", {}, "Runs"), all), this.noRuns, this.runList);
        this.#rows.clear();
      }
      this.noRuns.hidden = items.length > 0;
      const rows = items.map((run) => {
        const row = this.#rows.get(run.id);
        if (row) row.show(run);
        return row ?? new RunRow(run);
      });
      const order = items.map((run) => run.id).join();
      if (order !== [...this.#rows.keys()].join()) {
        const focused = document.activeElement?.closest?.("[data-row]")?.getAttribute("href");
        this.runList.replaceChildren(...rows.map((row) => row.element));
        if (focused) this.runList.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
      }
      this.#rows = new Map(rows.map((row) => [row.run.id, row]));
    } catch (problem) {
      if (!isLast()) return;
      tellFailure(this.runs, "Its runs could not be loaded", problem, () => this.refresh());
    }
    this.runs.removeAttribute("aria-busy");
  }

  async #showStarters(isLast) {
    try {
      const starters = (await machineStarters(this.signal)).get(this.name) ?? [];
      if (!isLast()) return;
      if (this.shownStarters === JSON.stringify(starters)) return;
      this.shownStarters = JSON.stringify(starters);
      this.starters.replaceChildren(section("Starts by itself", starters, (starter) => [
        statusMark(starter.standing), h("a", { "data-row": true, href: starter.href }, `${starter.kind} ${starter.name}`),
        h("span", { class: "words" }, starter.words)], "No schedule and no trigger starts it; requests, uploads and other machines may."));
    } catch (problem) {
      if (!isLast()) return;
      this.shownStarters = undefined;
      tellFailure(this.starters, "What starts it could not be loaded", problem, () => this.refresh());
    }
  }
}
customElements.define("machine-page", MachinePage);
