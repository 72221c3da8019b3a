// Numbers, ages and times as people read them. Figures stand in columns, so digits are tabular (style.css).

const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const rough = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, notation: "compact" });
const far = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, notation: "scientific" });
const whole = new Intl.NumberFormat("en");
const THIN = "\u202f";

/** Four digits; powers of ten where there are very many or very few; a dash for nothing. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "0"; // no sign
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) return far.format(value).replace("E", "e").replace("-", "−");
  return (size >= 1e6 ? short : plain).format(value).replace("-", "−");
}

/** With its sign; nothing for what rounds to nothing. */
export function signed(value, size) {
  if (Math.abs(value) <= 1e-6 * size) return "";
  const told = Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6 ? number(value) : rough.format(value).replace("-", "−");
  return `${value > 0 ? "+" : ""}${told}`;
}

export function count(value) {
  return whole.format(value);
}

/** 0.2440 → 24.4 % */
export function percent(value) {
  if (value === null || value === undefined) return "–";
  const told = 100 * value;
  const digits = Math.abs(told) >= 100 ? 0 : Math.abs(told) >= 1 ? 1 : 2;
  return `${told.toFixed(digits).replace("-", "−")}${THIN}%`;
}

/** As on an axis: no more digits than the steps have. */
export function roughPercent(value) {
  return value === null ? "" : `${plain.format(100 * value)}${THIN}%`.replace("-", "−");
}

/** Jain's index: three digits, 1 only where it is 1 to them. */
export function index(value) {
  return value === null || Number.isNaN(value) ? "–" : value.toFixed(3);
}

/** Seconds as the largest unit that fits. */
export function span(seconds) {
  for (const [size, name] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)}${THIN}${name}`;
  }
  return `${Math.max(0, Math.round(seconds))}${THIN}s`;
}

export function plural(amount, one, many = `${one}s`) {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}

/** Milliseconds of a round's time, or null where times are counted and not dated. */
export function instant(text) {
  if (!/^\d{4}-\d\d-\d\d/.test(text ?? "")) return null;
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text) || text.length <= 10 ? text : `${text}Z`;
  const at = Date.parse(zoned.replace(" ", "T"));
  return Number.isNaN(at) ? null : at;
}

const style = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
const DAY = style({ day: "numeric", month: "short" });
const CLOCK = style({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const YEAR = style({ day: "numeric", month: "short", year: "numeric" });

export const day = (at) => DAY.format(at);
export const clock = (at) => CLOCK.format(at);

/** A round and its time, short. */
export function moment(round, text) {
  const at = instant(text);
  const time = at === null ? text : `${DAY.format(at)}, ${CLOCK.format(at)}`;
  return time && time !== String(round) ? `Round ${round} · ${time}` : `Round ${round}`;
}

/** A round's time in full: 10 May 2024, 04:00 UTC; as it was written where it is no date. */
export function when(text) {
  const at = instant(text);
  return at === null ? (text ?? "") : `${YEAR.format(at)}, ${CLOCK.format(at)}${THIN}UTC`;
}
