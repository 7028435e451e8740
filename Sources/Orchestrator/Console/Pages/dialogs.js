import { h } from "./markup.js";
import { runTitle } from "./format.js";
import { request } from "./live.js";

/** Opens a modal dialog; the browser keeps the focus inside and gives it back where it was. */
export function openDialog(label, ...children) {
  const dialog = h("dialog", { "aria-label": label }, ...children);
  document.body.append(dialog);
  // Told with the next frame: it may be open again by then.
  dialog.addEventListener("close", () => { if (!dialog.open) dialog.remove(); });
  dialog.showModal();
  return dialog;
}

const keys = [
  [["j", "k"], "next and previous row"],
  [["Enter"], "open the row"],
  [["/"], "search the list, or the runs"],
  [["g r"], "to the runs"],
  [["g m"], "to the machines"],
  [["g w"], "to the workers"],
  [["g s"], "to the schedules"],
  [["g t"], "to the triggers"],
  [["r"], "redrive the run shown"],
  [["s"], "stop the run shown"],
  [["Esc"], "leave a field or close a dialog"],
  [["?"], "this list"],
];

export function showHelp() {
  if (document.querySelector("dialog[open]")) return;
  const dialog = openDialog("Keyboard shortcuts",
    h("h2", {}, "Keys"),
    h("dl", { class: "keys" }, keys.map(([names, words]) => [
      h("dt", {}, names.map((name) => h("kbd", {}, name))), h("dd", {}, words)])),
    h("h2", {}, "Words of the search"),
    h("dl", { class: "keys" }, [
      ["machine:ingest", "runs of one state machine"],
      ["status:failed", "running, succeeded, failed, timed_out or aborted"],
      ["since:24h", "started within minutes (m), hours (h) or days (d)"],
      ["elf", "title, name, id, error or cause holds it"],
    ].map(([word, meaning]) => [h("dt", {}, h("code", {}, word)), h("dd", {}, meaning)])),
    h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close")));
}

/** Headers hold no other characters, and the audit log keeps no more of them. */
const headerText = (text) => text.replace(/\s+/g, " ").replace(/[^\x20-\x7e]/g, "?").slice(0, 1000);

/**
 * A dialog with a verb: says what it does, asks for what it needs and why, and does it.
 *
 * @param {object} order
 * @param {string} order.title the question, which names what it is about
 * @param {Array|string} order.words what will happen
 * @param {{label: string, input: HTMLElement}[]} [order.fields] what it needs
 * @param {{label: string, refusal?: string, limit?: number}} [order.reason] refusal: what is said where none is given
 * @param {string} order.button the verb
 * @param {boolean} [order.isDangerous]
 * @param {string} [order.leave] the way out
 * @param {string|function(): string} order.path where the order goes
 * @param {function(string): (object|string)} [order.body] its content, or the content's JSON, from the reason; a text is thrown where a field can't be read
 * @param {function(object): (string|undefined)} [order.done] takes the answer; what it gives is why nothing was done
 */
export function askFor({ title, words, fields = [], reason: asked, button, isDangerous, leave = "Leave it", path, body = () => ({}), done }) {
  const reason = h("textarea", { id: "reason", rows: 2, maxlength: asked?.limit ?? 1000, required: Boolean(asked?.refusal) });
  const failure = h("p", { class: "problem", role: "alert" });
  const submit = h("button", { type: "submit", class: isDangerous && "danger" }, button);
  const form = h("form", { novalidate: true },
    h("h2", {}, title), h("p", {}, words),
    fields.map(({ label, input }) => [h("label", { for: input.id }, label), input]),
    asked ? [h("label", { for: "reason" }, asked.label), reason] : null,
    failure,
    h("p", { class: "buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, leave), submit));
  const dialog = openDialog(title, form);
  (fields[0]?.input ?? (asked ? reason : submit)).focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const why = reason.value.trim();
    if (asked?.refusal && why === "") {
      failure.textContent = asked.refusal;
      reason.focus();
      return;
    }
    submit.disabled = true;
    failure.textContent = "";
    try {
      const headers = { "content-type": "application/json" };
      if (why) headers["showrunner-reason"] = headerText(why);
      // On a line of its own: arguments of a call that is left out are not evaluated.
      const content = body(why);
      const answer = await request(typeof path === "function" ? path() : path, { method: "POST", headers, body: typeof content === "string" ? content : JSON.stringify(content) });
      const refusal = done?.(answer);
      if (refusal) throw refusal;
      dialog.close();
    } catch (problem) {
      // It may have been left while the order was under way.
      if (!dialog.open) {
        document.body.append(dialog);
        dialog.showModal();
      }
      failure.textContent = problem.detail ?? String(problem);
      submit.disabled = false;
    }
  });
}

const auditReason = { label: "Reason, for the audit log" };

/** Why a worker is to get no tasks (`draining`, `quarantined`) or tasks again (`active`). */
export function askForMode(worker, mode, done) {
  const [verb, words] = { draining: ["Drain", "finishes what it has and gets nothing new"], quarantined: ["Quarantine", "gets nothing new: it is mistrusted"], active: ["Release", "gets tasks again"] }[mode];
  askFor({
    title: `${verb} ${worker}?`, words: `The worker ${words}${mode === "active" ? "." : ", until it is released."}`, button: verb,
    reason: mode === "active" ? auditReason : { label: "Reason, shown until it is released", limit: 200 },
    path: `/console/api/workers/${encodeURIComponent(worker)}/mode`,
    body: (why) => (mode === "active" || !why ? { mode } : { mode, reason: why }),
    done: () => { done(); },
  });
}

const runPath = (run) => `/console/api/runs/${encodeURIComponent(run)}`;

/** Takes up a run that was set aside because engines ended with it. */
export function askToReleaseRun(run) {
  askFor({
    title: `Release ${runTitle(run)}?`, button: "Release the run",
    words: "Engines ended while they decided on it. It is taken up where it was; if the fault is still there, engines end with it again.",
    reason: auditReason, path: `${runPath(run.id)}/release`, done: () => { location.reload(); },
  });
}

/** Lets a parked task be handed out again. */
export function askToReleaseTask(run, state, done) {
  askFor({
    title: `Let another worker try ${state.name}?`, button: "Hand it out again",
    words: "The task was lost with several workers and is handed to nobody. It is handed out again, and the workers lost with it count no more.",
    reason: auditReason, path: `${runPath(run)}/states/${state.entry}/release`, done: () => { done(); },
  });
}

/** Answers a task that waits for people: the run goes on with this result. */
export function askToApprove(run, state, done) {
  const output = h("textarea", { id: "result", rows: 3, spellcheck: "false" });
  output.value = '{"approved": true}';
  askFor({
    title: `Approve ${state.name}?`, button: "Approve",
    words: "The task ends with this result, and the run goes on. There is no way back.",
    fields: [{ label: "Result, as JSON", input: output }], reason: auditReason,
    path: `${runPath(run)}/states/${state.entry}/approve`,
    body: () => {
      try { return { output: JSON.parse(output.value) }; } catch (problem) { throw `The result is no JSON: ${problem.message}`; }
    },
    done: () => { done(); },
  });
}

/** Answers a task that waits for people: it fails, and the definition says what follows. */
export function askToReject(run, state, done) {
  askFor({
    title: `Reject ${state.name}?`, button: "Reject", isDangerous: true,
    words: ["The task fails with ", h("code", {}, "Showrunner.Rejected"), ". What follows is what the definition says: without a Catch the run fails, and can be redriven."],
    reason: { label: "Reason, kept with the run", refusal: "Say why: it becomes the error's cause.", limit: 1000 },
    path: `${runPath(run)}/states/${state.entry}/reject`, body: (cause) => ({ cause }), done: () => { done(); },
  });
}

/** What a redrive does. */
export function askToRedrive(run, states) {
  const again = states.filter((state) => ["failed", "aborted"].includes(state.status) && !["Parallel", "Map"].includes(state.type));
  askFor({
    title: `Redrive ${runTitle(run)}?`, button: "Redrive the run",
    words: ["What has succeeded stays done. ",
      again.length === 0 ? "The run goes on where it stopped, on the same input."
        : `${again.length === 1 ? "This state runs" : `These ${again.length} states run`} again, on the same input: ${again.slice(0, 8).map((state) => state.name).join(", ")}${again.length > 8 ? ", …" : ""}.`,
      " The definition stays the one that the run was started with."],
    reason: auditReason, path: `${runPath(run.id)}/redrive`, done: () => { location.reload(); },
  });
}

/** What somebody wrote, when it is JSON: kept as it was written, since numbers lose digits when they are read here. */
function documentText(text) {
  try { JSON.parse(text); } catch (problem) { throw `The input is no JSON: ${problem.message}`; }
  return text;
}

/**
 * Starts a run of a machine.
 *
 * @param {object} machine its document, with versions and aliases
 */
export function askToStart(machine) {
  const option = (arn, words) => h("option", { value: arn }, words);
  const choice = h("select", { id: "definition" },
    option(machine.name, machine.currentVersion ? `the machine itself, now version ${machine.currentVersion}` : "the machine itself, as it is now"),
    machine.aliases.map((alias) => option(alias.stateMachineAliasArn, `alias ${alias.name}: ${routingWords(alias)}`)),
    machine.versions.map((version) => option(version.stateMachineVersionArn, `version ${version.version}${version.description ? `: ${version.description}` : ""}`)));
  const input = h("textarea", { id: "input", rows: 10, spellcheck: "false" });
  input.value = "{}";
  const name = h("input", { type: "text", id: "name", maxlength: 80, autocomplete: "off", spellcheck: "false" });
  const hasChoice = machine.aliases.length + machine.versions.length > 0;
  askFor({
    title: `Start ${machine.name}?`, button: "Start a run",
    words: "A run begins with this input. Where a name is given and a run of it is there, with the same input, that one is shown.",
    fields: [{ label: "Input, as JSON", input }, ...(hasChoice ? [{ label: "By", input: choice }] : []), { label: "Name of the run, if it is to have one", input: name }],
    reason: auditReason, path: () => `/console/api/machines/${encodeURIComponent(choice.value)}/start`,
    body: () => `{"input": ${documentText(input.value)}${name.value.trim() ? `, "name": ${JSON.stringify(name.value.trim())}` : ""}}`,
    done: ({ executionArn }) => { location.assign(`/console/runs/${encodeURIComponent(executionArn)}`); },
  });
}

/** Where an alias leads. */
export const routingWords = (alias) => alias.routingConfiguration.map(({ version, weight }) => `version ${version}${weight === 100 ? "" : ` (${weight} %)`}`).join(", ");

/** Starts another run of the machine. */
export function askToStartAgain(run) {
  const given = JSON.stringify(run.input === undefined ? {} : run.input, null, 2);
  const input = h("textarea", { id: "input", rows: 10, spellcheck: "false" });
  input.value = given;
  askFor({
    title: `Start ${run.machine} again?`, button: "Start a run",
    words: "A new run begins, with this input, by the definition that the machine has now. This one stays as it is.",
    fields: [{ label: "Input, as JSON", input }], reason: auditReason, path: `${runPath(run.id)}/again`,
    body: () => {
      // As it was, to the last digit: numbers lose some when they are read here.
      if (input.value === given) return {};
      return `{"input": ${documentText(input.value)}}`;
    },
    done: ({ executionArn }) => { location.assign(`/console/runs/${encodeURIComponent(executionArn)}`); },
  });
}

/** What stopping does. */
export function askToStop(run, states) {
  const working = states.filter((state) => state.type === "Task" && state.status === "running");
  askFor({
    title: `Stop ${runTitle(run)}?`, button: "Stop the run", isDangerous: true, leave: "Keep it running",
    words: ["The run ends as ", h("code", {}, "ABORTED"), ". ",
      working.length === 0 ? "No task is under way."
        : `${working.length === 1 ? "One task is" : `${working.length} tasks are`} cancelled: ${working.map((state) => state.name).join(", ")}.`,
      " What finished steps have stored stays."],
    reason: { label: "Reason, kept with the run", refusal: "Say why: whoever looks at the run later will ask.", limit: 32768 },
    path: `${runPath(run.id)}/stop`, body: (cause) => ({ error: "Operator.Stopped", cause }),
  });
}
