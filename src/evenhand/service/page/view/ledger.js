// The newest events as the ledger numbers them.

import { h, say } from "../dom.js";
import { clock } from "../format.js";

const SHOWN = 8;
const WORDS = { decided: "decided", missed: "missed", settled: "settled", configured: "configured", created: "created", deleted: "deleted" };

export function ledger() {
  const rows = h("ol", { class: "events" });
  const note = h("p", { class: "note" }, "Events as they are stored; none so far since the page was opened.");
  const element = h("section", { class: "card ledger", "aria-labelledby": "ledger" }, h("h3", { id: "ledger" }, "Ledger"), note, rows);
  let lost = 0;
  let seen = 0;
  return {
    element,
    add({ id, kind, data, missed }) {
      lost += missed;
      seen += 1;
      const round = data.round === undefined ? "" : `round ${data.round}`;
      const at = data.at === undefined ? Date.now() : 1000 * data.at;
      rows.prepend(h("li", { "data-id": id }, h("span", { class: "id" }, `#${id}`), h("span", {}, WORDS[kind] ?? kind), h("span", {}, round), h("time", {}, `${clock(at)}`)));
      while (rows.children.length > SHOWN) rows.lastChild.remove();
      say(note, lost ? `${lost} events were lost on the way: reload the page` : `Events as they are stored, ${seen} since the page was opened, none left out.`);
      element.dataset.lost = lost;
      element.dataset.seen = seen;
    },
  };
}
