// Requests to this server, with the token of this tab; what it refuses is an error with its words.

const KEY = "evenhand.token";

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = () => sessionStorage.getItem(KEY) ?? "";

/** Kept for this tab only, until it is closed. */
export function keepToken(text) {
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

export function path(name, ...rest) {
  return ["/v1/controllers", encodeURIComponent(name), ...rest].join("/");
}

/** A response that is fine; else Refused with the server's words, or with status 0 where nobody answers. */
export async function ask(where, { signal, headers } = {}) {
  const held = token();
  const sent = { ...headers, ...(held ? { Authorization: `Bearer ${held}` } : {}) };
  let response;
  try {
    response = await fetch(where, { signal, headers: sent, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (error instanceof TypeError && held && /[^\x20-\x7e]/.test(held)) throw new Refused(401, "the token has letters that no token has");
    throw new Refused(0, "the server does not answer");
  }
  if (response.ok) return response;
  let told = `the server answered ${response.status}`;
  try {
    told = (await response.json()).error.message ?? told;
  } catch {
    // no JSON: the status has to do
  }
  throw new Refused(response.status, told);
}

export async function get(where, signal) {
  const response = await ask(where, { signal });
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "the server's answer broke off");
  }
}
