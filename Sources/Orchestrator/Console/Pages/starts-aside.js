import { h } from "./markup.js";
import { timeElement } from "./format.js";
import { RefreshedPage } from "./refreshed-page.js";
import { askFor } from "./dialogs.js";

/** Starts that are refused because engines ended with them: nothing where there are none. */
class StartsAside extends RefreshedPage {
  connectedCallback() {
    this.begin("/console/api/starts-aside", "Starts that are set aside could not be loaded", 30000);
    this.append(this.content);
  }

  show({ Starts: starts }) {
    this.content.replaceChildren(...starts.map((start) => h("section", { class: "trouble-box tone-fail" },
      h("strong", {}, `A start of ${start.Machines.join(", ") || "a former definition"} is refused`),
      h("p", { class: "cause" }, `${start.Crashes} engines ended while they decided on it (event '${start.Event}'): `, h("code", {}, start.Id), " · ", timeElement(start.LastAt)),
      h("p", { class: "buttons" }, h("button", { type: "button", class: "quiet", "aria-label": `Release ${start.Id}`,
        onclick: () => askToReleaseStart(start, () => this.refresh()) }, "Release…")))));
  }
}
customElements.define("starts-aside", StartsAside);

function askToReleaseStart(start, changed) {
  askFor({
    title: `Let ${start.Id} be started again?`, button: "Release the start",
    words: "Nothing is started by this: who wants the run asks for it anew. If the fault is still there, engines end with it again.",
    reason: { label: "Reason, for the audit log" },
    path: `/console/api/starts-aside/${encodeURIComponent(start.Id)}/release`, done: () => { changed(); },
  });
}
