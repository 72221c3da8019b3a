// The last decision: what each site gets and how far it moved, and why, in words.

import { bars } from "../bars.js";
import { fill, h, say } from "../dom.js";
import { number, signed, when } from "../format.js";
import { ofWork, phrase } from "../units.js";

export function decision() {
  const which = h("p", { class: "note" });
  const moved = h("p", { class: "note" });
  const moves = h("ul", { class: "bars moves" });
  const words = h("div", { class: "words" });
  const notes = h("ul", { class: "notes" });
  const element = h(
    "section",
    { class: "card decision", "aria-labelledby": "decision" },
    h("div", { class: "heading" }, h("h3", { id: "decision" }, "The last decision"), which),
    h("div", { class: "columns" }, h("div", {}, moves, moved), h("div", { class: "why" }, notes, words)),
  );
  return {
    element,
    show(shown, last, shades) {
      element.classList.toggle("many", shown.sites.length > 9);
      const time = when(last.time);
      say(which, `Round ${last.round}${time && time !== String(last.round) ? ` · ${time}` : ""}`);
      say(moved, phrase(ofWork(shown) || "units of work", "by site; the tick is where it stood before"));
      const size = Math.max(...Object.values(last.action).map(Math.abs), ...Object.values(last.previous).map(Math.abs), 0);
      const rows = shown.sites.map((site) => ({
        name: site,
        shade: shades.get(site),
        value: last.action[site],
        mark: last.previous[site],
        text: number(last.action[site]),
        more: signed(last.action[site] - last.previous[site], size),
        tone: `shade-${shades.get(site)}`,
      }));
      bars(moves, rows, `What each site gets${ofWork(shown) ? `, in ${ofWork(shown)}` : ""}, and how far it moved`);
      fill(notes, last.notes.map((note) => h("li", { class: `mark ${note.kind}` }, sentence(note.text))));
      notes.hidden = last.notes.length === 0;
    },
    /** The sentences of `why`: the first repeats the numbers beside it, notes stand above. */
    tell(sentences, last) {
      const told = new Set(last.notes.map((note) => sentence(note.text)));
      const rest = sentences.slice(1).filter((one) => !told.has(one));
      fill(words, rest.map((one) => h("p", {}, one)));
    },
  };
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
