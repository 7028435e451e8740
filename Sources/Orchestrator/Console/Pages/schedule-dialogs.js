import { h } from "./markup.js";
import { askFor } from "./dialogs.js";

/** A random token, by which an order that is sent again is known; browsers make UUIDs only where the page came encrypted. */
const token = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function ask({ schedule, verb, reason = { label: "Reason, for the audit log" }, ...rest }) {
  askFor({ reason, path: `/console/api/schedules/${encodeURIComponent(schedule.Name)}/${verb}`, ...rest });
}

export function askToPause(schedule, changed) {
  ask({
    schedule, verb: "pause", title: `Pause ${schedule.Name}?`, button: "Pause the schedule",
    reason: { label: "Reason, shown until it is resumed", refusal: "Say why: whoever looks at the schedule later will ask." },
    words: "Nothing fires until it is resumed, and what comes due meanwhile is not caught up; a backfill can fill it. What runs goes on.",
    body: (reason) => ({ reason }), done: () => { changed(); },
  });
}

export function askToResume(schedule, changed) {
  ask({
    schedule, verb: "resume", title: `Resume ${schedule.Name}?`, button: "Resume the schedule",
    words: "It fires again from the next time on.", done: () => { changed(); },
  });
}

const policies = [["", "as the schedule says"], ["Skip", "skip it"], ["BufferAll", "wait for its end"], ["AllowAll", "run beside it"], ["CancelOther", "stop it first"]];

function policyField(standard) {
  return { label: "If one runs already", input: h("select", { id: "policy" }, policies.map(([value, words]) =>
    h("option", { value }, value === "" ? `${words}: ${standard}` : words))) };
}

export function askToRunNow(schedule, changed) {
  const policy = policyField(schedule.OverlapPolicy);
  const request = token();
  ask({
    schedule, verb: "run-now", title: `Run ${schedule.Name} now?`, button: "Run now", fields: [policy],
    words: `An execution of ${schedule.Target} is started, as if a time of the schedule had come.`,
    body: () => ({ token: request, overlapPolicy: policy.input.value || null }),
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
