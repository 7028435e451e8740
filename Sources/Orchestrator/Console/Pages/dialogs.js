import { h } from "./markup.js";
import { request } from "./live.js";

/** Opens a modal dialog; the browser keeps the focus inside and gives it back where it was. */
export function openDialog(label, ...children) {
  const dialog = h("dialog", { "aria-label": label }, ...children);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return dialog;
}

const keys = [
  [["j", "k"], "next and previous row"],
  [["Enter"], "open the row"],
  [["/"], "search the runs"],
  [["g r"], "to the runs"],
  [["g w"], "to the workers"],
  [["g s"], "to the schedules"],
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

/** Asks why a worker is to get no tasks (`draining`, `quarantined`) or tasks again (`active`), and says so to the engine. */
export function askForMode(worker, mode, done) {
  const words = { draining: ["Drain", "finishes what it has and gets nothing new"], quarantined: ["Quarantine", "gets nothing new: it is mistrusted"], active: ["Release", "gets tasks again"] }[mode];
  const failure = h("p", { class: "problem", role: "alert" });
  const reason = h("input", { name: "reason", maxlength: 200, autocomplete: "off" });
  const submit = h("button", { type: "submit" }, words[0]);
  const form = h("form", { novalidate: true },
    h("h2", {}, `${words[0]} ${worker}?`),
    h("p", {}, `The worker ${words[1]}${mode === "active" ? "." : ", until it is released."}`),
    mode === "active" ? "" : h("label", {}, "Reason", reason),
    failure,
    h("p", { class: "buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Leave it"), submit));
  const dialog = open(`${words[0]} ${worker}`, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await request(`/console/api/workers/${encodeURIComponent(worker)}/mode`, {
        method: "POST", headers: { "content-type": "application/json" },
        body: JSON.stringify(mode === "active" || !reason.value ? { mode } : { mode, reason: reason.value }) });
      dialog.close();
      done();
    } catch (problem) {
      failure.textContent = problem.detail;
      submit.disabled = false;
    }
  });
}

/** Says what a redrive does, and does it. */
export function askToRedrive(run, states) {
  const title = run.title ?? run.name;
  const again = states.filter((state) => ["failed", "aborted"].includes(state.status) && !["Parallel", "Map"].includes(state.type));
  const failure = h("p", { class: "problem", role: "alert" });
  const redrive = h("button", { type: "submit" }, "Redrive the run");
  const form = h("form", { novalidate: true },
    h("h2", {}, `Redrive ${title}?`),
    h("p", {}, "What has succeeded stays done. ",
      again.length === 0 ? "The run goes on where it stopped, on the same input."
        : `${again.length === 1 ? "This state runs" : `These ${again.length} states run`} again, on the same input: ${again.slice(0, 8).map((state) => state.name).join(", ")}${again.length > 8 ? ", …" : ""}.`,
      " The definition stays the one that the run was started with."),
    failure,
    h("p", { class: "buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Leave it"), redrive));
  const dialog = openDialog(`Redrive ${title}`, form);
  redrive.focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    redrive.disabled = true;
    failure.textContent = "";
    try {
      await request(`/console/api/runs/${encodeURIComponent(run.id)}/redrive`, {
        method: "POST", headers: { "content-type": "application/json" }, body: "{}",
      });
      location.reload();
    } catch (problem) {
      failure.textContent = problem.detail ?? String(problem);
      redrive.disabled = false;
    }
  });
}

/** Says what stopping does, asks for the reason, and stops. */
export function askToStop(run, states) {
  const title = run.title ?? run.name;
  const working = states.filter((state) => state.type === "Task" && state.status === "running");
  const reason = h("textarea", { id: "reason", rows: 3, maxlength: 32768, required: true });
  const failure = h("p", { class: "problem", role: "alert" });
  const stop = h("button", { type: "submit", class: "danger" }, "Stop the run");
  const form = h("form", { novalidate: true },
    h("h2", {}, `Stop ${title}?`),
    h("p", {}, "The run ends as ", h("code", {}, "ABORTED"), ". ",
      working.length === 0 ? "No task is under way."
        : `${working.length === 1 ? "One task is" : `${working.length} tasks are`} cancelled: ${working.map((state) => state.name).join(", ")}.`,
      " What finished steps have stored stays."),
    h("label", { for: "reason" }, "Reason, kept with the run"),
    reason, failure,
    h("p", { class: "buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Keep it running"), stop));
  const dialog = openDialog(`Stop ${title}`, form);
  reason.focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (reason.value.trim() === "") {
      failure.textContent = "Say why: whoever looks at the run later will ask.";
      reason.focus();
      return;
    }
    stop.disabled = true;
    failure.textContent = "";
    try {
      await request(`/console/api/runs/${encodeURIComponent(run.id)}/stop`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ error: "Operator.Stopped", cause: reason.value.trim() }),
      });
      dialog.close();
    } catch (problem) {
      failure.textContent = problem.detail ?? String(problem);
      stop.disabled = false;
    }
  });
}
