// One chart of columns over rounds, drawn by uPlot; what it looks like and what it holds, no words around it.

import { ink, shade } from "./colours.js";
import { clock, day, instant, number } from "./format.js";

const uPlot = globalThis.uPlot;
const SHARED = uPlot.sync("rounds");
const FONT = '12px "Inter", system-ui, sans-serif';

/**
 * Draw into `place`: spec = {height, stacked, stepped, share, zero, format, lines: [{label, shade, dash, width}],
 * told: hears of the round under the cursor, by place, null for none; near: of the line next to it}. Returns
 * {show(rounds, times, columns), point(k), end()}.
 */
export function chart(place, spec) {
  let drawn = null;
  let held = { rounds: [], times: [] };
  let ends = [0, 1];

  function show(rounds, times, columns) {
    held = { rounds, times: times.map(instant) };
    const data = spec.stacked ? stack(columns) : columns;
    const table = [rounds, ...data];
    if (spec.stepped && rounds.length) {
      // a decision holds until the next one
      const step = rounds.length > 1 ? rounds.at(-1) - rounds.at(-2) : 1;
      table[0] = [...rounds, rounds.at(-1) + step];
      for (let i = 1; i < table.length; i++) table[i] = [...table[i], table[i].at(-1)];
    }
    const [low, high] = [table[0][0] ?? 0, table[0].at(-1) ?? 1];
    ends = low === high ? [low - 0.5, high + 0.5] : [low, high];
    if (drawn === null) drawn = new uPlot(options(), table, place);
    else drawn.setData(table);
  }

  function options() {
    const order = spec.lines.map((_, i) => i);
    return {
      width: Math.max(200, place.clientWidth),
      height: spec.height ?? 220,
      padding: [10, 18, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: SHARED.key, setSeries: false },
        drag: { x: false, y: false, setScale: false },
        focus: { prox: spec.stacked ? -1 : 24 },
        points: { show: !spec.stacked, size: 7, width: 2 },
        y: false,
      },
      focus: { alpha: 0.3 },
      scales: { x: { time: false, range: () => ends }, y: { range: upwards } },
      axes: [axis(bottom()), axis(left())],
      series: [{}, ...order.map((i) => line(spec.lines[i], i))],
      bands: spec.stacked ? order.slice(1).map((i) => ({ series: [i + 1, i], fill: colour(spec.lines[i]) })) : [],
      hooks: {
        setSeries: [(_, i, { focus }) => focus !== undefined && spec.near?.(i === null ? null : i - 1)],
        setCursor: [(u) => spec.told(u.cursor.idx === null || u.cursor.left < 0 ? null : Math.min(u.cursor.idx, held.rounds.length - 1))],
      },
    };
  }

  function line(one, i) {
    const paint = colour(one);
    const few = () => held.rounds.length < 2;
    return {
      label: one.label,
      stroke: spec.stacked ? ink("card") : paint,
      fill: spec.stacked && i === 0 ? paint : undefined,
      width: spec.stacked ? 1 : (one.width ?? (one.shade === 0 ? 1 : 1.75)),
      dash: one.dash,
      alpha: one.shade === 0 && !spec.stacked ? 0.7 : 1,
      paths: spec.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
      points: { show: spec.stacked ? false : few, size: 8, fill: paint, stroke: paint },
      spanGaps: false,
    };
  }

  function upwards(_, low, high) {
    if (low === null || low === undefined) return [0, 1];
    const base = spec.zero === false ? low : Math.min(0, low);
    const top = Math.max(high, spec.zero === false ? high : 0);
    if (base === top) return base === 0 ? [0, 1] : [base - Math.abs(base) * 0.05, top + Math.abs(top) * 0.05];
    const room = (top - base) * 0.06;
    return [base < 0 || spec.zero === false ? base - room : base, top + room];
  }

  function axis(more) {
    return { stroke: ink("muted"), font: FONT, ticks: { show: false }, ...more };
  }

  function left() {
    return {
      size: (u, values) => 14 + 6.6 * Math.max(3, ...(values ?? []).map((text) => text.length)),
      gap: 6,
      grid: { stroke: ink("grid"), width: 1 },
      values: (_, at) => at.map((value) => (spec.axis ?? spec.format ?? number)(value)),
      space: 36,
    };
  }

  function bottom() {
    const dated = () => held.times.length > 1 && held.times.every((at) => at !== null);
    return {
      size: 28,
      gap: 7,
      grid: { show: false },
      space: 72,
      splits: (u, _, low, high, step) => (dated() ? dayStarts(held, u.width) : whole(low, high, step)),
      values: (_, at) => (dated() ? at.map((round) => named(held, round)) : at.map((round) => number(round))),
    };
  }

  const sized = new ResizeObserver(() => {
    const width = Math.max(200, place.clientWidth);
    if (drawn && Math.abs(drawn.width - width) >= 1) drawn.setSize({ width, height: drawn.height });
  });
  sized.observe(place);

  return {
    show,
    /** Put the cursor of this and all other charts on the k-th round. */
    point(k) {
      if (!drawn) return;
      if (k === null) drawn.setCursor({ left: -10, top: -10 }, true, true);
      else drawn.setCursor({ left: drawn.valToPos(held.rounds[k], "x"), top: 20 }, true, true);
    },
    end() {
      sized.disconnect();
      drawn?.destroy();
      drawn = null;
    },
  };
}

const colour = (line) => (line.ink ? ink(line.ink) : shade(line.shade));

/** Sums from the first column up; null where nothing at all is known. */
function stack(columns) {
  const sums = columns[0]?.map((_, k) => (columns.every((column) => column[k] === null) ? null : 0)) ?? [];
  return columns.map((column) => column.map((value, k) => (sums[k] === null ? null : (sums[k] += value ?? 0))));
}

function whole(low, high, step) {
  const by = Math.max(1, Math.round(step));
  const out = [];
  for (let at = Math.ceil(low / by) * by; at <= high; at += by) out.push(at);
  return out;
}

/** Rounds at which a label stands: at each day's first where rounds span days, else evenly. */
function dayStarts({ rounds, times }, width) {
  const most = Math.max(2, Math.floor(width / 84));
  const starts = [];
  for (let k = 1; k < rounds.length; k++) if (times[k] >= 0 && Math.floor(times[k] / 864e5) !== Math.floor(times[k - 1] / 864e5)) starts.push(k);
  const picked = starts.length >= 2 ? starts : rounds.map((_, k) => k);
  const by = Math.ceil(picked.length / most);
  return picked.filter((_, k) => k % by === 0).map((k) => rounds[k]);
}

function named({ rounds, times }, round) {
  const at = times[rounds.indexOf(round)];
  if (at === undefined) return "";
  const short = times.at(-1) - times[0] < 2 * 864e5;
  return short ? clock(at) : day(at);
}
