import { h, svg, setText, failureNotice } from "./markup.js";
import { absolute, duration, runTitle } from "./format.js";
import { describe, statusShape } from "./status.js";
import { listen, request } from "./live.js";
import { RunRow } from "./run-row.js";
import "./starts-aside.js";

const pageSize = 50;
const mostRows = 1000;
// What the engine does not narrow is looked for here, in larger pages, until a page of rows is found.
const searchedPage = 500;
const mostSearched = 10000;

/** `machine:ingest status:failed since:24h elf` as an object; the words that are no filter are searched for. */
export function parseFilter(text) {
  const filter = { words: [], unknown: [] };
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const [, name, value] = word.match(/^(machine|status|since):(.+)$/) ?? [];
    if (name === "machine") filter.machine = value;
    else if (name === "status") {
      const status = value.toUpperCase().replace("-", "_");
      if (["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"].includes(status)) filter.status = status;
      else filter.unknown.push(word);
    } else if (name === "since") {
      const [, count, unit] = value.match(/^(\d+)([mhd])$/) ?? [];
      if (count) filter.since = Number(count) * { m: 60000, h: 3600000, d: 86400000 }[unit];
      else filter.unknown.push(word);
    } else filter.words.push(word.toLowerCase());
  }
  return filter;
}

function matches(run, filter) {
  if (filter.machine && run.machine !== filter.machine) return false;
  if (filter.status && run.status !== filter.status) return false;
  if (filter.since && Date.now() - new Date(run.startDate) > filter.since) return false;
  if (filter.words.length === 0) return true;
  const text = [run.title, run.name, run.id, run.machine, run.error, run.cause].join(" ").toLowerCase();
  return filter.words.every((word) => text.includes(word));
}

class RunsPage extends HTMLElement {
  #rows = new Map();
  #filter = parseFilter("");
  #fresh = [];
  #live;
  #loading;

  connectedCallback() {
    document.title = "Runs · Showrunner";
    this.search = h("input", {
      type: "search", id: "filter", autocomplete: "off", spellcheck: "false", "aria-label": "Filter the runs",
      placeholder: "machine:ingest status:failed since:24h elf",
    });
    this.search.addEventListener("input", () => this.#searchChanged());
    this.chips = h("p", { class: "chips" });
    this.notice = h("p", { class: "problem", role: "status" });
    this.chart = h("div", { class: "scatter" });
    this.freshButton = h("button", { type: "button", class: "fresh", hidden: true, onclick: () => this.#showFresh() });
    this.list = h("ol", { class: "rows", "aria-busy": "true" });
    this.more = h("button", { type: "button", class: "more", hidden: true, onclick: () => this.#load(false) }, "Show earlier runs");
    this.outcome = h("div", {});
    this.append(
      h("div", { class: "page-head" }, h("h1", {}, "Runs"), this.chart),
      h("search", { class: "filter" }, this.search, this.chips, this.notice),
      h("starts-aside"), this.freshButton, this.list, this.outcome, h("p", { class: "buttons" }, this.more));
    this.addressChanged();
    this.#live = new AbortController();
    let connections = 0;
    listen("/console/api/events", {
      // Whatever happened while the stream was away is in the list.
      connected: () => { connections += 1; if (connections > 1) this.#load(true); },
      reload: () => this.#load(true),
      run: ({ run }) => this.#changed(run),
      progress: ({ execution, progress }) => this.#progressed(execution, progress),
    }, this.#live.signal);
  }

  disconnectedCallback() {
    this.#live?.abort();
    this.#loading?.abort();
    clearTimeout(this.timer);
  }

  addressChanged() {
    const text = new URLSearchParams(location.search).get("q") ?? "";
    if (this.search.value.trim() !== text) this.search.value = text;
    this.#applyFilter(text);
  }

  #searchChanged() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const text = this.search.value.trim();
      const address = text ? `/console/?q=${encodeURIComponent(text)}` : "/console/";
      history.replaceState(null, "", address);
      this.#applyFilter(text);
    }, 150);
  }

  #applyFilter(text) {
    this.#filter = parseFilter(text);
    setText(this.notice, this.#filter.unknown.length
      ? `Not understood: ${this.#filter.unknown.join(", ")}. Press ? for the words.` : "");
    this.#showChips(text);
    this.#load(true);
  }

  #showChips(text) {
    const present = text.split(/\s+/).filter(Boolean);
    const words = ["status:running", "status:failed", "status:succeeded", "since:24h"];
    const focused = document.activeElement?.dataset?.word;
    this.chips.replaceChildren(...words.map((word) => {
      const isOn = present.includes(word);
      const group = word.split(":")[0] + ":";
      const rest = present.filter((other) => !other.startsWith(group));
      const next = (isOn ? rest : [...rest, word]).join(" ");
      return h("button", {
        type: "button", class: "chip", "aria-pressed": String(isOn), "data-word": word,
        onclick: () => { this.search.value = next; this.#searchChanged(); },
      }, word);
    }));
    if (focused) this.chips.querySelector(`[data-word="${focused}"]`)?.focus();
  }

  async #load(fromStart) {
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    this.list.setAttribute("aria-busy", "true");
    if (fromStart && this.#rows.size === 0) this.#showSkeleton();
    const { machine, status, since, words } = this.#filter;
    const isSearch = words.length > 0 || since !== undefined;
    const query = new URLSearchParams({ limit: isSearch ? searchedPage : pageSize });
    if (machine) query.set("machine", machine);
    if (status) query.set("status", status);
    let next = fromStart ? undefined : this.next;
    const found = [];
    let looked = 0;
    try {
      do {
        if (next) query.set("before", next);
        const page = await request(`/console/api/runs?${query}`, { signal: loading.signal });
        found.push(...page.items.filter((run) => matches(run, this.#filter)));
        looked += page.items.length;
        next = page.next;
        // All that follow were started even earlier.
        const last = page.items.at(-1);
        if (since !== undefined && last && Date.now() - new Date(last.startDate) > since) next = undefined;
      } while (isSearch && next && found.length < pageSize && looked < mostSearched);
      if (fromStart) {
        this.#rows.clear();
        this.#fresh = [];
        this.looked = 0;
        this.freshButton.hidden = true;
      }
      this.looked += looked;
      for (const run of found) {
        if (!this.#rows.has(run.id)) this.#rows.set(run.id, new RunRow(run));
      }
      this.next = next;
      this.list.replaceChildren(...[...this.#rows.values()].map((row) => row.element));
      this.more.hidden = !this.next || this.#rows.size >= mostRows;
      this.#showOutcome();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (this.#rows.size === 0) {
        this.list.replaceChildren();
        this.chart.hidden = true;
      }
      this.outcome.replaceChildren(failureNotice("The runs could not be loaded", problem, () => this.#load(fromStart)));
    } finally {
      if (this.#loading === loading) this.list.removeAttribute("aria-busy");
    }
  }

  #showSkeleton() {
    this.outcome.replaceChildren();
    this.list.replaceChildren(...Array.from({ length: 6 }, () =>
      h("li", { class: "skeleton", "aria-hidden": "true" }, h("span", {}), h("span", {}), h("span", {}))));
  }

  #showOutcome() {
    this.outcome.replaceChildren();
    this.#drawChart();
    if (this.#rows.size > 0) return;
    const isFiltered = this.search.value.trim() !== "";
    this.outcome.append(h("section", { class: "notice" },
      h("h2", {}, isFiltered ? "No run matches" : "No runs yet"),
      isFiltered
        ? h("p", {}, this.next ? `None of the latest ${this.looked.toLocaleString()} runs does; earlier ones may.` : "Take a word out of the filter, or press ? for the words it knows.")
        : [h("p", {}, "Each file that is uploaded starts a run of the ingest machine. Start one from a terminal:"),
          h("pre", {}, "showrunner ingest film.mkv --title \"My film\"")]));
  }

  #changed(run) {
    const row = this.#rows.get(run.id);
    if (row) {
      const statusChanged = row.run.status !== run.status;
      row.show(run);
      if (statusChanged) this.#drawChart();
      return;
    }
    if (!matches(run, this.#filter)) return;
    // Only new runs belong on top; one that starts to match by a change has its place further down.
    const newest = this.#rows.values().next().value?.run;
    if (newest && run.startDate < newest.startDate) return;
    const waiting = this.#fresh.findIndex((other) => other.id === run.id);
    if (waiting >= 0) this.#fresh[waiting] = run;
    else this.#fresh.push(run);
    // Nothing may jump under the pointer or the focus of somebody who reads further down.
    const isReading = scrollY > 40 || this.list.contains(document.activeElement);
    if (isReading) {
      this.freshButton.hidden = false;
      setText(this.freshButton, this.#fresh.length === 1 ? "Show 1 new run" : `Show ${this.#fresh.length} new runs`);
    } else this.#showFresh();
  }

  #showFresh() {
    const rows = this.#fresh.sort((a, b) => (a.startDate < b.startDate ? 1 : -1)).map((run) => [run.id, new RunRow(run)]);
    this.#fresh = [];
    this.freshButton.hidden = true;
    this.#rows = new Map([...rows, ...this.#rows].slice(0, mostRows));
    this.list.prepend(...rows.map(([, row]) => row.element));
    this.#showOutcome();
  }

  #progressed(id, progress) {
    const row = this.#rows.get(id);
    if (!row || row.run.status !== "RUNNING" || row.run.progress) return;
    row.show({ ...row.run, progress });
  }

  /** Start against duration, a shape a run: what is slow and what fails is seen before it is read. */
  #drawChart() {
    const runs = [...this.#rows.values()].map((row) => row.run);
    this.chart.replaceChildren();
    this.chart.hidden = runs.length < 3;
    if (this.chart.hidden) return;
    const points = runs.map((run) => {
      const start = new Date(run.startDate).getTime();
      return { run, start, span: Math.max(100, (run.stopDate ? new Date(run.stopDate) : Date.now()) - start) };
    });
    const starts = points.map((point) => point.start);
    const [first, last] = [Math.min(...starts), Math.max(...starts)];
    const spans = points.map((point) => Math.log(point.span));
    const [shortest, longest] = [Math.min(...spans), Math.max(...spans)];
    const failed = runs.filter((run) => run.status === "FAILED" || run.status === "TIMED_OUT").length;
    const running = runs.filter((run) => run.status === "RUNNING").length;
    const drawing = svg("svg", {
      viewBox: "0 0 320 56", role: "group",
      "aria-label": `${runs.length} runs by start and duration: ${running} running, ${failed} failed, the longest took ${duration(Math.exp(longest))}.`,
    });
    for (const { run, start, span } of points.reverse()) {
      const x = 4 + (last === first ? 0.5 : (start - first) / (last - first)) * 300;
      const y = 44 - (longest === shortest ? 0.5 : (Math.log(span) - shortest) / (longest - shortest)) * 40;
      const link = svg("a", { href: `/console/runs/${encodeURIComponent(run.id)}`, tabindex: "-1", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(.625)` },
        svg("title", {}, `${runTitle(run)}, ${describe(run.status).word}, ${duration(span)}, ${absolute(new Date(run.startDate))}`),
        svg("rect", { class: "hit", x: -4, y: -4, width: 24, height: 24 }), statusShape(run.status));
      drawing.append(link);
    }
    this.chart.append(drawing, h("span", { class: "faint" }, "start × duration"));
  }
}
customElements.define("runs-page", RunsPage);
