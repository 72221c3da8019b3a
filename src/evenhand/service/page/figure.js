// A chart with all that belongs to it: a heading, a legend that tells the round under the cursor, a handle for the
// keyboard that a screen reader speaks, and the same numbers as a table.

import { chart } from "./chart.js";
import { fill, h, say } from "./dom.js";
import { moment, number, when } from "./format.js";
import { newest } from "./series.js";

/**
 * A card: spec = {title, note, lines: [{label, shade, …}], rest: label of lines without a shade, …chart's}. Returns
 * {element, show(rounds, times, columns, note)}; columns in the order of lines, null where nothing is known.
 */
export function figure(spec, signal) {
  const format = spec.format ?? number;
  const id = `figure-${++made}`;
  const note = h("p", { class: "note" }, spec.note ?? "");
  const instant = h("span");
  const shown = spec.lines.map((line, i) => ({ line, i })).filter(({ line }) => !line.quiet);
  const keyed = shown.filter(({ line }) => line.shade !== 0);
  const values = keyed.map(() => h("output", { class: "value" }));
  const over = h("span", { hidden: true });
  const legend = h(
    "ul",
    { class: "legend" },
    keyed.map(({ line }, k) => h("li", { class: "key" }, swatch(line), h("span", { class: "name", title: line.label }, line.label), values[k])),
    spec.lines.some((line) => line.shade === 0) && h("li", { class: "key" }, swatch({ shade: 0 }), h("span", { class: "name" }, spec.rest ?? "others")),
  );
  const at = h("p", { class: "at" }, over, instant);
  const place = h("div", {
    class: "plot", tabindex: 0, role: "slider", "aria-label": `${spec.title}, by round`, "aria-valuemin": 0,
    "aria-valuemax": 0, "aria-valuenow": 0, "aria-describedby": id,
  });
  const later = h("p", { class: "later" }, "Known once a round is settled.");
  const reading = h("div", { class: "reading" }, legend);
  const body = h("div", { class: "table", tabindex: 0, role: "region", "aria-label": `${spec.title}, as a table` });
  const table = h("details", { class: "data" }, h("summary", {}, "Data"), body);
  const element = h(
    "figure",
    { class: `card figure ${spec.class ?? ""}` },
    h("figcaption", {}, h("div", { class: "heading" }, h("h3", { id }, spec.title), at), note),
    reading,
    place,
    later,
    table,
  );

  let data = { rounds: [], times: [], columns: [] };
  let under = null;
  let beside = null;
  const drawn = chart(place, { ...spec, format, told, near });

  /** Name the line beside the cursor where it has no colour of its own. */
  function near(i) {
    beside = i !== null && spec.lines[i]?.shade === 0 ? i : null;
    speak();
  }

  function told(k) {
    if (k !== null && k < 0) k = null;
    under = k;
    speak();
  }

  function speak() {
    const last = data.rounds.length - 1;
    const k = under ?? last;
    if (k < 0) return;
    const round = data.rounds[k];
    const time = when(data.times[k]);
    say(instant, under === null ? "" : moment(round, data.times[k]));
    keyed.forEach(({ i }, n) => say(values[n], format(at_(i, k))));
    over.hidden = beside === null;
    if (beside !== null) say(over, `${spec.lines[beside].label} ${format(at_(beside, k))} · `);
    place.setAttribute("aria-valuemin", data.rounds[0]);
    place.setAttribute("aria-valuemax", data.rounds[last]);
    place.setAttribute("aria-valuenow", round);
    const words = shown.map(({ line, i }) => `${line.label} ${format(at_(i, k))}`);
    place.setAttribute("aria-valuetext", `Round ${round}${time ? `, ${time}` : ""}: ${words.join(", ")}`);
  }

  /** Under the cursor; else the newest that is known. */
  function at_(i, k) {
    return under === null ? newest(data.columns[i]) : data.columns[i]?.[k];
  }

  place.addEventListener("keydown", (event) => {
    const last = data.rounds.length - 1;
    const now = under ?? last;
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, ArrowDown: now - 1, ArrowUp: now + 1, PageUp: now - 10, PageDown: now + 10, Home: 0, End: last }[event.key];
    if (event.key === "Escape") drawn.point(null);
    if (to === undefined || last < 0) return;
    event.preventDefault();
    drawn.point(Math.max(0, Math.min(last, to)));
  });
  place.addEventListener("blur", () => drawn.point(null));
  table.addEventListener("toggle", () => write());
  signal?.addEventListener("abort", () => drawn.end());

  function write() {
    if (!table.open) {
      fill(body);
      return;
    }
    const head = h("tr", {}, h("th", { scope: "col" }, "Round"), h("th", { scope: "col" }, "Time"), shown.map(({ line }) => h("th", { scope: "col" }, line.label)));
    const rows = data.rounds.map((round, k) =>
      h("tr", {}, h("th", { scope: "row" }, String(round)), h("td", {}, when(data.times[k])), shown.map(({ i }) => h("td", {}, format(data.columns[i]?.[k])))),
    );
    fill(body, h("table", {}, h("caption", { class: "hidden" }, spec.title), h("thead", {}, head), h("tbody", {}, rows.reverse())));
  }

  return {
    element,
    show(rounds, times, columns, words) {
      data = { rounds, times, columns };
      if (words !== undefined) say(note, words);
      const some = columns.some((column) => newest(column) !== null);
      reading.hidden = place.hidden = table.hidden = !some;
      later.hidden = some;
      if (!some) return;
      drawn.show(rounds, times, columns);
      speak();
      if (table.open) write();
    },
  };
}

let made = 0;

/** The colour of a line beside its name; a shape a reader need not see. */
export function swatch(line) {
  return h("span", { class: `swatch ${line.ink ? `ink-${line.ink}` : `shade-${line.shade ?? 0}`}${line.dash ? " dashed" : ""}`, "aria-hidden": "true" });
}
