// Feeds a <video> through Media Source Extensions: fetches the segments of an HLS playlist, rung by rung.

import { unlock } from "./licence.js";
import { cues, mediaPlaylist, multivariant } from "./playlist.js";
import { Meter, chooseRung } from "./rate.js";

/** Seconds that are loaded ahead of what is shown, and kept behind it. */
const AHEAD = 30, BEHIND = 60;
const Source = window.ManagedMediaSource ?? window.MediaSource;

/** One kind of media of a film: what is chosen of it, and how far it is loaded. */
class Track {
  next = 0; // Place of the segment to load next.
  rendition = null;
  map = null; // The header that its buffer knows.
  buffer = null;
  isShownAnew = false; // Whether the picture that stands there has to be decoded again.
  loading = new AbortController();
  constructor(kind) { this.kind = kind; }
}

export class Stream extends EventTarget {
  /** Whether this browser can be fed at all. */
  static get isPossible() { return Boolean(Source); }

  film = null;
  meter = new Meter((navigator.connection?.downlink ?? 2) * 1e6);
  /** Place of the rung that is forced, or -1. */
  rung = -1;
  /** What went over the wire, for whoever wants to know: place of the rung of each segment of pictures. */
  loaded = [];
  #video; #address; #licence; #signal; #source; #tracks = []; #playlists = new Map(); #text = null; #bell = new EventTarget();
  #session = null; #wantsMore = false;

  /** licence: see unlock(); null for a clear film. A failure is told by the event "trouble". */
  constructor(video, { address, licence, signal }) {
    super();
    this.#video = video;
    this.#address = new URL(address, location.href).href;
    this.#licence = licence;
    this.#signal = signal;
  }

  async open() {
    const { promise, resolve } = Promise.withResolvers();
    try {
      this.film = this.#playable(multivariant(await this.#textAt(this.#address), this.#address));
      if (this.#licence && !this.#licence.address) throw new Error("Another service gives the licences for this film: it cannot be played here.");
      if (this.film.keyIDs.length) {
        if (!this.#licence) throw new Error("There is no licence for this film.");
        this.#session = await unlock(this.#video, this.film, this.#licence);
      }
      this.#source = new Source();
      this.#video.disableRemotePlayback = true;
      this.#source.addEventListener("sourceopen", resolve, { once: true });
      const url = URL.createObjectURL(this.#source);
      this.#video.src = url;
      await promise;
      URL.revokeObjectURL(url);
      await this.#begin();
    } catch (error) { this.#fail(error); }
  }

  /** Rungs that this browser can show; sound of one group. */
  #playable(film) {
    const can = (kind, codecs) => !codecs || Source.isTypeSupported(`${kind}/mp4; codecs="${codecs}"`);
    const rungs = film.rungs.filter((rung) => can("video", rung.codecs) && can("audio", rung.audioCodecs));
    if (!rungs.length) throw new Error("This browser plays none of the film's formats.");
    // A playlist names each rung once for each group of sound.
    film.rungs = rungs.filter((rung) => rung.group === rungs[0].group && Boolean(rung.codecs) === Boolean(rungs[0].codecs));
    film.audio = film.audio.filter(({ group }) => group === rungs[0].group);
    return film;
  }

  async #begin() {
    const { film } = this;
    const kinds = [];
    if (film.rungs[0].codecs) kinds.push(["video", film.rungs[0].codecs, null]);
    if (film.audio.length) kinds.push(["audio", film.rungs[0].audioCodecs, film.audio.find((sound) => sound.isDefault) ?? film.audio[0]]);
    // Sound alone, or pictures and sound in one: the rungs themselves.
    if (!kinds.length) kinds.push(["audio", film.rungs[0].audioCodecs, film.rungs[0]]);
    const lengths = [];
    for (const [kind, codecs, rendition] of kinds) {
      const track = new Track(kind);
      track.rendition = rendition ?? film.rungs[this.#rungNow(track)];
      track.buffer = this.#source.addSourceBuffer(`${kind}/mp4; codecs="${codecs}"`);
      track.codecs = codecs;
      this.#tracks.push(track);
      lengths.push((await this.#playlist(track.rendition.address)).duration);
    }
    this.#source.duration = Math.max(...lengths);
    const listen = (name, act) => this.#video.addEventListener(name, act, { signal: this.#signal });
    listen("timeupdate", () => this.#ring());
    listen("play", () => { this.#wantsMore = true; this.#ring(); });
    listen("seeking", () => { this.#wantsMore = true; this.#seek(); });
    this.#signal.addEventListener("abort", () => { this.#stop(); });
    this.dispatchEvent(new Event("tracks"));
    for (const track of this.#tracks) this.#run(track).catch((error) => this.#fail(error));
  }

  // What is chosen.

  /** The chosen place of the ladder, or -1 for "by rate"; shown from the next segment on. */
  chooseRung(place) {
    this.rung = place;
    this.#reload("video", (track) => { track.rendition = this.film.rungs[this.#rungNow(track)]; });
  }

  chooseAudio(sound) { this.#reload("audio", (track) => { track.rendition = sound; }); }

  /** Loads what is shown next again, from another rendition. */
  #reload(kind, change) {
    for (const track of this.#tracks.filter((one) => one.kind === kind)) {
      change(track);
      // A film that stands still shows the change at once; one that moves, from the next segment on.
      const place = this.#placeOf(track, this.#video.currentTime);
      track.next = Math.min(track.next, this.#video.paused ? place : place + 1);
      track.isShownAnew = this.#video.paused;
      this.#interrupt(track);
    }
  }

  /** Shows subtitles, or none. */
  chooseSubtitles(rendition) {
    if (this.#text) { this.#text.track.mode = "disabled"; this.#text.isChosen = false; }
    this.#text = null;
    if (!rendition) return;
    rendition.shown ??= {
      track: this.#video.addTextTrack(rendition.isCaption ? "captions" : "subtitles", rendition.name, rendition.language), known: new Set(), done: new Set(),
    };
    this.#text = rendition.shown;
    this.#text.track.mode = "showing";
    this.#text.isChosen = true;
    this.#read(rendition, this.#text).catch((error) => this.#fail(error));
  }

  // Loading.

  #ring() { this.#bell.dispatchEvent(new Event("ring")); }
  #rung() { return new Promise((resolve) => this.#bell.addEventListener("ring", resolve, { once: true })); }

  #interrupt(track) {
    track.loading.abort();
    track.loading = new AbortController();
    this.#ring();
  }

  #stop() {
    for (const track of this.#tracks) track.loading.abort();
    this.#session?.close().catch(() => { /* The browser has closed it. */ });
    this.#ring();
  }

  #fail(error) {
    if (this.#signal.aborted || error.name === "AbortError") return;
    this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
  }

  #rungNow(track) {
    const { rungs } = this.film;
    if (this.rung >= 0) return Math.min(this.rung, rungs.length - 1);
    return chooseRung(rungs, rungs.indexOf(track.rendition), this.meter.rate, this.#ahead(track));
  }

  /** Seconds of a track that are loaded from the present moment on, without a gap. */
  #ahead(track) {
    const ranges = track.buffer?.buffered, now = this.#video.currentTime;
    for (let place = 0; place < (ranges?.length ?? 0); place++) {
      if (ranges.start(place) <= now + 0.1 && ranges.end(place) > now) return ranges.end(place) - now;
    }
    return 0;
  }

  #placeOf(track, time) {
    const segments = track.segments ?? [];
    const place = segments.findLastIndex(({ start }) => start <= time + 0.001);
    return Math.max(0, place);
  }

  #seek() {
    for (const track of this.#tracks) {
      const time = this.#video.currentTime;
      track.next = this.#placeOf(track, time + Math.max(0, this.#ahead(track) - 0.05));
      this.#interrupt(track);
    }
  }

  async #run(track) {
    while (!this.#signal.aborted) {
      // At first only what shows that there is a film; all else once somebody wants to see it.
      const horizon = this.#wantsMore ? this.#video.currentTime + AHEAD : 0.001;
      const segments = track.segments ?? [];
      const isDone = track.segments && track.next >= segments.length;
      if (isDone || (track.segments && segments[track.next].start > horizon)) {
        if (isDone) this.#endWhenDone();
        await this.#rung();
        continue;
      }
      try { await this.#loadNext(track); } catch (error) {
        // Another choice or a jump has made it needless.
        if (error.name !== "AbortError" || this.#signal.aborted) throw error;
      }
    }
  }

  async #loadNext(track) {
    if (track.kind === "video") track.rendition = this.film.rungs[this.#rungNow(track)];
    const { rendition } = track;
    const { signal } = track.loading;
    track.segments = (await this.#playlist(rendition.address)).segments;
    const place = track.next;
    const segment = track.segments[place];
    if (!segment) return;
    const bytes = await this.#bytes(segment, signal);
    const map = segment.map && `${segment.map.address} ${segment.map.range?.start ?? ""}`;
    if (map && map !== track.map) {
      const header = await this.#bytes(segment.map, signal);
      if (track.kind === "video" && rendition.codecs !== track.codecs) {
        track.buffer.changeType(`video/mp4; codecs="${rendition.codecs}"`);
        track.codecs = rendition.codecs;
      }
      await this.#append(track, header);
      track.map = map;
    }
    signal.throwIfAborted();
    await this.#append(track, bytes);
    if (track.kind === "video") this.loaded.push(this.film.rungs.indexOf(rendition));
    if (track.next === place) track.next = place + 1;
    // A film that stands still shows what it has decoded until it is told to look again.
    if (track.isShownAnew && this.#video.paused) this.#video.currentTime = this.#video.currentTime;
    track.isShownAnew = false;
    await this.#forget(track, this.#video.currentTime - BEHIND);
  }

  #endWhenDone() {
    const areDone = this.#tracks.every((track) => track.segments && track.next >= track.segments.length && !track.buffer.updating);
    if (areDone && this.#source.readyState === "open") this.#source.endOfStream();
  }

  async #append(track, bytes) {
    try { await change(track.buffer, () => track.buffer.appendBuffer(bytes)); } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
      // The browser holds no more: let go of what was shown, and try once more.
      await this.#forget(track, this.#video.currentTime - 5);
      await change(track.buffer, () => track.buffer.appendBuffer(bytes));
    }
  }

  async #forget(track, end) {
    const { buffer } = track;
    if (end > 0 && buffer.buffered.length && buffer.buffered.start(0) < end - 10) await change(buffer, () => buffer.remove(0, end));
  }

  async #playlist(address) {
    if (!this.#playlists.has(address)) this.#playlists.set(address, mediaPlaylist(await this.#textAt(address), address));
    return this.#playlists.get(address);
  }

  async #textAt(address) {
    return new TextDecoder().decode(await this.#bytes({ address, range: null }, this.#signal));
  }

  async #bytes({ address, range }, signal) {
    for (let attempt = 1; ; attempt++) {
      try {
        const began = performance.now();
        const headers = range ? { range: `bytes=${range.start}-${range.end - 1}` } : {};
        const response = await fetch(address, { headers, signal: AbortSignal.any([signal, this.#signal]) });
        if (!response.ok) throw new Error(`${new URL(address).pathname}: ${response.status}`);
        const bytes = await response.arrayBuffer();
        this.meter.note(bytes.byteLength, (performance.now() - began) / 1000);
        return bytes;
      } catch (error) {
        if (signal.aborted || this.#signal.aborted) throw new DOMException("Not needed any more.", "AbortError");
        if (attempt === 5) throw new Error(`The connection broke while the film was loading. (${error.message})`);
        await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
      }
    }
  }

  /** Subtitles come a minute ahead of the film, and again after a jump. */
  async #read(rendition, shown) {
    const { segments } = await this.#playlist(rendition.address);
    while (shown.isChosen && !this.#signal.aborted) {
      const now = this.#video.currentTime;
      const segment = segments.find(({ start, duration }, place) => !shown.done.has(place) && start + duration > now && start < now + 60);
      if (!segment) { await this.#rung(); continue; }
      shown.done.add(segments.indexOf(segment));
      for (const cue of cues(await this.#textAt(segment.address))) {
        // A cue that spans segments stands in each of them.
        const id = `${cue.start} ${cue.end} ${cue.text}`;
        if (shown.known.has(id)) continue;
        shown.known.add(id);
        const made = new VTTCue(cue.start, cue.end, cue.text);
        if (!/\bline:/.test(cue.settings)) made.line = -3; // Clear of the controls.
        shown.track.addCue(made);
      }
    }
  }
}

/** Changes a source buffer and waits until it has. */
function change(buffer, act) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const over = new AbortController();
  const listen = (name, tell) => buffer.addEventListener(name, tell, { signal: over.signal });
  listen("updateend", resolve);
  listen("error", () => reject(new Error("The film could not be decoded.")));
  try { act(); } catch (error) { reject(error); }
  return promise.finally(() => over.abort());
}
