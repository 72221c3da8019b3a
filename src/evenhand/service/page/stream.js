// A controller's events, as they come. Ids are the ledger's, one after the other, so a stream that breaks goes on
// after the last one that was seen, and a missing one would be noticed. EventSource can send no token; fetch can.

import { ask, path } from "./api.js";

/** A tab that nobody sees for so long listens no more, for a browser has few connections; it goes on when it is seen. */
const UNSEEN = 30_000;
const WAITS = [500, 1000, 2000, 4000, 8000, 15000];

/** Hand on every event after `last` until `signal`; `status` is told "live", or why it is not. */
export async function follow(name, last, signal, { event, status }) {
  let failed = 0;
  while (!signal.aborted) {
    await seen(signal);
    const stop = whileSeen(signal);
    try {
      const response = await ask(path(name, "events"), { signal: stop.signal, headers: { "Last-Event-ID": String(last) } });
      status({ live: true, text: "live" });
      for await (const one of events(response.body)) {
        failed = 0;
        if (one.id <= last) continue;
        event({ ...one, missed: one.id - last - 1 });
        last = one.id;
        if (one.kind === "deleted") return;
      }
      status({ live: false, text: "the stream ended; connecting again" });
    } catch (error) {
      if (signal.aborted) return;
      if (stop.signal.aborted) continue;
      if (error.status === 401 || error.status === 403 || error.status === 404) {
        status({ live: false, text: error.message, refused: error });
        return;
      }
      status({ live: false, text: `${error.message}; trying again` });
    } finally {
      stop.abort();
    }
    await sleep(WAITS[Math.min(failed++, WAITS.length - 1)], signal);
  }
}

/** Wait until somebody looks. */
function seen(signal) {
  return new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState !== "visible" && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
    look();
  });
}

/** Aborts with `signal`, or once nobody has looked for a while. */
function whileSeen(signal) {
  const stop = new AbortController();
  let timer = null;
  const look = () => {
    clearTimeout(timer);
    if (document.visibilityState !== "visible") timer = setTimeout(() => stop.abort(), UNSEEN);
  };
  document.addEventListener("visibilitychange", look, { signal: stop.signal });
  signal.addEventListener("abort", () => stop.abort(), { signal: stop.signal });
  look();
  return stop;
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const one = parsed(part);
        if (one) yield one;
      }
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the connection broke");
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parsed(part) {
  const fields = {};
  for (const line of part.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  return fields.id ? { id: Number(fields.id), kind: fields.event, data: JSON.parse(fields.data) } : null;
}

function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
