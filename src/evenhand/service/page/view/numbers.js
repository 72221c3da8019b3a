// The four numbers that count: how near to the best, what it costs, how even, how many rounds.

import { h, say } from "../dom.js";
import { count, index, number, percent, plural } from "../format.js";
import { ofMoney, phrase } from "../units.js";

const PARTS = ["hitting", "switching", "fairness"];
/** rounds that are solved for without being asked */
const FEW = 200;
const COUNTS = { held: "held", skipped: "missed", filled: "on old readings", bounded: "cut by bounds", altered: "applied otherwise" };

/** Jain's index: 1 where all are equal, 1/n where one bears all; null where there is nothing to share. */
export function jain(values) {
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + b * b, 0);
  return squares > 0 ? (sum * sum) / (values.length * squares) : null;
}

/** The tiles; `prove`: asks for the tightest bound of the newest rounds. */
export function numbers(prove) {
  const gap = tile("Proved gap", "to the best possible in hindsight, at most");
  const cost = tile("Cost", "per round so far");
  const even = tile("Evenness", "");
  const rounds = tile("Rounds", "");
  const level = h("span", { class: "level" });
  even.element.append(h("div", { class: "parts", "aria-hidden": "true" }, level));
  const tighter = h("button", { type: "button", class: "tighter", hidden: true, onclick: proveNow }, "Prove it tighter");
  const more = h("p", { class: "note", role: "status" });
  gap.element.append(more, tighter);
  let [solved, told, first] = [null, () => {}, true];
  const parts = h("div", { class: "parts", "aria-hidden": "true" }, PARTS.map((part) => h("span", { class: `part ink-${part}` })));
  const names = h("ul", { class: "partnames" }, PARTS.map((part) => h("li", {}, h("span", { class: `swatch ink-${part}`, "aria-hidden": "true" }), h("span", {}, part), h("span", { class: "value" }))));
  cost.element.append(parts, names);

  async function proveNow() {
    tighter.disabled = true;
    say(more, "Solving…");
    try {
      solved = await prove();
      say(more, "");
      told();
    } catch (error) {
      if (error.name !== "AbortError") say(more, `${error.message[0].toUpperCase()}${error.message.slice(1)}.`);
    }
    tighter.disabled = false;
  }

  return {
    element: h("div", { class: "tiles" }, gap.element, cost.element, even.element, rounds.element),
    show(shown, state) {
      told = () => {
        const kept = gapOf(shown, state);
        const [value, words] = solved === null ? kept : gapOf(shown, { ...solved, mean: solved.cost });
        const last = solved && solved.from + solved.rounds - 1;
        say(gap.value, value);
        say(gap.note, solved === null ? words : `${words}, rounds ${count(solved.from)} to ${count(last)}`);
        if (solved !== null) say(more, `kept up to date without solving: ${kept[0]}`);
        say(tighter, solved === null ? "Prove it tighter" : "Prove it again");
        tighter.hidden = state.rounds === 0 || (solved !== null && last === state.rounds - 1);
      };
      told();
      if (first && state.rounds > 0 && state.rounds <= FEW) proveNow();
      first = false;
      say(cost.value, number(state.mean?.total));
      say(cost.note, phrase(ofMoney(shown), "per round, on average"));
      const total = state.mean?.total || 1;
      PARTS.forEach((part, k) => {
        const value = state.mean?.[part] ?? 0;
        parts.children[k].style.flexGrow = String(Math.max(0, value / total));
        say(names.children[k].lastChild, number(state.mean?.[part]));
      });
      const each = shown.kinds.map((kind) => [kind, jain(sharesOf(shown, state, kind))]);
      const known = each.filter(([, value]) => value !== null).sort((a, b) => a[1] - b[1]);
      level.style.width = `${100 * (known[0]?.[1] ?? 0)}%`;
      say(even.value, known.length ? index(known[0][1]) : "–");
      say(even.note, evenness(state, shown.kinds.length > 1 ? known[0]?.[0] : undefined, shown.kinds[0]));
      say(rounds.value, count(state.rounds + (state.open ? 1 : 0)));
      const some = Object.entries(COUNTS).filter(([key]) => state.counts[key]).map(([key, words]) => `${count(state.counts[key])} ${words}`);
      say(rounds.note, some.length ? some.join(", ") : state.rounds ? "all decided fresh, all applied as decided" : "none is settled yet");
    },
  };
}

const SHARES = { even: "what each bears", target: "what each bears of its target", quota: "what each gets of its quota" };

function evenness(state, least, first) {
  const of = SHARES[state.fair_is[least ?? first]];
  return `Jain's index of ${of}${least ? `, for ${least}, the least even` : ""}; 1 is even`;
}

/** The gap and what it means; where the best may cost nothing or less, the distance to it. */
function gapOf(shown, { rounds, bound, gap, mean }) {
  if (!rounds) return ["–", "no round is settled yet"];
  if ((gap ?? null) !== null) return [percent(gap), "at most above the best possible in hindsight"];
  if ((bound ?? null) === null) return ["–", "no bound is known yet"];
  return [number(mean.total - bound), phrase(ofMoney(shown), "a round at most above the best possible in hindsight")];
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
