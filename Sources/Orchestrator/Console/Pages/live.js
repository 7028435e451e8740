// Talking to the engine: fetches with a problem for every failure, and event streams that come back by themselves.

import { leaveIfSignedOut, toSignIn } from "./session.js";

export class EngineProblem extends Error {
  constructor(document) {
    super(document.detail ?? document.title ?? "The request failed.");
    this.detail = this.message;
    this.status = document.status;
    this.request_id = document.request_id;
  }
}

export async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { accept: "application/json", ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new EngineProblem({ detail: "The engine cannot be reached. It may be restarting; nothing is lost by that." });
  }
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

  const stop = () => {
    clearTimeout(timer);
    source?.close();
    showConnection("", "");
  };

  const open = () => {
    if (signal.aborted) return;
    source = new EventSource(path);
    source.addEventListener("open", () => {
      pause = 500;
      showConnection("live", "live");
      handlers.connected?.();
    });
    source.addEventListener("error", () => {
      // EventSource would repeat by itself only in some cases; one way for all of them.
      source.close();
      if (signal.aborted) return;
      // An event source does not tell a refusal from a lost connection.
      leaveIfSignedOut();
      showConnection("lost", "connecting again…");
      timer = setTimeout(open, pause * (0.75 + Math.random() / 2));
      pause = Math.min(pause * 2, 10000);
    });
    for (const [name, handler] of Object.entries(handlers)) {
      if (name === "connected") continue;
      source.addEventListener(name, (event) => {
        if (!signal.aborted) handler(JSON.parse(event.data));
      });
    }
    source.addEventListener("end", () => {
      source.close();
      showConnection("", "");
    });
  };

  signal.addEventListener("abort", stop, { once: true });
  open();
}
