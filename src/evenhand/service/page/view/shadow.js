// Where another action was applied than decided: evenhand in the shadow of a scheduler, or overruled.

import { h, say } from "../dom.js";
import { figure } from "../figure.js";
import { count, number } from "../format.js";
import { altered, applied } from "../series.js";

export function shadow(shown, shades, signal) {
  const drawn = figure(
    {
      title: "Decided against applied",
      class: "wide",
      rest: "other sites",
      zero: false,
      stepped: true,
      lines: shown.sites.map((site) => ({ label: site, shade: shades.get(site) })),
    },
    signal,
  );
  const rows = h("tbody");
  const table = h(
    "div", { class: "table open", tabindex: 0, role: "region", "aria-label": "Decided and applied by site" },
    h("table", {}, h("caption", { class: "hidden" }, "Means over the rounds shown"),
      h("thead", {}, h("tr", {}, ["Site", "Decided", "Applied", "Difference"].map((name) => h("th", { scope: "col" }, name)))), rows),
  );
  drawn.element.insertBefore(table, drawn.element.lastChild);

  return {
    element: drawn.element,
    show(series) {
      const differs = altered(series);
      const times = differs.filter(Boolean).length;
      drawn.element.hidden = times === 0;
      if (!times) return;
      const was = shown.sites.map((site) => applied(series, site));
      const apart = shown.sites.map((site, k) => was[k].map((x, t) => x - series.action[site][t]));
      const moved = apart[0].map((_, t) => apart.reduce((sum, column) => sum + Math.abs(column[t]), 0) / 2);
      const mean = (column) => column.reduce((a, b) => a + b, 0) / column.length;
      drawn.show(series.round, series.time, apart, `applied minus decided; other than decided in ${count(times)} of ${count(differs.length)} rounds, ${number(mean(moved))} units of work elsewhere on average`);
      rows.replaceChildren(
        ...shown.sites.map((site, k) => {
          const [decided, done] = [mean(series.action[site]), mean(was[k])];
          return h("tr", {}, h("th", { scope: "row" }, site), h("td", {}, number(decided)), h("td", {}, number(done)), h("td", {}, number(done - decided)));
        }),
      );
    },
  };
}
