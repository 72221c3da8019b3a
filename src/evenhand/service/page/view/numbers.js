// The four numbers that count: how near to the best, what it costs, how even, how many rounds.

import { fill, h, say } from "../dom.js";
import { count, index, number, percent, plural } from "../format.js";

const PARTS = ["hitting", "switching", "fairness"];
const COUNTS = { held: "held", skipped: "missed", filled: "on old readings", bounded: "cut by bounds", altered: "applied otherwise" };

/** Jain's index: 1 where all are equal, 1/n where one bears all; null where there is nothing to share. */
export function jain(values) {
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + b * b, 0);
  return squares > 0 ? (sum * sum) / (values.length * squares) : null;
}

export function numbers() {
  const gap = tile("Proved gap", "to the best possible in hindsight, at most");
  const cost = tile("Cost", "per round so far");
  const even = tile("Evenness", "");
  const rounds = tile("Rounds", "");
  const parts = h("div", { class: "parts", "aria-hidden": "true" }, PARTS.map((part) => h("span", { class: `part ink-${part}` })));
  const names = h("ul", { class: "partnames" }, PARTS.map((part) => h("li", {}, h("span", { class: `swatch ink-${part}`, "aria-hidden": "true" }), h("span", {}, part), h("span", { class: "value" }))));
  cost.element.append(parts, names);

  return {
    element: h("div", { class: "tiles" }, gap.element, cost.element, even.element, rounds.element),
    show(shown, state) {
      say(gap.value, percent(state.gap ?? null));
      say(gap.note, state.rounds === 0 ? "no round is settled yet" : (state.gap ?? null) === null ? "no bound is known yet" : "at most above the best possible in hindsight");
      say(cost.value, number(state.mean?.total));
      say(cost.note, `${shown.units.money ?? shown.units.cost ?? ""} per round, on average`.trim());
      const total = state.mean?.total || 1;
      PARTS.forEach((part, k) => {
        const value = state.mean?.[part] ?? 0;
        parts.children[k].style.flexGrow = String(Math.max(0, value / total));
        say(names.children[k].lastChild, number(state.mean?.[part]));
      });
      const each = shown.kinds.map((kind) => [kind, jain(sharesOf(shown, state, kind))]);
      const known = each.filter(([, value]) => value !== null).sort((a, b) => a[1] - b[1]);
      say(even.value, known.length ? index(known[0][1]) : "–");
      const of = shown.kinds.length > 1 && known.length ? `of ${known[0][0]}, the least even kind: Jain's index` : "Jain's index of what each bears";
      say(even.note, `${of}, 1 is even`);
      say(rounds.value, count(state.rounds + (state.open ? 1 : 0)));
      const told = Object.entries(COUNTS).filter(([key]) => state.counts[key]).map(([key, words]) => `${count(state.counts[key])} ${words}`);
      say(rounds.note, told.length ? told.join(", ") : state.rounds ? "all decided fresh, all applied as decided" : "none is settled yet");
    },
  };
}

/** What each entity of a kind bears, against its level where that is its own (a target or a quota). */
function sharesOf(shown, state, kind) {
  const from = shown.kinds.indexOf(kind) * shown.sites.length;
  const entities = shown.entities.slice(from, from + shown.sites.length);
  if (!state.burden) return [];
  const own = state.fair_is[kind] !== "even" && state.fair && entities.every((one) => state.fair[one]);
  return entities.map((one) => (own ? state.burden[one] / state.fair[one] : state.burden[one]));
}

function tile(title, words) {
  const value = h("p", { class: "big" }, "–");
  const note = h("p", { class: "note" }, words);
  return { element: h("section", { class: "card tile" }, h("h3", {}, title), value, note), value, note };
}
