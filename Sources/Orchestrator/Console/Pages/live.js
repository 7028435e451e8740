// Talking to the engine: fetches with a problem for every failure, and event streams that come back by themselves.

import { leaveIfSignedOut, patience, toSignIn } from "./session.js";

export class EngineProblem extends Error {
  constructor(document) {
    super(document.detail ?? document.title ?? "The request failed.");
    this.detail = this.message;
    this.status = document.status;
    this.request_id = document.request_id;
  }
}

/** The document that the engine answers with. Its head is waited for with patience, and then the rest. */
export async function request(path, options = {}) {
  const silence = new AbortController();
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), patience * 1000);
  };
  wait();
  try {
    const signal = options.signal ? AbortSignal.any([options.signal, silence.signal]) : silence.signal;
    return await answered(path, { ...options, signal }, wait);
  } catch (error) {
    if (error.name !== "AbortError" || options.signal?.aborted) throw error;
    throw new EngineProblem({ detail: `The engine has not answered for ${patience} seconds. `
      + ((options.method ?? "GET") === "GET" ? "It may be restarting; nothing is lost by that." : "Look whether it was done before you repeat it.") });
  } finally {
    clearTimeout(timer);
  }
}

/** @param {function(): void} begun called when the head of the answer is there: what is big takes its time over a slow line */
async function answered(path, options, begun) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { accept: "application/json", ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new EngineProblem({ detail: "The engine cannot be reached. It may be restarting; nothing is lost by that." });
  }
  begun();
  let document, isWhole = true;
  try {
    document = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    isWhole = false;
    document = { detail: response.ok ? "The engine's answer broke off. It may be restarting; nothing is lost by that."
      : `The engine answered with status ${response.status} and no document.` };
  }
  // The session has run out, or its key was disabled.
  if (response.status === 401) toSignIn();
  if (!response.ok || !isWhole) throw new EngineProblem({ status: response.status, ...document });
  return document;
}

const connection = () => document.querySelector(".connection");

function showConnection(state, words) {
  const element = connection();
  if (!element || element.dataset.state === state) return;
  element.dataset.state = state;
  element.textContent = words;
}

/** Seconds without a word after which a stream is lost: the engine says every ten that it lives. */
const longestSilence = 45;

/** Seconds up to which that is doubled while a stream that was opened again brings no word either. */
const mostSilence = 360;

/**
 * Server-sent events until the signal is aborted or the stream says `end`. A lost stream is opened again after a
 * growing pause; the server begins each with the whole, so nothing has to be asked for again.
 *
 * @param {string} path
 * @param {Object<string, function(any): void>} handlers by event name, and `connected`
 * @param {AbortSignal} signal
 */
export function listen(path, handlers, signal) {
  let source;
  let pause = 500;
  let timer;
  let alarm;
  let silence = longestSilence;
  // Of the engine that answered last: not every one does.
  let saysThatItLives = false;

  const close = () => {
    clearTimeout(alarm);
    source?.close();
  };

  const stop = () => {
    clearTimeout(timer);
    close();
    showConnection("", "");
  };

  const lose = () => {
    // EventSource would repeat by itself only in some cases; one way for all of them.
    close();
    if (signal.aborted) return;
    showConnection("lost", "connecting again…");
    timer = setTimeout(open, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, 10000);
  };

  const watch = () => {
    clearTimeout(alarm);
    if (!saysThatItLives) return;
    alarm = setTimeout(() => {
      // The engine may be frozen, or an event so big.
      silence = Math.min(silence * 2, mostSilence);
      lose();
    }, silence * 1000);
  };

  const heard = () => {
    silence = longestSilence;
    watch();
  };

  const open = () => {
    if (signal.aborted) return;
    source = new EventSource(path);
    watch();
    source.addEventListener("alive", () => {
      saysThatItLives = true;
      heard();
    });
    source.addEventListener("open", () => {
      // Perhaps another engine; and its first event is the biggest.
      saysThatItLives = false;
      watch();
      pause = 500;
      showConnection("live", "live");
      handlers.connected?.();
    });
    source.addEventListener("error", () => {
      // An event source does not tell a refusal from a lost connection. One that fell silent was not refused.
      if (!signal.aborted) leaveIfSignedOut();
      lose();
    });
    for (const [name, handler] of Object.entries(handlers)) {
      if (name === "connected") continue;
      source.addEventListener(name, (event) => {
        if (signal.aborted) return;
        heard();
        handler(JSON.parse(event.data));
      });
    }
    source.addEventListener("end", () => {
      close();
      showConnection("", "");
    });
  };

  signal.addEventListener("abort", stop, { once: true });
  open();
}
