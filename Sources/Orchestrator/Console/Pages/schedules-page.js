import { h } from "./markup.js";
import { countdownElement, timeElement } from "./format.js";
import { machineLink, machineOf } from "./machine-link.js";
import { statusMark } from "./status.js";
import { RefreshedPage, fact, section } from "./refreshed-page.js";
import { askToBackfill, askToPause, askToResume, askToRunNow } from "./schedule-dialogs.js";

/** What a schedule is doing, in one of the words that have a shape. */
export function scheduleStanding(schedule) {
  if (schedule.Trouble) return "trouble";
  if (schedule.Pause) return "paused";
  if (schedule.State === "DISABLED") return "disabled";
  return schedule.Running.length > 0 ? "running" : "waiting";
}

function recordWords(record) {
  switch (record?.Action) {
    case "Start": return [`started ${record.ExecutionName} · `, timeElement(record.At)];
    case "Failure": return [`${record.ExecutionName} could not be started: ${record.Cause} · `, timeElement(record.At)];
    case "Skip": return [
      `skipped ${record.Count === 1 ? record.First : `${record.Count} from ${record.First} to ${record.Last}`}: ${skipWords[record.Reason] ?? record.Reason} · `,
      timeElement(record.At)];
    default: return ["nothing yet"];
  }
}

const skipWords = {
  Overlap: "an execution was running", Missed: "nobody was there, and it is not caught up",
  Full: "too many run or wait", Held: "the schedule was paused or disabled",
  Changed: "the schedule was changed before", Repeated: "its execution runs already",
};

class SchedulesPage extends RefreshedPage {
  connectedCallback() {
    document.title = "Schedules · Showrunner";
    this.begin("/console/api/schedules", "The schedules could not be loaded");
    this.append(h("div", { class: "page-head" }, h("h1", {}, "Schedules")), this.content);
  }

  show({ Schedules: schedules }) {
    if (schedules.length === 0) {
      this.content.replaceChildren(h("section", { class: "notice" }, h("h2", {}, "No schedules"),
        h("p", {}, "A file schedules.yaml beside the definitions says when machines are started by themselves:"),
        h("pre", {}, "Schedules:\n  nightly:\n    ScheduleExpression: cron(30 2 * * ? *)\n    ScheduleExpressionTimezone: Europe/Berlin\n    Target: {Arn: retrain}")));
      return;
    }
    this.content.replaceChildren(h("ol", { class: "rows" }, schedules.map((schedule) => h("li", {}, this.#row(schedule)))));
  }

  #row(schedule) {
    const words = schedule.Trouble ?? schedule.Pause?.Reason;
    return h("a", { class: "row schedule-row", href: `/console/schedules/${encodeURIComponent(schedule.Name)}`, "data-row": true },
      statusMark(scheduleStanding(schedule)),
      h("span", { class: "who" }, h("strong", {}, schedule.Name), h("span", { class: "faint id" }, schedule.Target)),
      h("span", { class: "expression" }, h("code", {}, schedule.ScheduleExpression), h("span", { class: "faint" }, ` ${schedule.ScheduleExpressionTimezone}`)),
      h("span", { class: `summary${schedule.Trouble ? " trouble" : ""}` }, h("span", { class: "words" }, words ?? recordWords(schedule.LastRecord))),
      h("span", { class: "when" }, schedule.NextFire && !schedule.Pause ? countdownElement(schedule.NextFire) : "–"));
  }
}
customElements.define("schedules-page", SchedulesPage);

class SchedulePage extends RefreshedPage {
  connectedCallback() {
    const name = this.getAttribute("schedule");
    document.title = `${name} · Schedules · Showrunner`;
    this.begin(`/console/api/schedules/${encodeURIComponent(name)}`, "The schedule could not be loaded");
    this.mark = h("span", {});
    this.buttons = h("span", { class: "verbs" });
    this.append(h("p", { class: "crumbs" }, h("a", { href: "/console/schedules" }, "Schedules")),
      h("div", { class: "page-head" }, h("h1", {}, name), this.mark, this.buttons), this.content);
  }

  show(schedule) {
    this.mark.replaceChildren(statusMark(scheduleStanding(schedule)));
    this.#showVerbs(schedule);
    this.content.replaceChildren(
      schedule.Description ? h("p", { class: "description" }, schedule.Description) : "",
      schedule.Trouble ? h("div", { class: "trouble-box tone-fail" }, h("strong", {}, "It can't start"), h("p", { class: "cause" }, schedule.Trouble)) : "",
      schedule.Pause ? h("div", { class: "trouble-box tone-warn" }, h("strong", {}, "Paused"),
        h("p", { class: "cause" }, schedule.Pause.Reason, " · ", timeElement(schedule.Pause.Since))) : "",
      h("dl", { class: "facts" },
        fact("fires", h("code", {}, schedule.ScheduleExpression)),
        fact("time zone", schedule.ScheduleExpressionTimezone),
        fact("starts", machineLink(machineOf(schedule.Target), schedule.Target)),
        fact("while one runs", schedule.OverlapPolicy),
        fact("when nobody was there", schedule.CatchupPolicy + (schedule.CatchupWindowInMinutes ? ` ${schedule.CatchupWindowInMinutes} min` : "")),
        schedule.FlexibleTimeWindow.Mode === "FLEXIBLE" ? fact("window", `${schedule.FlexibleTimeWindow.MaximumWindowInMinutes} min`) : null,
        fact("started so far", String(schedule.Starts))),
      section("Next", schedule.NextFires, (fire) => [
        fire.StartTime ? timeElement(fire.StartTime) : h("span", { class: "faint" }, "skipped"),
        h("span", {}, `${fire.LocalTime.replace("T", " ")} ${fire.Zone ?? ""}`),
        fire.Note ? h("span", { class: "note" }, fire.Note) : ""],
        schedule.Pause ? "Nothing while it is paused." : "It fires no more."),
      section("Running", schedule.Running, (run) => [
        run.ExecutionArn ? h("a", { "data-row": true, href: `/console/runs/${encodeURIComponent(run.ExecutionArn)}` }, run.ExecutionName) : run.ExecutionName,
        h("span", {}, causeWords[run.Cause] ?? run.Cause), run.Stopping ? h("span", { class: "note" }, "being stopped for the next one") : ""], "Nothing runs."),
      schedule.Waits.length ? section("Waiting", schedule.Waits, (fire) => [fire.ExecutionName, timeElement(fire.StartTime)]) : "",
      schedule.Backfills.length ? section("Backfills", schedule.Backfills, (backfill) => [h("span", {}, `up to ${backfill.Through}`), h("span", {}, `done up to ${backfill.After}`)]) : "",
      section("Recently", schedule.Recent.slice(0, 20), (record) => [h("span", { class: record.Action === "Failure" ? "note" : "" }, recordWords(record))], "Nothing yet."));
  }

  #showVerbs(schedule) {
    const focused = this.buttons.contains(document.activeElement) ? document.activeElement.textContent : undefined;
    const changed = () => this.refresh();
    const verb = (word, ask) => h("button", { type: "button", class: "quiet", onclick: () => ask(schedule, changed) }, word);
    this.buttons.replaceChildren(
      verb("Run now…", askToRunNow), verb("Backfill…", askToBackfill),
      schedule.Pause ? verb("Resume…", askToResume) : verb("Pause…", askToPause));
    if (focused) [...this.buttons.children].find((button) => button.textContent === focused)?.focus();
  }
}
customElements.define("schedule-page", SchedulePage);

const causeWords = { Schedule: "its time came", Catchup: "caught up", Backfill: "backfill", Request: "somebody asked for it" };
