// The list of controllers: name, whether it runs, how many rounds, how long ago.

import { fill, h } from "../dom.js";
import { percent, plural, span } from "../format.js";
import { status } from "./status.js";

/** Show an overview in `place`; the one that is open is marked. */
export function list(place, overview, open) {
  const focused = document.activeElement?.closest?.("[data-name]")?.dataset.name;
  fill(
    place,
    overview.controllers.map((one) => {
      const now = status(one);
      const rounds = one.rounds + (one.open ? 1 : 0);
      const gap = one.gap === null ? null : h("span", {}, `gap ${percent(one.gap)}`);
      return h(
        "li",
        {},
        h(
          "a",
          { href: `#/${encodeURIComponent(one.name)}`, "data-name": one.name, "aria-current": one.name === open ? "page" : null },
          h("span", { class: "name", title: one.name }, one.name),
          h("span", { class: `state ${now.tone}` }, now.word),
          h("span", { class: "line" }, h("span", { class: "facts" }, h("span", {}, plural(rounds, "round")), gap), h("span", { class: "ago" }, h("span", { class: "hidden" }, "last event "), span(overview.now - one.at), h("span", { class: "hidden" }, " ago"))),
        ),
      );
    }),
  );
  if (focused) [...place.querySelectorAll("[data-name]")].find((link) => link.dataset.name === focused)?.focus();
}
