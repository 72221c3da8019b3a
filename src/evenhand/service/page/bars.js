// Bars by name with a mark to compare them with, as a list that reads as words too.

import { fill, h } from "./dom.js";
import { swatch } from "./figure.js";

/** Rows of {name, shade, value, mark, text, more, tone}: bars from 0, a tick at mark; one scale for all. */
export function bars(place, rows, label) {
  const top = Math.max(...rows.flatMap((row) => [row.value, row.mark ?? 0]), 0);
  const low = Math.min(...rows.flatMap((row) => [row.value, row.mark ?? 0]), 0);
  const across = (value) => (top === low ? 0 : (100 * (value - low)) / (top - low));
  place.setAttribute("aria-label", label);
  fill(
    place,
    rows.map((row) => {
      const bar = h("span", { class: `bar ${row.tone ?? ""}` });
      const [from, to] = [across(Math.min(0, row.value)), across(Math.max(0, row.value))];
      bar.style.left = `${from}%`;
      bar.style.width = `${to - from}%`;
      const tick = row.mark === undefined || row.mark === null ? null : h("span", { class: "tick" });
      if (tick) tick.style.left = `${across(row.mark)}%`;
      return h(
        "li",
        {},
        h("span", { class: "who" }, row.shade === undefined ? null : swatch(row), h("span", { class: "name", title: row.name }, row.name)),
        h("span", { class: "track", "aria-hidden": "true" }, bar, tick),
        h("span", { class: "value" }, row.text),
        h("span", { class: "more" }, row.more ?? ""),
      );
    }),
  );
}
