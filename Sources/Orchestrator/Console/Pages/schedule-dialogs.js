import { h } from "./markup.js";
import { request } from "./live.js";
import { openDialog } from "./dialogs.js";

/** Headers hold no other characters; the audit log keeps what can be sent. */
const headerText = (text) => text.replace(/[^\x20-\x7e]/g, "?");

/** A dialog with a verb: says what it does, asks for what it needs and why, and does it. */
function ask({ schedule, verb, title, words, fields = [], button, body, done, needsReason }) {
  const reason = h("textarea", { id: "reason", rows: 2, maxlength: 1000, required: needsReason });
  const failure = h("p", { class: "problem", role: "alert" });
  const submit = h("button", { type: "submit" }, button);
  const form = h("form", { novalidate: true },
    h("h2", {}, title), h("p", {}, words),
    fields.map(({ label, input }) => [h("label", { for: input.id }, label), input]),
    h("label", { for: "reason" }, needsReason ? "Reason, shown until it is resumed" : "Reason, for the audit log"), reason,
    failure,
    h("p", { class: "buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Leave it"), submit));
  const dialog = openDialog(title, form);
  (fields[0]?.input ?? reason).focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const why = reason.value.trim();
    if (needsReason && why === "") {
      failure.textContent = "Say why: whoever looks at the schedule later will ask.";
      reason.focus();
      return;
    }
    submit.disabled = true;
    failure.textContent = "";
    try {
      const headers = { "content-type": "application/json" };
      if (why) headers["showrunner-reason"] = headerText(why);
      const answer = await request(`/console/api/schedules/${encodeURIComponent(schedule.Name)}/${verb}`, {
        method: "POST", headers, body: JSON.stringify(body(why)),
      });
      const refusal = done?.(answer);
      if (refusal) throw { detail: refusal };
      dialog.close();
    } catch (problem) {
      failure.textContent = problem.detail ?? String(problem);
      submit.disabled = false;
    }
  });
}

export function askToPause(schedule, changed) {
  ask({
    schedule, verb: "pause", title: `Pause ${schedule.Name}?`, button: "Pause the schedule", needsReason: true,
    words: "Nothing fires until it is resumed, and what comes due meanwhile is not caught up; a backfill can fill it. What runs goes on.",
    body: (reason) => ({ reason }), done: () => { changed(); },
  });
}

export function askToResume(schedule, changed) {
  ask({
    schedule, verb: "resume", title: `Resume ${schedule.Name}?`, button: "Resume the schedule",
    words: "It fires again from the next time on.", body: () => ({}), done: () => { changed(); },
  });
}

const policies = [["", "as the schedule says"], ["Skip", "skip it"], ["BufferAll", "wait for its end"], ["AllowAll", "run beside it"], ["CancelOther", "stop it first"]];

function policyField(standard) {
  return { label: "If one runs already", input: h("select", { id: "policy" }, policies.map(([value, words]) =>
    h("option", { value }, value === "" ? `${words}: ${standard}` : words))) };
}

export function askToRunNow(schedule, changed) {
  const policy = policyField(schedule.OverlapPolicy);
  const token = crypto.randomUUID();
  ask({
    schedule, verb: "run-now", title: `Run ${schedule.Name} now?`, button: "Run now", fields: [policy],
    words: `An execution of ${schedule.Target} is started, as if a time of the schedule had come.`,
    body: () => ({ token, overlapPolicy: policy.input.value || null }),
    done: (answer) => {
      changed();
      return ["Started", "Waits"].includes(answer.Outcome) ? undefined : "Nothing was started: one runs already, and the overlap policy skips it.";
    },
  });
}

export function askToBackfill(schedule, changed) {
  const from = { label: "From (UTC)", input: h("input", { id: "from", type: "datetime-local", step: 1, required: true }) };
  const to = { label: "To (UTC), included", input: h("input", { id: "to", type: "datetime-local", step: 1, required: true }) };
  const policy = policyField("BufferAll");
  const stamp = (input) => (input.value ? `${input.value.length === 16 ? `${input.value}:00` : input.value}Z` : "");
  ask({
    schedule, verb: "backfill", title: `Backfill ${schedule.Name}?`, button: "Start the backfill", fields: [from, to, policy],
    words: "Each time that the expression names in the range starts an execution. Times that ran before do not run again.",
    body: () => ({ from: stamp(from.input), to: stamp(to.input), overlapPolicy: policy.input.value || null }),
    done: () => { changed(); },
  });
}
