import { h, setText } from "./markup.js";
import { bytes, countdownElement, percent, progressWords, shareOf, spanElement, timeElement } from "./format.js";
import { describe, statusMark } from "./status.js";
import { jsonSection } from "./json-view.js";
import { request } from "./live.js";
import { askToApprove, askToReject, askToReleaseTask } from "./dialogs.js";

/** `<state-panel>`: all that is known of one state entry, or of a state that was not reached. */
export class StatePanel extends HTMLElement {
  #shown;
  #loading;
  #retry;
  #waits;
  #asked;

  disconnectedCallback() {
    this.#stopLoading();
    this.#stopAsking();
    this.#forgetQuestion();
  }

  /**
   * @param {string} run the execution's id
   * @param {object|undefined} state the entry
   * @param {{name: string, state: object}|undefined} node the state in the definition
   */
  show(run, state, node, progress) {
    const isOther = this.#shown?.entry !== state?.entry || this.#shown?.name !== (state?.name ?? node?.name);
    if (isOther) {
      this.#stopLoading();
      this.#stopAsking();
      this.#forgetQuestion();
      this.#build(state, node);
      this.#shown = { entry: state?.entry, name: state?.name ?? node?.name };
    }
    if (!state) return;
    this.run = run;
    this.state = state;
    this.#facts(state);
    this.#ask(run, state);
    this.#trouble(state);
    this.#progress(state, progress);
    this.#askWhy(run, state);
    if (state.payloadsOmitted) this.#load(run, state);
    else this.#payloads(state);
  }

  #build(state, node) {
    if (!state && !node) {
      this.replaceChildren(h("p", { class: "faint" }, "Select a state to see what went in and out."));
      return;
    }
    this.resultPath = node?.state?.ResultPath;
    this.heading = h("h2", {}, state?.name ?? node.name);
    this.mark = statusMark(state?.status ?? "none");
    this.facts = h("dl", { class: "facts" });
    this.trouble = h("div", { class: "trouble-box", hidden: true });
    this.why = h("p", { class: "why", hidden: true, role: "status" });
    this.release = h("p", { class: "buttons", hidden: true }, h("button", { type: "button", class: "quiet", onclick: () => askToReleaseTask(this.run, this.state, () => { this.release.hidden = true; }) }, "Let another worker try…"));
    this.question = h("p", { class: "question" });
    this.details = h("div", {});
    this.answer = h("section", { class: "answer", hidden: true, "aria-label": "Answer" }, this.question, this.details, h("p", { class: "buttons" },
      h("button", { type: "button", onclick: () => askToApprove(this.run, this.state, () => this.#answeredNow()) }, "Approve…"),
      h("button", { type: "button", class: "quiet", onclick: () => askToReject(this.run, this.state, () => this.#answeredNow()) }, "Reject…")));
    this.meter = h("section", { class: "meter", hidden: true, "aria-label": "Progress" });
    this.reuse = h("section", { hidden: true, "aria-label": "Kept results" });
    this.findings = h("section", { hidden: true, "aria-label": "Findings" });
    this.input = h("div", {});
    this.output = h("div", {});
    const definition = node?.state ? jsonSection("Definition", node.state, { open: !state }) : null;
    this.replaceChildren(
      h("div", { class: "panel-head" }, this.heading, this.mark),
      this.facts, this.answer, this.why, this.release, this.trouble, this.meter, this.reuse, this.findings, this.output, this.input, definition ?? "");
    if (!state) this.facts.replaceChildren(fact("type", node.state.Type), node.path ? fact("within", node.path) : "");
  }

  #facts(state) {
    this.mark.show(state.status);
    const words = [
      fact("type", state.type),
      state.path ? fact("within", state.path) : "",
      fact("entered", timeElement(state.enteredAt)),
      fact(state.exitedAt ? "took" : "for", spanElement(state.enteredAt, state.exitedAt)),
      state.attempts > 0 ? fact("attempts", String(state.attempts)) : "",
      state.worker ? fact("worker", state.worker) : "",
      state.nextAttemptAt && state.status === "retrying" ? fact("next attempt", countdownElement(state.nextAttemptAt)) : "",
      state.resource ? fact("resource", h("code", {}, state.resource)) : "",
      state.taskToken ? fact("waits for an answer to", h("code", {}, state.taskToken)) : "",
    ];
    this.facts.replaceChildren(...words);
  }

  #trouble(state) {
    this.trouble.hidden = !state.error && !state.cause;
    if (this.trouble.hidden) return;
    this.trouble.className = `trouble-box tone-${describe(state.status).tone}`;
    this.trouble.replaceChildren(h("strong", {}, state.error ?? "Failed"), h("p", { class: "cause" }, state.cause ?? "No cause was given."));
  }

  /** A task that waits for people: what they are asked, and the ways to answer. */
  #ask(run, state) {
    // One that has been answered keeps its token for as long as the page has not heard of it.
    this.answer.hidden = !state.taskToken || this.answered === state.taskToken;
    if (!this.answer.hidden && this.#asked?.token === state.taskToken) return;
    this.#forgetQuestion();
    if (this.answer.hidden) return;
    const question = { token: state.taskToken, asking: new AbortController() };
    this.#asked = question;
    setText(this.question, "This task waits for an answer.");
    this.details.replaceChildren();
    const ask = async () => {
      try {
        const { parameters } = await request(`/console/api/runs/${encodeURIComponent(run)}/states/${state.entry}/question`, { signal: question.asking.signal });
        if (!question.asking.signal.aborted) this.#showQuestion(parameters ?? {});
      } catch (problem) {
        if (question.asking.signal.aborted) return;
        setText(this.question, `What is asked is not known: ${problem.detail ?? problem}`);
        if (![403, 404].includes(problem.status)) question.timer = setTimeout(ask, 5000);
      }
    };
    ask();
  }

  #showQuestion({ question, ...rest }) {
    if (typeof question === "string") setText(this.question, question);
    const details = Object.keys(rest).length === 1 && rest.details ? rest.details : rest;
    if (Object.keys(details).length > 0) this.details.replaceChildren(jsonSection("Details", details, { levels: 4 }));
  }

  #forgetQuestion() {
    this.#asked?.asking.abort();
    clearTimeout(this.#asked?.timer);
    this.#asked = undefined;
  }

  /** While a state waits: why, in the engine's words, asked anew every few seconds. */
  #askWhy(run, state) {
    const isWaiting = state.status === "waiting" || state.status === "retrying" || state.status === "running" && state.attempts === 0;
    if (!isWaiting) {
      this.#stopAsking();
      this.why.hidden = true;
      this.release.hidden = true;
      return;
    }
    if (this.#waits?.entry === state.entry) return;
    this.#stopAsking();
    const asking = new AbortController();
    this.#waits = { run, entry: state.entry, asking };
    const ask = async () => {
      try {
        const { waits } = await request(`/console/api/runs/${encodeURIComponent(run)}/waits`, { signal: asking.signal });
        const wait = waits.find((other) => other.entry === state.entry) ?? waits.find((other) => other.code === "QUARANTINED");
        this.why.hidden = !wait;
        if (wait) setText(this.why, wait.sentence);
        this.release.hidden = wait?.code !== "PARKED";
        this.#waits.timer = setTimeout(ask, 3000);
      } catch (problem) {
        if (problem.name === "AbortError") return;
        this.why.hidden = false;
        setText(this.why, `Why it waits is not known: ${problem.detail}`);
        this.#waits.timer = setTimeout(ask, 10000);
      }
    };
    ask();
  }

  /** The page hears of it by the run's events. */
  #answeredNow() {
    this.answered = this.state.taskToken;
    this.answer.hidden = true;
  }

  #stopAsking() {
    this.#waits?.asking.abort();
    clearTimeout(this.#waits?.timer);
    this.#waits = undefined;
  }

  #progress(state, progress) {
    const isLive = state.status === "running" && progress;
    this.meter.hidden = !isLive;
    if (!isLive) { this.meter.replaceChildren(); return; }
    if (!this.meter.firstChild) {
      this.total = document.createElement("share-bar");
      this.words = h("p", {});
      this.parts = h("ul", { class: "parts" });
      this.meter.append(this.words, this.total, this.parts);
    }
    const share = shareOf(progress);
    setText(this.words, [progress.stage, share === undefined ? null : percent(share), ...progressWords(progress),
      progress.frames > 0 ? `${progress.frames.toLocaleString()} frames` : null].filter(Boolean).join(" · "));
    this.total.show(share, `Progress of ${state.name}`);
    const parts = progress.parts ?? [];
    while (this.parts.children.length > parts.length) this.parts.lastChild.remove();
    parts.forEach((part, index) => {
      let row = this.parts.children[index];
      if (!row) {
        row = h("li", {}, h("span", { class: "part-name" }), document.createElement("share-bar"), h("span", { class: "part-share" }));
        this.parts.append(row);
      }
      setText(row.children[0], part.name);
      row.children[1].show(part.share, part.name);
      setText(row.children[2], percent(part.share));
    });
  }

  /** Why the result was taken from an earlier run or was made, field by field. */
  #reuse(reuse) {
    this.reuse.hidden = reuse?.reused === undefined;
    if (this.reuse.hidden) { this.reuse.replaceChildren(); return; }
    const fields = (reuse.changed ?? []).map((change) => h("li", {},
      h("code", {}, change.field), " was ", h("code", {}, JSON.stringify(change.before) ?? "absent"),
      ", is ", h("code", {}, JSON.stringify(change.now) ?? "absent")));
    this.reuse.replaceChildren(
      h("h3", {}, reuse.reused ? "Reused" : "Made anew"), h("p", {}, reuse.because), fields.length > 0 ? h("ul", {}, ...fields) : "");
  }

  /** What a media step has to say to people: a film's checks, how good its rungs are, and why they are these. */
  #findings(output) {
    const parts = [...checks(output), ...scores(output), ...reasons(output)];
    this.findings.hidden = parts.length === 0;
    this.findings.replaceChildren(...parts);
  }

  #payloads(state) {
    const result = resultIn(state.output, this.resultPath);
    this.#reuse(result?.reuse);
    this.#findings(result);
    place(this.output, "Output", state.output);
    place(this.input, "Input", state.input);
  }

  async #load(run, state) {
    // Once for as long as the entry is as it is.
    const wanted = `${state.entry} ${state.status} ${state.attempts}`;
    if (this.#loading && !this.#loading.signal.aborted && this.loaded === wanted) return;
    this.loaded = wanted;
    this.#stopLoading();
    this.#loading = new AbortController();
    try {
      const whole = await request(`/console/api/runs/${encodeURIComponent(run)}/states/${state.entry}`, { signal: this.#loading.signal });
      this.#payloads(whole);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      const words = problem.detail ?? String(problem);
      const told = this.input.querySelector(":scope > .problem");
      if (told) setText(told, words);
      else this.input.replaceChildren(h("p", { class: "problem", role: "alert" }, words));
      // Not with the next event: a run that is busy has many in a second.
      if ([403, 404].includes(problem.status)) return;
      this.#retry = setTimeout(() => {
        this.loaded = undefined;
        this.#load(run, state);
      }, 5000);
    }
  }

  #stopLoading() {
    this.#loading?.abort();
    clearTimeout(this.#retry);
  }
}
customElements.define("state-panel", StatePanel);

function place(slot, title, value) {
  if (value === undefined) { slot.replaceChildren(); return; }
  const view = slot.querySelector("json-view");
  if (view && slot.dataset.text === JSON.stringify(value)) return;
  slot.dataset.text = JSON.stringify(value);
  slot.replaceChildren(jsonSection(title, value));
}

function fact(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

/** What a state's task gave, of an output that has all that came before as well; undefined where the state drops it. */
function resultIn(output, path) {
  if (path === null) return undefined;
  return (path ?? "$").split(".").slice(1).reduce((value, name) => value?.[name], output);
}

/** The members of a list that have what is asked for; outputs are anybody's. */
function list(value, isWanted) {
  return Array.isArray(value) ? value.filter((member) => member && isWanted(member)) : [];
}

function checks(output) {
  const found = list(output?.checks, (check) => check.severity && check.message);
  return found.length === 0 ? [] : [h("h3", {}, "Checks"),
    h("ul", {}, ...found.map((check) => h("li", {}, h("strong", {}, String(check.severity)), ` ${check.message}`)))];
}

function scores(output) {
  const rungs = list(output?.renditions, (rendition) => typeof rendition.score?.ssim === "number");
  if (rungs.length === 0) return [];
  const head = ["Rung", "Size", "Rate", "SSIM", "PSNR"];
  return [h("h3", {}, "Rungs"), h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, ...head.map((word) => h("th", { scope: "col" }, word)))),
    h("tbody", {}, ...rungs.map((rung) => h("tr", {}, h("th", { scope: "row" }, String(rung.name)),
      h("td", {}, figure(rung.bytes, bytes)), h("td", {}, figure(rung.bitRate, (rate) => `${Math.round(rate / 1000).toLocaleString()} kb/s`)),
      h("td", {}, rung.score.ssim.toFixed(4)), h("td", {}, figure(rung.score.psnr, (psnr) => `${psnr.toFixed(1)} dB`))))))];
}

/** A number in words; a stroke where there is none. */
function figure(value, words) { return typeof value === "number" ? words(value) : "–"; }

function reasons(output) {
  const ladder = output?.ladder ?? output;
  const rungs = [...list(ladder?.rungs, (rung) => rung.name && rung.reason),
    ...list(ladder?.dropped, (rung) => rung.name && rung.reason).map((rung) => ({ ...rung, name: `no ${rung.name}` }))];
  return rungs.length === 0 ? [] : [h("h3", {}, "Why this ladder"), ladder.reason ? h("p", {}, String(ladder.reason)) : "",
    h("ul", {}, ...rungs.map((rung) => h("li", {}, h("strong", {}, String(rung.name)), `: ${rung.reason}`)))];
}
