// How values are written: one way each, everywhere.

const pad = (number, width = 2) => String(number).padStart(width, "0");

/** A span in milliseconds: `45 ms`, `0.4 s`, `12 s`, `2 m 05 s`, `1 h 04 m`, `2 d 3 h`. */
export function duration(milliseconds) {
  if (milliseconds < 95) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** Media time in seconds as `00:12:40.120`. */
export function mediaTime(seconds) {
  const total = Math.max(0, Math.round(seconds * 1000));
  return `${pad(Math.floor(total / 3600000))}:${pad(Math.floor(total / 60000) % 60)}:`
    + `${pad(Math.floor(total / 1000) % 60)}.${pad(total % 1000, 3)}`;
}

export function relative(date, now = Date.now()) {
  const difference = now - date.getTime();
  const span = Math.abs(difference);
  if (span < 5000) return "now";
  let words;
  if (span < 60000) words = `${Math.floor(span / 1000)} s`;
  else if (span < 3600000) words = `${Math.floor(span / 60000)} m`;
  else if (span < 86400000) words = `${Math.floor(span / 3600000)} h`;
  else words = `${Math.floor(span / 86400000)} d`;
  return difference > 0 ? `${words} ago` : `in ${words}`;
}

const absoluteFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

export function absolute(date) {
  return absoluteFormat.format(date);
}

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function clock(date) {
  return clockFormat.format(date);
}

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function percent(share) {
  return `${Math.floor(share * 100)} %`;
}

/** What a run is called: by its title or the name it was given; else it is one of its machine. */
export function runTitle(run) {
  return run.title ?? (run.name === run.id ? run.machine : run.name);
}

/** An id shortened in the middle. */
export function shortID(id) {
  return id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}

/** Seconds after which the engine says that a task is stuck. */
const STUCK_AFTER = 20;

/** Media time, speed and what is left, as far as they are known; and since when it stands there. */
export function progressWords(progress) {
  const words = [];
  if (progress.totalSeconds > 0) words.push(`${mediaTime(progress.mediaSeconds)} of ${mediaTime(progress.totalSeconds)}`);
  else if (progress.mediaSeconds > 0) words.push(mediaTime(progress.mediaSeconds));
  if (progress.speed > 0) words.push(`${progress.speed.toFixed(progress.speed < 10 ? 1 : 0)}×`);
  if (progress.speed > 0 && progress.totalSeconds > progress.mediaSeconds) {
    words.push(`ETA ${duration((progress.totalSeconds - progress.mediaSeconds) / progress.speed * 1000)}`);
  }
  if (progress.stillSeconds >= STUCK_AFTER) words.push(`no progress for ${duration(progress.stillSeconds * 1000)}`);
  return words;
}

/** The share a report stands for, 0…1, or undefined. */
export function shareOf(progress) {
  if (progress === undefined || progress === null) return undefined;
  if (typeof progress.share === "number") return progress.share;
  if (progress.totalSeconds > 0) return Math.min(1, progress.mediaSeconds / progress.totalSeconds);
  if (progress.parts?.length) return progress.parts.reduce((sum, part) => sum + part.share, 0) / progress.parts.length;
  return undefined;
}

/** `<time>` that stays relative to now, with the absolute on hover. */
export function timeElement(text, element = document.createElement("time")) {
  const date = new Date(text);
  element.dateTime = text;
  element.title = absolute(date);
  element.dataset.shows = "relative";
  element.textContent = relative(date);
  return element;
}

/** An element that shows the time between two instants, or since the first while there is no second. */
export function spanElement(from, to, element = document.createElement("span")) {
  element.dataset.from = from;
  if (to) {
    delete element.dataset.shows;
    element.textContent = duration(new Date(to) - new Date(from));
  } else {
    element.dataset.shows = "span";
    element.textContent = duration(Date.now() - new Date(from));
  }
  return element;
}

/** An element that counts down to an instant. */
export function countdownElement(until, element = document.createElement("span")) {
  element.dataset.until = until;
  element.dataset.shows = "countdown";
  element.textContent = countdown(until, Date.now());
  return element;
}

/** What is left until an instant, in whole seconds; `due` once it has come. */
function countdown(until, now) {
  const left = new Date(until) - now;
  return left <= 0 ? "due" : `in ${duration(Math.max(1000, Math.ceil(left / 1000) * 1000))}`.replace(/\.0 s$/, " s");
}

function tick() {
  const now = Date.now();
  for (const element of document.querySelectorAll("[data-shows]")) {
    let text;
    if (element.dataset.shows === "relative") text = relative(new Date(element.dateTime), now);
    else if (element.dataset.shows === "span") text = duration(now - new Date(element.dataset.from));
    else text = countdown(element.dataset.until, now);
    if (element.textContent !== text) element.textContent = text;
  }
}
setInterval(() => { if (!document.hidden) tick(); }, 1000);
document.addEventListener("visibilitychange", tick);
