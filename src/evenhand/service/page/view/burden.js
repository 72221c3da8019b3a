// One kind of burden: what each entity bears against the fair level, how that came, and its price.

import { bars } from "../bars.js";
import { h, say } from "../dom.js";
import { figure } from "../figure.js";
import { number } from "../format.js";
import { ofBurden, ofMoney, phrase } from "../units.js";

const LEVELS = { even: "an even share", target: "its target", quota: "its quota" };

/** Cards of a kind: bars now, lines over time, prices over time; `shown` and `state` as the API gives them. */
export function burden(shown, state, kind, shades, signal) {
  const from = shown.kinds.indexOf(kind) * shown.sites.length;
  const entities = shown.entities.slice(from, from + shown.sites.length);
  const level = state.fair_is[kind];
  const sign = level === "quota" ? -1 : 1; // what is received counts as a negative burden
  const what = level === "quota" ? "received" : kind === "burden" ? "burden" : kind;
  const unit = ofBurden(shown, kind);
  const title = level === "quota" ? `What each receives: ${kind}` : kind === "burden" ? "Burden" : `Burden: ${kind}`;
  const note = h("p", { class: "note" });
  const now = h("ul", { class: "bars" });
  const bar = h("section", { class: "card" }, h("h3", {}, `${title}, now`), note, now);
  const lines = shown.sites.map((site) => ({ label: site, shade: shades.get(site) }));
  // one line for the level of all; where each has its own, the bars tell it
  const common = level === "even" || (state.fair !== null && entities.every((one) => state.fair[one] === state.fair[entities[0]]));
  const path = figure(
    { title: `${title}, remembered`, rest: "other sites", lines: common ? [...lines, { label: "fair level", ink: "ink", dash: [5, 4], width: 1.25 }] : lines },
    signal,
  );
  const price = figure({ title: kind === "burden" ? "Price of burden" : `Price of ${kind}`, rest: "other sites", lines }, signal);

  return {
    element: h("div", { class: `kind ${shown.sites.length > 9 ? "many" : "few"}` }, bar, path.element, price.element),
    show(now_, series) {
      const held = (entity) => (now_.burden ? sign * now_.burden[entity] : 0);
      const fair = (entity) => (now_.fair ? sign * now_.fair[entity] : null);
      const rows = shown.sites.map((site, k) => {
        const [value, mark] = [held(entities[k]), fair(entities[k])];
        const over = mark !== null && sign * (value - mark) > 0;
        const off = mark ? value / mark - 1 : null;
        return { name: site, shade: shades.get(site), value, mark, text: now_.burden ? number(value) : "–", tone: over ? "over" : "under", more: off === null || !now_.burden ? "" : `${off >= 0 ? "+" : "−"}${Math.abs(100 * off).toFixed(0)}\u202f%` };
      });
      say(note, `${phrase(unit, "a round")}, ${now_.memory}; the tick is ${LEVELS[level]}`);
      bars(now, rows, `${what} by site against ${LEVELS[level]}`);
      const columns = entities.map((entity) => series.burden[entity].map((value) => (value === null ? null : sign * value)));
      const levels = series.round.map((_, k) => {
        if (level !== "even") return fair(entities[0]);
        const known = columns.map((column) => column[k]);
        return known.includes(null) ? null : known.reduce((a, b) => a + b, 0) / known.length;
      });
      path.show(series.round, series.time, common ? [...columns, levels] : columns, `${phrase(unit, "a round")}, ${now_.memory}`);
      const priced = series.price !== null;
      price.element.hidden = !priced;
      if (priced) price.show(series.round, series.time, entities.map((entity) => series.price[entity]), phrase(ofMoney(shown), level === "quota" ? "that a unit received is worth" : `for ${unit ? `each ${unit}` : "a unit"}, added to the cost of the site that bears it`));
    },
  };
}
