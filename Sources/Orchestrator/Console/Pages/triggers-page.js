import { h, copyButton } from "./markup.js";
import { runTitle, timeElement } from "./format.js";
import { statusMark } from "./status.js";
import { machineLink, machineOf } from "./machine-link.js";
import { request } from "./live.js";
import { RefreshedPage, fact, section } from "./refreshed-page.js";
import { jsonSection } from "./json-view.js";
import { askFor, openDialog } from "./dialogs.js";

const kinds = { upload: "uploads", s3: "bucket", directory: "directory", webhook: "webhook", execution: "ends of runs" };
const outcomes = { Started: "started", Known: "known", Unmatched: "unmatched", Held: "held", Refused: "refused", Trouble: "away" };

/** What a trigger is doing, in one of the words that have a shape. */
export function triggerStanding(trigger) {
  if (trigger.State === "DISABLED") return "disabled";
  if (trigger.Pause) return "paused";
  if (trigger.Hook && !trigger.HasSecret) return "locked";
  if (["Refused", "Trouble"].includes(trigger.LastNote?.Outcome)) return outcomes[trigger.LastNote.Outcome];
  return "listening";
}

const place = ({ Source: source }) => source.Bucket ?? source.Path;

function noteWords(note) {
  const times = note.Count > 1 ? ` (${note.Count.toLocaleString()} times)` : "";
  switch (note.Outcome) {
    case "Started": return "started an execution";
    case "Known": return `told again what has its execution${times}`;
    case "Held": return `told while it was paused${times}`;
    case "Unmatched": return `told of what the pattern does not mean${times}`;
    default: return `${note.Reason}${times}`;
  }
}

class TriggersPage extends RefreshedPage {
  connectedCallback() {
    document.title = "Triggers · Showrunner";
    this.begin("/console/api/triggers", "The triggers could not be loaded");
    this.append(h("div", { class: "page-head" }, h("h1", {}, "Triggers")), this.content);
  }

  show({ Triggers: triggers }) {
    if (triggers.length === 0) {
      this.content.replaceChildren(h("section", { class: "notice" }, h("h2", {}, "No triggers"),
        h("p", {}, "A file triggers.yaml beside the definitions says which events start machines:"),
        h("pre", {}, "Triggers:\n  partner-films:\n    Source: {Kind: s3, Bucket: partner-films}\n    Target: {Arn: ingest}")));
      return;
    }
    this.content.replaceChildren(h("ol", { class: "rows" }, triggers.map((trigger) => h("li", {}, this.#row(trigger)))));
  }

  #row(trigger) {
    const note = trigger.LastNote;
    const isTrouble = Boolean(trigger.Pause) || ["Refused", "Trouble"].includes(note?.Outcome);
    const words = trigger.Pause?.Reason ?? (note ? noteWords(note) : trigger.Description ?? "nothing since the engine's start");
    return h("a", { class: "row trigger-row", href: `/console/triggers/${encodeURIComponent(trigger.Name)}`, "data-row": true },
      statusMark(triggerStanding(trigger)),
      h("span", { class: "who" }, h("strong", {}, trigger.Name), h("span", { class: "faint id" }, trigger.Target)),
      h("span", { class: "source" }, kinds[trigger.Source.Kind] ?? trigger.Source.Kind, place(trigger) ? [" ", h("code", {}, place(trigger))] : null),
      h("span", { class: `summary${isTrouble ? " trouble" : ""}` }, h("span", { class: "words" }, words)),
      h("span", { class: "when" }, trigger.Pause || note?.At ? timeElement(trigger.Pause?.Since ?? note.At) : "–"));
  }
}
customElements.define("triggers-page", TriggersPage);

class TriggerPage extends RefreshedPage {
  connectedCallback() {
    const name = this.getAttribute("trigger");
    document.title = `${name} · Triggers · Showrunner`;
    this.begin(`/console/api/triggers/${encodeURIComponent(name)}`, "The trigger could not be loaded");
    this.mark = h("span", {});
    this.verbs = h("span", { class: "verbs" });
    this.started = h("div", { "aria-busy": "true" });
    this.documents = h("div", { class: "documents" });
    this.append(h("p", { class: "crumbs" }, h("a", { href: "/console/triggers" }, "Triggers")),
      h("div", { class: "page-head" }, h("h1", {}, name), this.mark, this.verbs), this.content);
  }

  show(trigger) {
    this.mark.replaceChildren(statusMark(triggerStanding(trigger)));
    this.#showVerbs(trigger);
    const address = trigger.Hook && location.origin + trigger.Hook;
    const counts = Object.entries(trigger.Counts).map(([outcome, count]) => `${count.toLocaleString()} ${countWords[outcome] ?? outcome}`);
    this.content.replaceChildren(
      trigger.Description ? h("p", { class: "description" }, trigger.Description) : "",
      trigger.State === "DISABLED" ? h("div", { class: "trouble-box tone-warn" }, h("strong", {}, "Disabled"),
        h("p", { class: "cause" }, "triggers.yaml says State: DISABLED. It starts nothing until the file says otherwise and the engine has read it.")) : "",
      trigger.Pause ? h("div", { class: "trouble-box tone-warn" }, h("strong", {}, "Paused"),
        h("p", { class: "cause" }, trigger.Pause.Reason, " · ", timeElement(trigger.Pause.Since))) : "",
      trigger.Hook && !trigger.HasSecret ? h("div", { class: "trouble-box tone-warn" }, h("strong", {}, "It has no secret"),
        h("p", { class: "cause" }, "Senders prove themselves by one, and are refused until it is made. An admin makes it.")) : "",
      h("dl", { class: "facts" },
        fact("source", kinds[trigger.Source.Kind] ?? trigger.Source.Kind),
        place(trigger) ? fact(trigger.Source.Bucket ? "bucket" : "path", h("code", {}, place(trigger))) : null,
        fact("starts", machineLink(machineOf(trigger.Target), trigger.Target)),
        address ? fact("takes requests at", h("span", {}, h("code", {}, address), " ", copyButton("the hook's address", address))) : null,
        trigger.ListedThrough ? fact("listed", timeElement(trigger.ListedThrough)) : null,
        trigger.ToldThrough ? fact("told of ends until", timeElement(trigger.ToldThrough)) : null,
        fact("since the engine's start", counts.join(", ") || "nothing")),
      this.started,
      section("Told lately", trigger.Recent, (note) => [
        statusMark(outcomes[note.Outcome]), note.At ? timeElement(note.At) : h("span", {}, "–"),
        note.ExecutionArn
          ? h("a", { href: `/console/runs/${encodeURIComponent(note.ExecutionArn)}` }, note.ExecutionArn.split(":").at(-1)) : null,
        h("span", { class: "words" }, noteWords(note))],
        "Nothing since the engine's start; what was started before stands above."),
      this.documents);
    this.#showDocuments(trigger);
    this.trigger = trigger;
  }

  #showDocuments({ EventPattern: pattern, Input: input }) {
    // Counts change more often, and what somebody has folded would unfold.
    const text = JSON.stringify([pattern, input]);
    if (this.shownDocuments === text) return;
    this.shownDocuments = text;
    this.documents.replaceChildren(
      pattern ? jsonSection("Event pattern", pattern, { levels: 8 }) : h("p", { class: "faint" }, "It means every event of its source."),
      input === undefined ? h("p", { class: "faint" }, "The execution is given the event itself.") : jsonSection("Input of the execution", input, { levels: 8 }));
  }

  #showVerbs(trigger) {
    const focused = this.verbs.contains(document.activeElement) ? document.activeElement.textContent : undefined;
    const changed = () => this.refresh();
    const verb = (word, ask) => h("button", { type: "button", class: "quiet", onclick: () => ask(trigger, changed) }, word);
    this.verbs.replaceChildren(
      trigger.Hook ? verb("New secret…", askForSecret) : "",
      trigger.Pause ? verb("Resume…", askToResume) : verb("Pause…", askToPause));
    if (focused) [...this.verbs.children].find((button) => button.textContent === focused)?.focus();
  }

  async showParts(isLast) {
    if (this.trigger && !document.hidden) await this.#showStarted(this.trigger, isLast);
  }

  /** What it started, from the journal: names of executions follow from the trigger's. */
  async #showStarted(trigger, isLast) {
    try {
      const query = new URLSearchParams({ machine: trigger.Target, limit: 200 });
      const { items } = await request(`/console/api/runs?${query}`, { signal: this.signal });
      if (!isLast()) return;
      const runs = items.filter(({ name }) => name.startsWith(`${trigger.Name}-`) && /^[0-9a-f]{16}$/.test(name.slice(trigger.Name.length + 1)));
      this.#placeStarted(runs.slice(0, 20), `None of the latest ${items.length} executions of ${trigger.Target}.`);
    } catch (problem) {
      // Without such a machine the trigger can't start anything, and says so.
      if (isLast()) this.#placeStarted([], problem.detail);
    }
  }

  #placeStarted(runs, empty) {
    const text = JSON.stringify([runs, empty]);
    if (this.startedText === text) return;
    this.startedText = text;
    const row = document.activeElement?.closest?.("[data-row]")?.getAttribute("href");
    this.started.replaceChildren(section("Started", runs, (run) => [
      statusMark(run.status), timeElement(run.startDate),
      h("a", { href: `/console/runs/${encodeURIComponent(run.id)}`, "data-row": true }, runTitle(run)),
      run.error ? h("span", { class: "words" }, run.error) : null], empty));
    this.started.removeAttribute("aria-busy");
    if (row) this.started.querySelector(`[data-row][href="${CSS.escape(row)}"]`)?.focus();
  }
}
customElements.define("trigger-page", TriggerPage);

const countWords = { Started: "started", Known: "told again", Unmatched: "not meant", Held: "told while paused", Refused: "refused", Trouble: "looks that failed" };

/** What becomes of events that come while a trigger of a kind is paused. */
const pauseWords = {
  upload: "Uploads are kept, and start their executions when it is resumed.",
  s3: "What comes into the bucket meanwhile is found by a listing when it is resumed.",
  directory: "Files that arrive meanwhile are found when it is resumed.",
  execution: "What ends meanwhile is told when it is resumed.",
  webhook: "Who tells of an event meanwhile is answered 503, and has to tell it again.",
};

function askToPause(trigger, changed) {
  askFor({
    title: `Pause ${trigger.Name}?`, button: "Pause the trigger",
    words: `It starts nothing until it is resumed. ${pauseWords[trigger.Source.Kind] ?? ""} What runs goes on.`,
    reason: { label: "Reason, shown until it is resumed", refusal: "Say why: whoever looks at the trigger later will ask.", limit: 250 },
    path: `/console/api/triggers/${encodeURIComponent(trigger.Name)}/pause`,
    body: (reason) => ({ reason }), done: () => { changed(); },
  });
}

function askToResume(trigger, changed) {
  askFor({
    title: `Resume ${trigger.Name}?`, button: "Resume the trigger",
    words: trigger.Source.Kind === "webhook" ? "It starts executions again." : "It starts executions again, those of what came meanwhile first.",
    reason: { label: "Reason, for the audit log" },
    path: `/console/api/triggers/${encodeURIComponent(trigger.Name)}/resume`, done: () => { changed(); },
  });
}

function askForSecret(trigger, changed) {
  askFor({
    title: `Make a new secret for ${trigger.Name}?`, button: "Make it", isDangerous: trigger.HasSecret,
    words: trigger.HasSecret
      ? "The secret that senders have is worth nothing from then on: they are refused until they have the new one. It is shown once."
      : "Senders prove themselves by it. It is shown once.",
    reason: { label: "Reason, for the audit log" }, path: `/console/api/triggers/${encodeURIComponent(trigger.Name)}/secret`,
    done: ({ Secret: secret }) => {
      changed();
      queueMicrotask(() => showSecret(trigger.Name, secret));
    },
  });
}

function showSecret(name, secret) {
  const dialog = openDialog(`The secret of ${name}`,
    h("h2", {}, `The secret of ${name}`),
    h("p", {}, "It is shown here and nowhere again. Senders sign with it as Standard Webhooks say, or as GitHub does; a bucket's server brings it as a bearer token."),
    h("p", {}, h("code", {}, secret), " ", copyButton("the secret", secret)),
    h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "I have it")));
}
