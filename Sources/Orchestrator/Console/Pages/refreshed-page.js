import { h, failureNotice } from "./markup.js";
import { request } from "./live.js";

/** Shows a document that is asked for again and again while the page is open. Who inherits from it has `show(document)`. */
export class RefreshedPage extends HTMLElement {
  #stop;
  #looks = 0;

  /**
   * @param {string} path where the document is
   * @param {string} failure what is said where it can't be had
   * @param {number} period milliseconds between two looks
   */
  begin(path, failure, period = 5000) {
    this.path = path;
    this.failure = failure;
    this.period = period;
    this.content = h("div", { "aria-busy": "true" });
    this.#stop = new AbortController();
    this.refresh();
  }

  /** Aborted when the page is left. */
  get signal() { return this.#stop.signal; }

  /** What is shown: the document at the path, for pages that show no more than that. */
  load() { return request(this.path, { signal: this.signal }); }

  /** What of a document is to be seen: shown anew only where this has changed. */
  seen(answer) { return answer; }

  /**
   * What is shown beside the document, and asked for by itself once that is there.
   *
   * @param {function(): boolean} isLast whether the page is open and no other look has begun: only then an answer is shown
   */
  async showParts(isLast) {}

  disconnectedCallback() {
    this.#stop?.abort();
    clearTimeout(this.timer);
  }

  async refresh() {
    clearTimeout(this.timer);
    this.#looks += 1;
    const look = this.#looks;
    const isLast = () => look === this.#looks && !this.signal.aborted;
    try {
      if (!document.hidden || !this.shown) {
        const answer = await this.load();
        // Somebody has changed something meanwhile, and it was asked for again: what comes later tells what was before.
        if (!isLast()) return;
        const text = JSON.stringify(this.seen(answer));
        if (this.shown !== text) {
          this.shown = text;
          const focused = this.content.contains(document.activeElement) ? document.activeElement : undefined;
          const position = focused && this.#alike(focused).indexOf(focused);
          this.show(answer);
          if (focused) this.#focusAgain(focused, position);
        }
      }
    } catch (problem) {
      if (!isLast()) return;
      // Told once, and asked for again: an engine that restarts is soon back.
      const text = `failure: ${problem.detail ?? problem}`;
      if (this.shown !== text) {
        this.shown = text;
        this.content.replaceChildren(failureNotice(this.failure, problem, () => this.refresh()));
      }
    }
    this.content.removeAttribute("aria-busy");
    await this.showParts(isLast);
    if (isLast()) this.timer = setTimeout(() => this.refresh(), this.period);
  }

  /** What had the focus was put back into the page, or made anew, and keeps it: at its position among what is like it, or the last of those. */
  #focusAgain(focused, position) {
    const alike = this.#alike(focused);
    const again = focused.isConnected ? focused : alike[position] ?? alike.at(-1);
    again?.focus({ preventScroll: true });
  }

  /** What leads to the same place as an element or has the same label; without either, what is of its kind and has its words. */
  #alike(element) {
    const name = ["href", "aria-label"].find((attribute) => element.hasAttribute(attribute));
    if (name) return [...this.content.querySelectorAll(`[${name}="${CSS.escape(element.getAttribute(name))}"]`)];
    return [...this.content.querySelectorAll(element.localName)].filter((other) => other.textContent === element.textContent);
  }
}

/** A member of a list of facts. */
export function fact(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

/** A heading with a list under it, or a word on why it is empty. */
export function section(title, items, cells, empty) {
  return h("section", { class: "part" }, h("h2", {}, title),
    items.length === 0 ? h("p", { class: "faint" }, empty)
      : h("ul", {}, items.map((item) => h("li", {}, cells(item)))));
}
