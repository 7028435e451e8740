import { h, setAttribute, setText } from "./markup.js";
import { percent, progressWords, runTitle, shareOf, shortID, spanElement, timeElement } from "./format.js";
import { statusMark } from "./status.js";

/** One run in a line: made once, then only what changed is written. */
export class RunRow {
  constructor(run) {
    this.status = statusMark(run.status);
    this.title = h("strong", {});
    this.id = h("span", { class: "faint id" });
    this.machine = h("span", { class: "machine" });
    this.bar = h("share-bar", {});
    this.words = h("span", { class: "words" });
    this.summary = h("span", { class: "summary" }, this.bar, this.words);
    this.span = h("span", { class: "span" });
    this.time = h("time", {});
    this.link = h("a", { class: "row", href: `/console/runs/${encodeURIComponent(run.id)}`, "data-row": true },
      this.status, h("span", { class: "who" }, this.title, this.id), this.machine, this.summary, this.span,
      h("span", { class: "when" }, this.time));
    this.element = h("li", {}, this.link);
    this.show(run);
  }

  show(run) {
    this.run = run;
    this.status.show(run.status);
    setText(this.title, runTitle(run));
    setText(this.id, shortID(run.id));
    setText(this.machine, run.machine);
    spanElement(run.startDate, run.stopDate, this.span);
    timeElement(run.startDate, this.time);
    this.#showSummary(run);
  }

  #showSummary(run) {
    const isRunning = run.status === "RUNNING";
    const share = isRunning ? shareOf(run.progress) : undefined;
    this.bar.hidden = share === undefined;
    if (share !== undefined) this.bar.show(share, `Progress of ${runTitle(run)}`);
    this.summary.classList.toggle("trouble", Boolean(run.error));
    if (run.error || run.cause) {
      setText(this.words, [run.error, run.cause].filter(Boolean).join(": "));
      setAttribute(this.words, "title", run.cause);
      return;
    }
    this.words.removeAttribute("title");
    const words = [];
    if (isRunning) {
      if (run.current.length) words.push(run.current.at(-1));
      if (run.progress) {
        if (share !== undefined) words.push(percent(share));
        // What an operator asks for first, before the line is cut.
        words.push(...progressWords(run.progress).reverse());
      }
    }
    setText(this.words, words.join(" · "));
  }
}
