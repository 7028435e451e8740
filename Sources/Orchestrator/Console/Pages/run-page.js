import { h, setAttribute, setText, tellFailure, copyButton } from "./markup.js";
import { countdownElement, percent, progressWords, runTitle, shareOf, shortID, spanElement, timeElement } from "./format.js";
import { statusMark } from "./status.js";
import { machineLink } from "./machine-link.js";
import { listen, request } from "./live.js";
import { askToRedrive, askToReleaseRun, askToStartAgain, askToStop } from "./dialogs.js";
import { placeBar, showMarks, span } from "./timeline.js";
import { jsonSection } from "./json-view.js";
import { drawing } from "./graph-layout.js";
import { showComparison } from "./comparison.js";
import { usageFacts, usageTable } from "./run-usage.js";
import "./history.js";
import "./graph.js";
import "./state-panel.js";

const childrenShown = 60;

class RunPage extends HTMLElement {
  #states = new Map();
  #progress = new Map();
  #rows = new Map();
  #nodes = [];
  #live;
  #painting;

  connectedCallback() {
    this.id_ = this.getAttribute("run");
    document.title = "Run · Showrunner";
    this.#live = new AbortController();
    this.append(h("div", { class: "skeleton run-skeleton", "aria-hidden": "true" }, h("span", {}), h("span", {}), h("span", {})));
    this.setAttribute("aria-busy", "true");
    this.#load();
  }

  disconnectedCallback() {
    this.#live.abort();
    clearTimeout(this.retry);
    clearInterval(this.ticker);
    cancelAnimationFrame(this.#painting);
  }

  async #load() {
    clearTimeout(this.retry);
    try {
      const detail = await request(`/console/api/runs/${encodeURIComponent(this.id_)}`, { signal: this.#live.signal });
      if (!this.run) this.#build();
      this.#take(detail);
      if (detail.status === "RUNNING" && !this.isListening) this.#listen();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      // Asked for again, since an engine that restarts is soon back; what has aged out or may not be seen stays so.
      if (![403, 404].includes(problem.status)) this.retry = setTimeout(() => this.#load(), 2000);
      // What is shown stays.
      if (this.run) return;
      document.title = "Run not shown · Showrunner";
      if (problem.status === 404) {
        this.replaceChildren(h("section", { class: "notice" }, h("h1", {}, "No such run"),
          h("p", {}, `There is no run ${this.id_}. It may have aged out.`), h("p", {}, h("a", { href: "/console/" }, "To the runs"))));
      } else {
        tellFailure(this, "The run could not be loaded", problem, () => this.#load());
      }
    } finally {
      this.removeAttribute("aria-busy");
    }
  }

  #listen() {
    this.isListening = true;
    this.ticker = setInterval(() => { if (!document.hidden) this.#placeBars(); }, 1000);
    listen(`/console/api/runs/${encodeURIComponent(this.id_)}/events`, {
      run: ({ run, states }) => {
        // What an event does not tell of the run is no more so; the rest stands in the document alone.
        const { input, output, definition, origin, statesOmitted, usage, traceId } = this.run;
        this.run = { input, output, definition, origin, statesOmitted, usage, traceId, ...run };
        for (const state of states) this.#states.set(state.entry, state);
        this.#paintSoon();
      },
      progress: ({ entry, progress }) => {
        this.#progress.set(entry, progress);
        this.#paintSoon();
      },
      // The output is in the document only.
      end: () => { clearInterval(this.ticker); this.#load(); },
    }, this.#live.signal);
  }

  #take(detail) {
    this.run = detail;
    for (const state of detail.states) this.#states.set(state.entry, state);
    this.omitted.hidden = !detail.statesOmitted;
    setText(this.omitted, `${(detail.statesOmitted ?? 0).toLocaleString()} earlier states are left out here; the run's history has them.`);
    for (const { entry, progress } of detail.entries) this.#progress.set(entry, progress);
    this.graph.build(detail.definition);
    try {
      this.#nodes = drawing(JSON.parse(detail.definition)).nodes;
    } catch {
      this.#nodes = [];
    }
    this.#paint();
    this.graph.reveal();
    if (this.comparison.hidden && new URLSearchParams(location.search).has("compare")) this.#compare();
  }

  /** What changed since a run of the machine succeeded; the address says that it is shown. */
  #compare() {
    const address = new URL(location.href);
    address.searchParams.set("compare", "");
    history.replaceState(null, "", address);
    showComparison(this.comparison, this.run.id, this.#live.signal);
  }

  #build() {
    this.mark = statusMark("RUNNING");
    this.heading = h("h1", {});
    this.facts = h("dl", { class: "facts" });
    this.stop = h("button", { type: "button", class: "quiet", "data-action": "stop", onclick: () => askToStop(this.run, [...this.#states.values()]) }, "Stop…");
    this.redrive = h("button", { type: "button", class: "quiet", hidden: true, "data-action": "redrive", onclick: () => askToRedrive(this.run, [...this.#states.values()]) }, "Redrive…");
    this.again = h("button", { type: "button", class: "quiet", hidden: true, "data-action": "again", onclick: () => askToStartAgain(this.run) }, "Start again…");
    this.trouble = h("section", { class: "trouble-box tone-fail", hidden: true, "aria-label": "Why it ended" });
    this.comparison = h("section", { class: "comparison", hidden: true, "aria-label": "Since it worked" });
    this.result = h("section", { class: "result", hidden: true, "aria-label": "Result" });
    this.bar = document.createElement("share-bar");
    this.barWords = h("p", {});
    this.overall = h("section", { class: "overall", hidden: true, "aria-label": "Progress of the run" }, this.barWords, this.bar);
    this.graph = document.createElement("run-graph");
    this.panel = h("state-panel", { "aria-label": "Selected state", role: "region", tabindex: "-1" });
    this.marks = h("div", { class: "marks", "aria-hidden": "true" });
    this.body = h("tbody", {});
    this.omitted = h("p", { class: "faint", hidden: true });
    this.history = document.createElement("run-history");
    this.documents = h("section", { class: "documents", "aria-label": "Input, output and events of the run" });
    this.replaceChildren(
      h("p", { class: "crumbs" }, h("a", { href: "/console/" }, "Runs")),
      h("div", { class: "page-head" }, this.heading, this.mark, this.redrive, this.again, this.stop),
      this.facts, this.trouble, this.comparison, this.result, this.overall,
      h("div", { class: "run-columns" },
        h("section", { class: "graph-frame", "aria-label": "Graph", tabindex: "0" }, this.graph),
        this.panel,
        h("section", { class: "states", "aria-label": "States" },
          h("table", {},
            h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "State"), h("th", { scope: "col", class: "wide" }, "Attempts"),
              h("th", { scope: "col", class: "wide" }, "Worker"), h("th", { scope: "col", class: "number" }, "Time"),
              h("th", { scope: "col", class: "strip" }, h("span", { class: "visually-hidden" }, "Timeline"), this.marks))),
            this.body), this.omitted),
        this.documents));
    this.graph.addEventListener("click", (event) => this.#clicked(event));
    this.body.addEventListener("click", (event) => this.#clicked(event));
  }

  #clicked(event) {
    let link = event.target.closest?.("a[href]");
    if (!link) link = event.target.closest?.("tr")?.querySelector("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    history.replaceState(null, "", location.pathname + link.getAttribute("href"));
    this.#paint();
    // On a narrow page the panel may lie outside the view; beside the graph it never does.
    if (getComputedStyle(this.panel).position !== "sticky") this.panel.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  addressChanged() { if (this.run) this.#paint(); }

  /** What the address selects; without a word there, what a visitor would look for first. */
  #selection() {
    const query = new URLSearchParams(location.search);
    const entry = Number(query.get("entry"));
    if (query.has("entry") && this.#states.has(entry)) return { entry };
    if (query.has("state")) {
      const [state, path] = [query.get("state"), query.get("path") ?? ""];
      const reached = [...this.#states.values()].findLast((other) => other.name === state && other.path === path);
      return reached ? { entry: reached.entry } : { state, path };
    }
    const states = [...this.#states.values()];
    const tasks = states.filter((state) => state.type !== "Parallel" && state.type !== "Map");
    const chosen = tasks.find((state) => state.status === "failed") ?? tasks.findLast((state) => state.status === "running")
      ?? tasks.find((state) => state.status === "retrying") ?? states.at(-1);
    return { entry: chosen?.entry };
  }

  #paintSoon() {
    this.#painting ??= requestAnimationFrame(() => {
      this.#painting = undefined;
      if (this.isConnected) this.#paint();
    });
  }

  #paint() {
    const run = this.run;
    const title = runTitle(run);
    const states = [...this.#states.values()].sort((a, b) => a.entry - b.entry);
    const selection = this.#selection();
    document.title = `${title} · Showrunner`;
    setText(this.heading, title);
    this.mark.show(run.status);
    this.stop.hidden = run.status !== "RUNNING";
    this.redrive.hidden = !run.redrivable;
    this.again.hidden = run.status === "RUNNING" || Boolean(run.mapRunArn);
    this.#showFacts(run, states);
    this.#showEnd(run);
    this.#showOverall(run);
    this.graph.update(states, this.#progress, selection);
    this.#showTable(states, selection);
    const selected = this.#states.get(selection.entry);
    this.panel.show(run.id, selected, this.#node(selected, selection), this.#progress.get(selection.entry));
  }

  #node(state, selection) {
    const name = state?.name ?? selection.state;
    const path = (state?.path ?? selection.path ?? "");
    const pattern = (text) => text.replace(/\[(\d+|\*)\]/g, "[]");
    return this.#nodes.find((node) => node.name === name && node.path === path)
      ?? this.#nodes.find((node) => node.name === name && pattern(node.path) === pattern(path));
  }

  #showFacts(run, states) {
    const media = states.find((state) => state.output?.video?.width)?.output;
    const text = JSON.stringify([run.machine, run.name, run.id, run.startDate, run.stopDate, run.redriveCount, run.origin, run.quarantine, run.stuck, run.usage, media?.video]);
    if (this.shownFacts === text) return;
    this.shownFacts = text;
    const source = media && [`${media.video.displayWidth ?? media.video.width}×${media.video.displayHeight ?? media.video.height}`,
      media.video.frameRate ? `${Number(rate(media.video.frameRate).toFixed(3))} fps` : null, media.video.codec,
      media.durationSeconds ? `${Number(media.durationSeconds.toFixed(1))} s` : null].filter(Boolean).join(" ");
    this.facts.replaceChildren(
      fact("machine", machineLink(run.machine.split("/")[0], run.machine)),
      fact("started", timeElement(run.startDate)),
      fact(run.stopDate ? "took" : "runs for", spanElement(run.startDate, run.stopDate)),
      ...usageFacts(run.usage).map(([name, words]) => fact(name, words)),
      run.quarantine ? fact("set aside", [run.quarantine, " ",
        h("button", { type: "button", class: "quiet", onclick: () => askToReleaseRun(this.run) }, "Release…")]) : "",
      run.stuck ? fact("stuck", run.stuck) : "",
      run.redriveCount ? fact("redriven", run.redriveCount === 1 ? timeElement(run.redriveDate) : [`${run.redriveCount} times, last `, timeElement(run.redriveDate)]) : "",
      run.origin ? fact("started by", run.origin.kind === "schedule"
        ? [h("a", { href: `/console/schedules/${encodeURIComponent(run.origin.name)}` }, `schedule ${run.origin.name}`), ` (${run.origin.cause})`]
        : run.origin.kind === "trigger" ? [h("a", { href: `/console/triggers/${encodeURIComponent(run.origin.name)}` }, `trigger ${run.origin.name}`),
          run.origin.execution ? [", for the end of ", h("a", { href: `/console/runs/${encodeURIComponent(run.origin.execution)}` }, run.origin.execution.split(":").at(-1))] : null]
          : `${run.origin.kind} ${run.origin.name}`) : "",
      source ? fact("source", source) : "",
      run.name !== run.title && run.name !== run.id ? fact("name", run.name) : "",
      fact("id", h("span", {}, h("code", { title: run.id }, shortID(run.id)), " ", copyButton("the execution's ARN", run.executionArn))));
  }

  #showEnd(run) {
    this.trouble.hidden = !run.error && !run.cause;
    this.history.show(run);
    const text = JSON.stringify([run.error, run.cause, run.output, run.usage]);
    if (this.shownEnd === text) return;
    this.shownEnd = text;
    this.trouble.replaceChildren(h("strong", {}, run.error ?? "Ended"), h("p", { class: "cause" }, run.cause ?? "No cause was given."),
      h("p", { class: "buttons" }, copyButton("error and cause", [run.error, run.cause].filter(Boolean).join(": ")),
        h("button", { type: "button", class: "quiet", onclick: () => this.#compare() }, "What changed since it worked")));
    const links = ["hls", "dash"].filter((name) => /^https?:\/\//.test(run.output?.[name] ?? ""));
    this.result.hidden = links.length === 0;
    this.result.replaceChildren(h("p", {}, "Published",
      run.output?.titleId ? [" as ", h("code", {}, String(run.output.titleId))] : null, ": ",
      links.map((name, index) => [index > 0 ? ", " : "", h("a", { href: run.output[name] }, name === "hls" ? "HLS" : "DASH")])));
    this.documents.replaceChildren(
      usageTable(run.usage),
      run.output === undefined ? "" : jsonSection("Output of the run", run.output, { open: false }),
      run.input === undefined ? "" : jsonSection("Input of the run", run.input, { open: false }),
      this.history);
  }

  #showOverall(run) {
    const progress = run.status === "RUNNING" ? run.progress : undefined;
    this.overall.hidden = !progress;
    if (!progress) return;
    const share = shareOf(progress);
    this.bar.show(share, "Progress of the run's longest task");
    setText(this.barWords, [progress.stage, share === undefined ? null : percent(share), ...progressWords(progress)].filter(Boolean).join(" · "));
  }

  /** Rows in the order of the definition's nesting: what ran inside a Parallel or Map stands under it. */
  #ordered(states) {
    const children = new Map();
    const containers = new Map();
    const maps = new Set(states.filter((state) => state.type === "Map").map((state) => state.entry));
    for (const state of states) {
      let parent = 0;
      const end = state.path.match(/(?:^|\/)([^/]*)\[\d+\]$/);
      if (end) parent = containers.get(`${state.path.slice(0, end.index)}\n${end[1]}`) ?? 0;
      if (!children.has(parent)) children.set(parent, []);
      children.get(parent).push(state);
      if (state.type === "Parallel" || state.type === "Map") containers.set(`${state.path}\n${state.name}`, state.entry);
    }
    const rows = [];
    const visit = (parent, depth) => {
      let list = children.get(parent) ?? [];
      if (parent !== 0) list = list.toSorted((a, b) => branch(a) - branch(b) || a.entry - b.entry);
      let shown = list;
      if (list.length > childrenShown) {
        // What needs a look comes first where not all can stand here, then what was done last.
        const urgent = list.filter((state) => state.status !== "succeeded").slice(0, childrenShown);
        const done = list.filter((state) => state.status === "succeeded");
        shown = [...urgent, ...done.slice(done.length - Math.min(done.length, childrenShown - urgent.length))];
      }
      for (const state of shown) {
        rows.push({ state, depth, item: maps.has(parent) ? branch(state) : undefined });
        visit(state.entry, depth + 1);
      }
      if (shown.length < list.length) {
        const open = (states) => states.reduce((count, state) => count + (state.status === "succeeded" ? 0 : 1), 0);
        rows.push({ depth, more: list.length - shown.length, open: open(list) - open(shown), key: `more-${parent}` });
      }
    };
    visit(0, 0);
    return rows;
  }

  #showTable(states, selection) {
    const wanted = this.#ordered(states);
    const kept = new Map();
    const elements = wanted.map(({ state, depth, item, more, open, key }) => {
      const id = state ? state.entry : key;
      const row = this.#rows.get(id) ?? (state ? new StateRow() : new MoreRow());
      kept.set(id, row);
      if (state) row.show(state, depth, item, state.entry === selection.entry);
      else row.show(more, open);
      return row.element;
    });
    this.#rows = kept;
    // Moving rows that stand right already would take the focus from them.
    elements.forEach((element, index) => {
      if (this.body.children[index] !== element) this.body.insertBefore(element, this.body.children[index] ?? null);
    });
    while (this.body.children.length > elements.length) this.body.lastChild.remove();
    this.#placeBars();
  }

  #placeBars() {
    const range = span(this.run);
    showMarks(this.marks, range);
    for (const row of this.#rows.values()) row.place?.(range);
  }
}
customElements.define("run-page", RunPage);

class StateRow {
  constructor() {
    this.mark = statusMark("none");
    this.link = h("a", { "data-row": true });
    this.item = h("span", { class: "faint" });
    this.note = h("span", { class: "note" });
    this.attempts = h("td", { class: "wide number" });
    this.worker = h("td", { class: "wide" });
    this.took = h("span", {});
    this.bar = h("span", { class: "span-bar" });
    this.element = h("tr", {},
      h("th", { scope: "row" }, h("span", { class: "state-name" }, this.mark, h("span", {}, this.link, this.item, this.note))),
      this.attempts, this.worker, h("td", { class: "number" }, this.took), h("td", { class: "strip" }, this.bar));
  }

  /** item: which item of a Map it works on. */
  show(state, depth, item, isSelected) {
    this.state = state;
    setText(this.item, item === undefined ? "" : ` [${item}]`);
    this.mark.show(state.status);
    setText(this.link, state.name);
    setAttribute(this.link, "href", `?entry=${state.entry}`);
    setAttribute(this.link, "aria-current", isSelected ? "true" : undefined);
    this.element.classList.toggle("selected", isSelected);
    this.element.style.setProperty("--depth", String(depth));
    setText(this.attempts, state.attempts > 0 ? String(state.attempts) : "–");
    setText(this.worker, state.worker ?? "");
    spanElement(state.enteredAt, state.exitedAt, this.took);
    if (state.status === "retrying" && state.nextAttemptAt) {
      if (this.note.dataset.until !== state.nextAttemptAt) {
        this.note.dataset.until = state.nextAttemptAt;
        this.note.replaceChildren("next attempt ", countdownElement(state.nextAttemptAt));
      }
    } else {
      delete this.note.dataset.until;
      setText(this.note, state.error ?? "");
    }
  }

  place(range) { placeBar(this.bar, this.state, range); }
}

class MoreRow {
  constructor() {
    this.words = h("td", { colspan: 5, class: "faint" });
    this.element = h("tr", {}, this.words);
  }

  show(count, open) {
    setText(this.words, `${count.toLocaleString()} more, ${open === 0 ? "all done" : `${open.toLocaleString()} of them not succeeded`}`);
  }
}

function branch(state) {
  return Number(state.path.match(/\[(\d+)\]$/)?.[1] ?? 0);
}

function rate(text) {
  const [numerator, denominator] = text.split("/").map(Number);
  return numerator / (denominator || 1);
}

function fact(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}
