// The player: a film fed to <video> rung by rung, or the browser's own HLS where it cannot be fed, with controls that keys and
// screen readers reach.

import { announce, drawing, element, local } from "./catalogue.js";
import { bitRate, language, position, spoken } from "./format.js";
import { Stream } from "./stream.js";

const icons = {
  play: ["M8 5v14l11-7z"], pause: ["M8 5v14", "M16 5v14"],
  sound: ["M4 9v6h4l5 4V5L8 9z", "M16.5 8.5a5 5 0 0 1 0 7", "M19 6a8.5 8.5 0 0 1 0 12"], muted: ["M4 9v6h4l5 4V5L8 9z", "m17 9 5 6", "m22 9-5 6"],
  full: ["M4 9V4h5", "M20 9V4h-5", "M4 15v5h5", "M20 15v5h-5"], small: ["M9 4v5H4", "M15 4v5h5", "M9 20v-5H4", "M15 20v-5h5"],
};

function draw(button, icon, label) {
  button.replaceChildren(drawing("0 0 24 24", ...icons[icon]));
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** Where a viewer left off, remembered by this browser. A browser that keeps nothing starts at the beginning. */
const memory = {
  key: (id) => `showrunner.position.${id}`,
  read(id) { try { return Number(localStorage.getItem(this.key(id))) || 0; } catch { return 0; } },
  write(id, seconds) { try { localStorage.setItem(this.key(id), String(seconds)); } catch { /* Nothing may be kept: then nothing is. */ } },
};

/** The pictures for scrubbing: WebVTT cues whose text is IMAGE#xywh=x,y,w,h, relative to the track's address. */
async function scrubPictures(address, signal) {
  if (!address) return [];
  const response = await fetch(address, { signal }).catch(() => null);
  if (!response?.ok) return [];
  const seconds = (text) => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  const base = new URL(address, location.href);
  return (await response.text()).replaceAll("\r", "").split("\n\n").flatMap((block) => {
    const match = block.match(/([\d:.]+) --> ([\d:.]+)[^\n]*\n(.+)#xywh=(\d+),(\d+),(\d+),(\d+)/);
    if (!match) return [];
    const [, from, to, image, ...box] = match;
    const [x, y, width, height] = box.map(Number);
    return [{ from: seconds(from), to: seconds(to), image: local(new URL(image, base).href), x, y, width, height }];
  });
}

/** A choice among few, with a name that screen readers tell. Hidden while there is nothing to choose. */
function menu(label, onChoice) {
  const select = element("select", { "aria-label": label, title: label, hidden: true });
  select.addEventListener("change", () => onChoice(select.value));
  return {
    select,
    fill(options, chosen) {
      select.replaceChildren(...options.map(([value, words]) => element("option", { value, selected: value === chosen }, words)));
      select.hidden = options.length < 2;
    },
  };
}

/**
 * licence: { address, token, renew } of a protected film; null for a clear one. thumbnailDensity: samples to a point of the
 * pictures for scrubbing.
 */
export function player({ name, id, source, licence, poster, thumbnails, thumbnailDensity, duration, onResolution, signal }) {
  const video = element("video", { poster, preload: "metadata", playsinline: true, "aria-label": name, tabindex: "-1" });
  const start = element("button", { class: "start", "aria-label": `Play ${name}` }, drawing("0 0 24 24", "M7 4v16l13-8z"));
  const toggle = element("button", {}), mute = element("button", {}), full = element("button", {});
  const scrub = element("input", { type: "range", min: "0", max: String(duration), step: "any", value: "0", "aria-label": "Position" });
  const picture = element("div", {}), pictureTime = element("span", {});
  const preview = element("div", { class: "preview", hidden: true, "aria-hidden": "true" }, picture, pictureTime);
  const time = element("span", { class: "time" }), quality = element("span", { class: "quality" });
  const rungs = menu("Quality", (value) => stream.chooseRung(Number(value)));
  const sounds = menu("Sound", (value) => stream.chooseAudio(stream.film.audio[Number(value)]));
  const subtitles = menu("Subtitles", (value) => stream.chooseSubtitles(stream.film.subtitles[Number(value)]));
  const controls = element("div", { class: "controls", role: "group", "aria-label": "Player controls" },
    element("div", { class: "scrub" }, scrub, preview), toggle, time, element("span", { class: "space" }), subtitles.select, sounds.select, quality,
    rungs.select, mute, full);
  const root = element("section", { class: "player", "data-state": "ready", "aria-label": `Player for ${name}` },
    video, element("div", { class: "busy", "aria-hidden": "true" }), start, controls);

  const fail = (words) => {
    root.dataset.state = "failed";
    root.querySelector(".trouble")?.remove();
    root.append(element("div", { class: "trouble", role: "alert" }, element("p", {}, words)));
  };
  const stream = Stream.isPossible ? new Stream(video, { address: source, licence, signal }) : null;
  if (stream) {
    stream.addEventListener("trouble", ({ detail }) => fail(detail.message));
    stream.addEventListener("tracks", () => {
      const { film } = stream;
      rungs.fill([["-1", "Auto"], ...film.rungs.map((rung, place) => [String(place), rung.height ? `${rung.height}p` : bitRate(rung.bandwidth)]).reverse()], "-1");
      if (film.rungs.length < 2) rungs.select.hidden = true;
      const named = (track) => track.name || language(track.language) || "Sound";
      sounds.fill(film.audio.map((track, place) => [String(place), named(track)]), String(film.audio.findIndex(({ isDefault }) => isDefault)));
      const texts = film.subtitles.filter(({ isForced }) => !isForced);
      subtitles.fill([["-1", "No subtitles"], ...texts.map((track) => [String(film.subtitles.indexOf(track)), named(track)])], "-1");
    });
    stream.open();
  } else if (!licence && video.canPlayType("application/vnd.apple.mpegurl")) video.src = source;
  else fail("This browser cannot play this film: it has no Media Source Extensions.");

  const total = () => (Number.isFinite(video.duration) && video.duration > 0 ? video.duration : duration);
  const showTime = () => {
    const now = video.currentTime;
    time.textContent = `${position(now)} / ${position(total())}`;
    if (!scrub.matches(":active")) scrub.value = String(now);
    scrub.setAttribute("aria-valuetext", `${spoken(now)} of ${spoken(total())}`);
    const loaded = video.buffered.length ? video.buffered.end(video.buffered.length - 1) : 0;
    scrub.style.setProperty("--played", `${(100 * now) / total()}%`);
    scrub.style.setProperty("--loaded", `${(100 * Math.max(loaded, now)) / total()}%`);
  };
  const showState = () => {
    draw(toggle, video.paused ? "play" : "pause", video.paused ? "Play" : "Pause");
    const isSilent = video.muted || video.volume === 0;
    draw(mute, isSilent ? "muted" : "sound", isSilent ? "Unmute" : "Mute");
    const isFull = document.fullscreenElement === root;
    draw(full, isFull ? "small" : "full", isFull ? "Leave full screen" : "Full screen");
  };

  const play = () => video.play().catch((error) => {
    if (error.name !== "AbortError" && root.dataset.state !== "failed") fail(`The browser did not start to play: ${error.message}`);
  });
  const playOrPause = () => (video.paused ? play() : video.pause());
  const seek = (seconds) => { video.currentTime = Math.min(Math.max(0, seconds), total()); };
  const setVolume = (volume) => {
    video.volume = Math.min(1, Math.max(0, volume));
    video.muted = false;
    announce(`Volume ${Math.round(video.volume * 100)} percent`);
  };
  const toggleFull = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()).catch(() => announce("Full screen is not possible here"));

  /** On and off again, as a key on remote controls does. */
  const switchSubtitles = () => {
    const { select } = subtitles;
    if (select.hidden) return;
    select.selectedIndex = select.selectedIndex ? 0 : 1;
    select.dispatchEvent(new Event("change"));
    announce(select.selectedIndex ? `Subtitles: ${select.selectedOptions[0].textContent}` : "No subtitles");
  };

  let rest;
  const stir = () => {
    root.removeAttribute("data-idle");
    clearTimeout(rest);
    rest = setTimeout(() => { if (!video.paused) root.setAttribute("data-idle", ""); }, 2500);
  };

  start.addEventListener("click", () => { play(); toggle.focus(); });
  toggle.addEventListener("click", playOrPause);
  video.addEventListener("click", playOrPause);
  mute.addEventListener("click", () => { video.muted = !video.muted; });
  full.addEventListener("click", toggleFull);
  video.addEventListener("dblclick", toggleFull);
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  root.addEventListener("pointermove", stir);
  root.addEventListener("focusin", stir);

  video.addEventListener("loadedmetadata", () => {
    scrub.max = String(total());
    const left = memory.read(id);
    if (left > 5 && left < total() - 10) { video.currentTime = left; announce(`Goes on at ${spoken(left)}`); }
    showTime();
  });
  video.addEventListener("play", () => { root.dataset.state = "playing"; showState(); stir(); onResolution(video.videoHeight); });
  video.addEventListener("pause", () => { root.removeAttribute("data-idle"); showState(); memory.write(id, video.currentTime); });
  video.addEventListener("ended", () => { memory.write(id, 0); root.dataset.state = "ready"; });
  video.addEventListener("timeupdate", () => { showTime(); if (!video.paused) memory.write(id, video.currentTime); });
  for (const event of ["progress", "seeked", "durationchange"]) video.addEventListener(event, showTime);
  for (const event of ["waiting", "seeking"]) video.addEventListener(event, () => root.setAttribute("data-waiting", ""));
  for (const event of ["playing", "canplay", "seeked", "error"]) video.addEventListener(event, () => root.removeAttribute("data-waiting"));
  video.addEventListener("volumechange", showState);
  video.addEventListener("resize", () => {
    quality.textContent = video.videoHeight ? `${video.videoHeight}p` : "";
    if (!video.paused) onResolution(video.videoHeight);
  });
  video.addEventListener("error", () => {
    const reasons = { 2: "The connection broke while the film was loading.", 3: "The film could not be decoded.", 4: "The film cannot be loaded or its format is not supported here." };
    fail(`${reasons[video.error?.code] ?? "The film cannot be played."} ${video.error?.message ?? ""}`.trim());
  });
  document.addEventListener("fullscreenchange", showState, { signal });

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const target = event.target;
    // A focused link or button keeps its own keys.
    if (target.matches("a, button, select, textarea") && [" ", "Enter"].includes(event.key)) return;
    if (target.matches("select, input:not([type=range])")) return;
    if (target === scrub && event.key.startsWith("Arrow") === false && event.key !== " " && !"cfmk".includes(event.key)) return;
    const acts = {
      " ": playOrPause, k: playOrPause, m: () => { video.muted = !video.muted; }, f: toggleFull,
      ArrowLeft: () => seek(video.currentTime - 10), ArrowRight: () => seek(video.currentTime + 10),
      c: () => switchSubtitles(), ArrowUp: () => setVolume(video.volume + 0.1), ArrowDown: () => setVolume(video.volume - 0.1),
    };
    const act = acts[event.key];
    // Up and down scroll the page unless the player has the focus or is playing in full screen.
    const isVertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (!act || (isVertical && !root.contains(target) && document.fullscreenElement !== root)) return;
    event.preventDefault();
    stir();
    act();
  }, { signal });

  signal.addEventListener("abort", () => { clearTimeout(rest); video.pause(); video.removeAttribute("src"); video.load(); });

  scrubPictures(thumbnails, signal).then((pictures) => {
    if (!pictures.length) return;
    const show = (event) => {
      const box = scrub.getBoundingClientRect();
      const at = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * total();
      const cue = pictures.find(({ from, to }) => at >= from && at < to) ?? pictures.at(-1);
      picture.style.inlineSize = `${cue.width / thumbnailDensity}px`;
      picture.style.blockSize = `${cue.height / thumbnailDensity}px`;
      picture.style.backgroundImage = `image-set(url("${cue.image}") ${thumbnailDensity}x)`;
      picture.style.backgroundPosition = `-${cue.x / thumbnailDensity}px -${cue.y / thumbnailDensity}px`;
      pictureTime.textContent = position(at);
      preview.hidden = false;
      const left = event.clientX - box.left - preview.offsetWidth / 2;
      preview.style.insetInlineStart = `${Math.min(Math.max(0, left), box.width - preview.offsetWidth)}px`;
    };
    scrub.addEventListener("pointermove", show);
    scrub.addEventListener("pointerleave", () => { preview.hidden = true; });
  }).catch(() => { /* Aborted, or no pictures: scrubbing works without. */ });

  showTime();
  showState();
  root.stream = stream;
  return root;
}
