// The rounds of a controller as columns, and how newer ones join them.

const LISTS = ["round", "time", "decided_at", "settled", "held", "notes", "hitting", "switching", "bound", "gap"];
const TABLES = ["action", "applied", "mean", "price", "burden"];

/** Columns with those of newer rounds in place of, and after, their own; from: the first round to keep. */
export function joined(old, newer, from = 0) {
  if (!newer.round.length) return old;
  const end = firstFrom(old.round, newer.round[0]);
  const start = firstFrom(old.round, from);
  const join = (a, b) => [...(a ?? Array(old.round.length).fill(null)).slice(start, end), ...b];
  const out = { ...newer, stride: old.stride };
  for (const name of LISTS) out[name] = join(old[name], newer[name]);
  for (const name of TABLES) {
    const columns = newer[name] ?? blank(old[name], newer.round.length);
    out[name] = columns && Object.fromEntries(Object.entries(columns).map(([key, b]) => [key, join(old[name]?.[key], b)]));
  }
  return out;
}

/** The first round that may still change: the newest one until it is settled, then the next. */
export function unsettled(series) {
  const at = series.settled.indexOf(false);
  return at < 0 ? (series.round.at(-1) ?? -1) + 1 : series.round[at];
}

/** What was applied: as decided where nothing else is said. */
export function applied(series, site) {
  return series.action[site].map((x, k) => series.applied[site][k] ?? x);
}

/** Whether another action was applied than decided, by round. */
export function altered(series) {
  const columns = Object.values(series.applied);
  return series.round.map((_, k) => columns.some((column) => column[k] !== null));
}

export const newest = (column) => column?.findLast((value) => value !== null && value !== undefined) ?? null;

function firstFrom(rounds, number) {
  const at = rounds.findIndex((round) => round >= number);
  return at < 0 ? rounds.length : at;
}

function blank(columns, length) {
  return columns && Object.fromEntries(Object.keys(columns).map((key) => [key, Array(length).fill(null)]));
}
