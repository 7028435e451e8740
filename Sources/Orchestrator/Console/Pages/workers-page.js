import { h, failureNotice } from "./markup.js";
import { percent, progressWords, shareOf, shortID, timeElement } from "./format.js";
import { request } from "./live.js";
import { askForMode } from "./dialogs.js";

const period = 2000;
/** A worker says something every two seconds; after this long something is wrong with it or with the way to it. */
const silence = 10000;

class WorkersPage extends HTMLElement {
  #stop;

  connectedCallback() {
    document.title = "Workers · Showrunner";
    this.content = h("div", { "aria-busy": "true" });
    this.append(h("div", { class: "page-head" }, h("h1", {}, "Workers")), this.content);
    this.#stop = new AbortController();
    this.#refresh();
  }

  disconnectedCallback() {
    this.#stop.abort();
    clearTimeout(this.timer);
  }

  async #refresh() {
    clearTimeout(this.timer);
    try {
      if (!document.hidden || !this.shown) {
        const { workers } = await request("/console/api/workers", { signal: this.#stop.signal });
        this.#show(workers);
      }
      this.timer = setTimeout(() => this.#refresh(), period);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.shown = undefined;
      this.content.replaceChildren(failureNotice("The workers could not be loaded", problem, () => this.#refresh()));
    }
    this.content.removeAttribute("aria-busy");
  }

  #show(workers) {
    const text = JSON.stringify(workers);
    if (this.shown === text) return;
    this.shown = text;
    if (workers.length === 0) {
      this.content.replaceChildren(h("section", { class: "notice" }, h("h2", {}, "No worker has reported"),
        h("p", {}, "Tasks wait until one does. Start one from a terminal:"),
        h("pre", {}, `showrunner-worker --engine ${location.origin} --store URL`)));
      return;
    }
    const focused = document.activeElement?.closest?.("[data-row]")?.getAttribute("href");
    const pressed = document.activeElement?.closest?.("button")?.getAttribute("aria-label");
    this.content.replaceChildren(...workers.map((worker) => this.#worker(worker)));
    if (pressed) this.content.querySelector(`button[aria-label="${CSS.escape(pressed)}"]`)?.focus();
    if (focused) this.content.querySelector(`[data-row][href="${CSS.escape(focused)}"]`)?.focus();
  }

  #button(worker, mode, words) {
    return h("button", { type: "button", class: "quiet", "aria-label": `${words.replace("…", "")} ${worker.name}`,
      onclick: () => askForMode(worker.name, mode, () => this.#refresh()) }, words);
  }

  #worker(worker) {
    const isSilent = Date.now() - new Date(worker.lastSeen) > silence;
    return h("section", { class: "worker" },
      h("h2", {}, worker.name, isSilent ? h("span", { class: "tone-fail silent" }, "silent") : null),
      h("dl", { class: "facts" },
        fact("last heard", timeElement(worker.lastSeen)),
        fact("busy", `${worker.tasks.length} of ${worker.slots}`),
        fact("steps", worker.steps.join(", ")),
        worker.mode && worker.mode !== "active" ? fact("mode", `${worker.mode}: ${worker.reason ?? ""}`) : "",
        ...Object.entries(worker.setAside ?? {}).map(([step, reason]) => fact(`no ${step} for a while`, reason)),
        Object.keys(worker.labels ?? {}).length ? fact("labels", Object.entries(worker.labels).map(([name, value]) => `${name}=${value}`).join(", ")) : "",
        worker.capacity ? fact("cores booked", `${worker.booked.millicores / 1000} of ${worker.capacity.millicores / 1000}`) : "",
        fact("version", worker.version),
        fact("process", h("code", { title: worker.incarnation }, shortID(worker.incarnation)))),
      h("p", { class: "buttons" }, (worker.mode ?? "active") === "active"
        ? [this.#button(worker, "draining", "Drain…"), this.#button(worker, "quarantined", "Quarantine…")]
        : this.#button(worker, "active", "Release…")),
      worker.tasks.length === 0 ? h("p", { class: "faint" }, "Waits for a task.") : h("ul", { class: "tasks" },
        worker.tasks.map((task) => {
          const share = shareOf(task.progress);
          const bar = document.createElement("share-bar");
          bar.show(share, `Progress of ${task.state}`);
          const words = task.progress ? [task.progress.stage, share === undefined ? null : percent(share), ...progressWords(task.progress)].filter(Boolean) : ["begins"];
          return h("li", {}, h("a", { "data-row": true, href: `/console/runs/${encodeURIComponent(task.execution)}?entry=${task.entry}` },
            h("strong", {}, task.state), h("span", { class: "faint" }, ` run ${shortID(task.execution)}`)),
          bar, h("span", {}, words.join(" · ")));
        })));
  }
}
customElements.define("workers-page", WorkersPage);

function fact(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}
