import { h } from "./markup.js";
import { percent, progressWords, shareOf, shortID, timeElement } from "./format.js";
import { RefreshedPage, fact } from "./refreshed-page.js";
import { askForMode } from "./dialogs.js";

/**
 * After so many milliseconds something is wrong with a worker or with the way to it. One with tasks says something every two
 * seconds; one without asks for some every twenty, and the engine counts on it for a minute.
 */
const silence = { busy: 10000, idle: 60000 };
export const isSilent = (worker, now = Date.now()) => now - new Date(worker.lastSeen) > (worker.tasks.length > 0 ? silence.busy : silence.idle);

class WorkersPage extends RefreshedPage {
  connectedCallback() {
    document.title = "Workers · Showrunner";
    this.begin("/console/api/workers", "The workers could not be loaded", 2000);
    this.append(h("div", { class: "page-head" }, h("h1", {}, "Workers")), this.content);
  }

  /** A worker that falls silent changes nothing in the document. */
  seen({ workers }) { return [workers, workers.map((worker) => isSilent(worker))]; }

  show({ workers }) {
    if (workers.length === 0) {
      this.content.replaceChildren(h("section", { class: "notice" }, h("h2", {}, "No worker has reported"),
        h("p", {}, "Tasks wait until one does. Start one from a terminal:"),
        h("pre", {}, `showrunner-worker --engine ${location.origin} --store URL`)));
      return;
    }
    this.content.replaceChildren(...workers.map((worker) => this.#worker(worker)));
  }

  #button(worker, mode, words) {
    return h("button", { type: "button", class: "quiet", "aria-label": `${words.replace("…", "")} ${worker.name}`,
      onclick: () => askForMode(worker.name, mode, () => this.refresh()) }, words);
  }

  #worker(worker) {
    return h("section", { class: "worker" },
      h("h2", {}, worker.name, isSilent(worker) ? h("span", { class: "tone-fail silent" }, "silent") : null),
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
