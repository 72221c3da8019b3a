// How a controller is doing, in one word and its reason.

import { span } from "../format.js";

/** {word, tone, text} of an entry of the overview, or of a state. */
export function status(one) {
  if (one.held) return { word: "paused", tone: "warn", text: "the kill switch is on: the last action is held" };
  if (one.rounds + (one.open ? 1 : 0) === 0) return { word: "waiting", tone: "idle", text: "" };
  if (one.holding) return { word: "holding", tone: "warn", text: "a signal is too old: the last action is held" };
  return { word: "running", tone: "good", text: "" };
}

/** How long ago, and whether that is longer than it usually takes between rounds; at: times of the newest rounds. */
export function lateness(age, at = []) {
  const between = at.slice(1).map((one, k) => one - at[k]).sort((a, b) => a - b);
  const usual = between.length >= 3 ? between[Math.floor(between.length / 2)] : null;
  const late = usual !== null && usual >= 1 && age > Math.max(30, 3 * usual);
  return { late, text: late ? `usually every ${span(usual)}` : "" };
}
