import { h, setText } from "./markup.js";
import { duration, timeElement } from "./format.js";
import { request } from "./live.js";
import { RefreshedPage } from "./refreshed-page.js";
import { failures, orders, tally } from "./machine-figures.js";
import { machineStarters } from "./machine-starters.js";

const orderWords = { name: "by name", failing: "failing most", running: "running most", latest: "started last", slowest: "slowest" };

class MachinesPage extends RefreshedPage {
  #starters = new Map();

  connectedCallback() {
    document.title = "Machines · Showrunner";
    this.search = h("input", {
      type: "search", autocomplete: "off", spellcheck: "false", "aria-label": "Search the machines", placeholder: "name, schedule, trigger or error",
      oninput: () => this.#asked(),
    });
    this.chips = h("p", { class: "chips", role: "group", "aria-label": "Sorted" });
    this.count = h("p", { class: "faint", role: "status" });
    this.begin("/console/api/machines", "The machines could not be loaded", 10000);
    this.content.replaceChildren(h("ol", { class: "rows" }, Array.from({ length: 6 }, () =>
      h("li", { class: "skeleton", "aria-hidden": "true" }, h("span", {}), h("span", {}), h("span", {})))));
    this.append(h("div", { class: "page-head" }, h("h1", {}, "Machines")),
      h("search", { class: "filter" }, this.search, this.chips), this.count, this.content);
    this.addressChanged();
  }

  addressChanged() {
    const query = new URLSearchParams(location.search);
    this.order = orders[query.get("sort")] ? query.get("sort") : "name";
    this.search.value = query.get("q") ?? "";
    this.#showChips();
    if (this.machines) this.#showRows();
  }

  #asked(order = this.order) {
    this.order = order;
    const query = new URLSearchParams();
    if (this.search.value.trim()) query.set("q", this.search.value.trim());
    if (order !== "name") query.set("sort", order);
    history.replaceState(null, "", `/console/machines${query.size > 0 ? `?${query}` : ""}`);
    this.#showChips();
    if (this.machines) this.#showRows();
  }

  #showChips() {
    const focused = document.activeElement?.dataset?.order;
    this.chips.replaceChildren(...Object.entries(orderWords).map(([order, words]) => h("button", {
      type: "button", class: "chip", "aria-pressed": String(order === this.order), "data-order": order, onclick: () => this.#asked(order),
    }, words)));
    if (focused) this.chips.querySelector(`[data-order="${focused}"]`)?.focus();
  }

  /** All pages of the list, and what starts the machines. */
  async load() {
    // The machines are shown without it.
    const starters = machineStarters(this.signal).catch((problem) => problem);
    const whole = await super.load();
    for (let next = whole.next; next;) {
      const page = await request(`${this.path}?after=${encodeURIComponent(next)}`, { signal: this.signal });
      whole.machines.push(...page.machines);
      next = page.next;
    }
    const found = await starters;
    return { ...whole, starters: found instanceof Map ? [...found] : [], startersProblem: found instanceof Map ? undefined : found.message };
  }

  show({ machines, starters, startersProblem, countedTo, figureHours }) {
    this.machines = machines;
    this.#starters = new Map(starters);
    this.startersProblem = startersProblem;
    this.countedTo = countedTo;
    this.figureHours = figureHours;
    this.#showRows();
  }

  #showRows() {
    if (this.machines.length === 0) {
      setText(this.count, "");
      this.content.replaceChildren(h("section", { class: "notice" }, h("h2", {}, "No machines yet"),
        h("p", {}, "A file NAME.asl.yaml in the engine's folder of workflows is one. Another program can make them over the wire API, with CreateStateMachine."),
        h("pre", {}, "showrunner init my-workflow\nshowrunner up --workflows my-workflow")));
      return;
    }
    const words = this.search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.machines.filter((machine) => {
      const text = [machine.name, machine.type, machine.figures.lastFailure?.error, ...this.#startersOf(machine).map(({ name }) => name)].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    }).sort(orders[this.order]);
    // Told where it has changed: who can't see the rows hears how many a search has left.
    setText(this.count, `${found.length.toLocaleString()}${words.length > 0 ? ` of ${this.machines.length.toLocaleString()}` : ""} ${this.machines.length === 1 ? "machine" : "machines"}. Runs started in the last ${this.figureHours} hours, and all that run now.`);
    this.content.replaceChildren(
      this.startersProblem ? h("p", { class: "problem", role: "alert" }, `Which schedules and triggers start them could not be loaded: ${this.startersProblem}`) : "",
      found.length > 0 ? h("ol", { class: "rows" }, found.map((machine) => h("li", {}, this.#row(machine))))
        : h("section", { class: "notice" }, h("h2", {}, "No machine matches"), h("p", {}, "Take a word out of the search.")));
  }

  #startersOf(machine) { return this.#starters.get(machine.name) ?? []; }

  #row(machine) {
    const { figures } = machine;
    const starters = this.#startersOf(machine);
    const failure = figures.lastFailure;
    const about = [machine.type === "EXPRESS" ? "express" : null, machine.status === "DELETING" ? "being deleted" : null,
      machine.versionCount > 0 ? counted(machine.versionCount, "version") : null,
      machine.aliasCount > 0 ? counted(machine.aliasCount, "alias", "aliases") : null].filter(Boolean);
    return h("a", { class: "row machine-row", href: `/console/machines/${encodeURIComponent(machine.name)}`, "data-row": true },
      h("span", { class: "who" }, h("strong", {}, machine.name),
        h("span", { class: "faint about" }, about.map((word) => `${word} · `), "changed ", timeElement(machine.updateDate))),
      tally(figures, this.countedTo),
      h("span", { class: "starters" }, starters.slice(0, 2).map(({ kind, name }, index) => [index > 0 ? ", " : "", h("span", { class: "faint" }, `${kind} `), name]),
        starters.length > 2 ? h("span", { class: "faint" }, ` and ${starters.length - 2} more`) : null,
        starters.length === 0 && !this.startersProblem ? h("span", { class: "faint" }, "starts on request") : null),
      h("span", { class: `summary${failures(figures) > 0 ? " trouble" : ""}` }, failure
        ? h("span", { class: "words" }, h("span", { class: "faint" }, "failed ", timeElement(failure.stopDate ?? failure.startDate), ": "), failure.error ?? failure.cause ?? "no error was given")
        : h("span", { class: "words faint" }, figures.latestStart ? "no failure is known" : "")),
      h("span", { class: "span" }, figures.typicalSeconds === undefined ? "–" : [h("span", { class: "faint" }, "typically "), duration(figures.typicalSeconds * 1000)]),
      h("span", { class: "when" }, figures.latestStart ? timeElement(figures.latestStart) : "never run"));
  }
}
customElements.define("machines-page", MachinesPage);

function counted(number, one, many = `${one}s`) { return `${number.toLocaleString()} ${number === 1 ? one : many}`; }
