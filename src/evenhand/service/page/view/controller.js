// One controller: loaded once, then kept up to date by its events.

import { get, path } from "../api.js";
import { shadesOf } from "../colours.js";
import { calmly, fill, h, say } from "../dom.js";
import { figure } from "../figure.js";
import { count, number, percent, roughPercent, span } from "../format.js";
import { joined, unsettled } from "../series.js";
import { follow } from "../stream.js";
import { onTheme } from "../theme.js";
import { ofWork, phrase } from "../units.js";
import { burden } from "./burden.js";
import { decision } from "./decision.js";
import { ledger } from "./ledger.js";
import { noRound } from "./notices.js";
import { numbers } from "./numbers.js";
import { shadow } from "./shadow.js";
import { lateness, status } from "./status.js";

const POINTS = 500;
const RANGES = [100, 500, 5000];
const PARTS = ["hitting", "switching", "fairness"];

/** Show the controller `name` in `place` until `signal`; `told` hears of what happens. Rejects as `get`. */
export async function controller(place, name, signal, told) {
  const [shown, first] = await Promise.all([get(path(name), signal), get(path(name, "state"), signal), document.fonts.load('12px "Inter"').catch(() => null)]);
  let state = first;
  let range = rounds(first) > 500 ? 500 : null;
  let series = await load();
  let skew = 0;
  let drawing = new AbortController();
  let cards = null;

  const head = header(shown);
  const top = numbers(() => get(`${path(name, "certificate")}?last=${Math.min(200, state.rounds)}`, signal));
  const last = decision();
  const log = ledger();
  const charts = h("div", { class: "figures" });
  const empty = h("div");
  const pick = ranges();
  const body = h("div", { class: "body" }, top.element, last.element, pick.element, charts, log.element);
  fill(place, head.element, empty, body);
  draw();
  await explain();
  update();

  const refresh = calmly(400, async () => {
    try {
      const [now, tail] = await Promise.all([get(path(name, "state"), signal), get(`${path(name, "series")}?from=${unsettled(series)}&points=${POINTS}`, signal)]);
      if (now.event < state.event) return void told({ renewed: true });
      state = now;
      const long = series.round.length + tail.round.length > 3 * POINTS;
      series = tail.stride > 1 || long ? await load() : joined(series, tail, range === null ? 0 : rounds(now) - range);
      if (!cards && series.round.length) draw();
      await explain();
      update();
    } catch (error) {
      if (!signal.aborted) told({ failed: error });
    }
  });

  onTheme(() => (draw(), update()), signal);
  signal.addEventListener("abort", () => drawing.abort());
  const clock = setInterval(() => head.age(age()), 1000);
  signal.addEventListener("abort", () => clearInterval(clock));
  follow(name, state.event, signal, {
    event(one) {
      log.add(one);
      if (one.kind === "deleted") told({ deleted: true });
      else refresh();
    },
    status(now) {
      told({ stream: now });
      if (now.live) refresh();
    },
  });
  return {
    /** The server's clock, which ages are counted by. */
    clock(now) {
      skew = now - Date.now() / 1000;
    },
  };

  function rounds(one) {
    return one.rounds + (one.open ? 1 : 0);
  }

  function load() {
    const from = range === null ? 0 : Math.max(0, rounds(state) - range);
    return get(`${path(name, "series")}?from=${from}&points=${POINTS}`, signal);
  }

  async function explain() {
    if (!state.last) return;
    const why = await get(path(name, "rounds", state.last.round, "why"), signal);
    last.tell(why.text.split("\n"), state.last);
  }

  function age() {
    const at = series.decided_at.at(-1);
    if (at === undefined) return null;
    const seconds = Date.now() / 1000 + skew - at;
    return { seconds, ...lateness(seconds, series.stride === 1 ? series.decided_at.slice(-21) : []) };
  }

  /** Make the charts; again for other colours. */
  function draw() {
    drawing.abort();
    drawing = new AbortController();
    cards = null;
    fill(charts);
    if (!series.round.length) return;
    const signal = drawing.signal;
    const sizes = shown.sites.map((site) => series.action[site].reduce((a, b) => a + b, 0));
    const shades = shadesOf(shown.sites, sizes);
    const stacked = stackOrder(shown.sites, shades);
    const work = ofWork(shown);
    const split = figure({ title: "Allocation by site", class: "wide", height: 260, stacked: true, stepped: true, rest: `${shown.sites.length - 7} smaller sites together`, lines: stacked.map(({ name, shade, sites }) => ({ label: name, shade, quiet: shade === 0 && sites.length === 0 })) }, signal);
    const cost = figure({ title: "Cost per round, so far", stacked: true, lines: PARTS.map((part) => ({ label: part, ink: part })) }, signal);
    const relative = series.gap.some((one) => one !== null) || series.bound.every((one) => one === null);
    const how = relative ? { format: percent, axis: roughPercent } : { format: number };
    const gap = figure({ title: "Proved gap", ...how, lines: [{ label: "gap", ink: "accent", width: 2 }] }, signal);
    const kinds = shown.kinds.map((kind) => burden(shown, state, kind, shades, signal));
    const apart = shadow(shown, shades, signal);
    fill(charts, split.element, cost.element, gap.element, kinds.map((kind) => kind.element), apart.element);
    cards = {
      shades,
      show() {
        const { round, time, mean } = series;
        split.show(round, time, stacked.map(({ sites }) => round.map((_, k) => sites.reduce((sum, site) => sum + series.action[site][k], 0))), phrase(work && `${work},`, "as decided", special(series.notes)));
        cost.show(round, time, PARTS.map((part) => mean[part]), "the mean of all rounds up to each: hitting, switching and fairness");
        const above = relative ? series.gap : series.bound.map((one, k) => (one === null ? null : PARTS.reduce((sum, part) => sum + mean[part][k], 0) - one));
        gap.show(round, time, [above], "how far the cost so far is at most above the best possible in hindsight");
        for (const kind of kinds) kind.show(state, series);
        apart.show(series);
      },
    };
  }

  function update() {
    const some = Boolean(state.last) && cards !== null;
    head.show(state);
    head.age(age());
    fill(empty, some ? null : noRound(name));
    last.element.hidden = pick.element.hidden = !some;
    top.show(shown, state);
    pick.show(rounds(state), series);
    if (!some) return;
    last.show(shown, state.last, cards.shades);
    cards.show();
  }

  function ranges() {
    const note = h("p", { class: "note" });
    const group = h("div", { class: "segments", role: "group", "aria-label": "Rounds shown" });
    return {
      element: h("div", { class: "ranges" }, group, note),
      show(total, { round, stride }) {
        const offered = [...RANGES.filter((one) => one < total), null];
        if (group.children.length !== offered.length) fill(group, offered.map((one) => h("button", { type: "button", "data-range": String(one), onclick: () => choose(one) }, one === null ? "All rounds" : `Last ${count(one)}`)));
        for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.range === String(range)));
        group.hidden = offered.length === 1;
        say(note, stride > 1 ? `one round of every ${count(stride)}, ${count(round.length)} of ${count(total)}` : "");
      },
    };
  }

  async function choose(one) {
    const before = range;
    range = one;
    try {
      series = await load();
      update();
    } catch (error) {
      range = before;
      if (!signal.aborted) told({ failed: error });
    }
  }
}

/** Layers from the bottom: the sites that have a colour, then the others together. */
function stackOrder(sites, shades) {
  const own = sites.filter((site) => shades.get(site)).map((site) => ({ name: site, shade: shades.get(site), sites: [site] }));
  const rest = sites.filter((site) => !shades.get(site));
  return rest.length ? [...own, { name: `${rest.length} smaller sites`, shade: 0, sites: rest }] : own;
}

const SPECIAL = { held: "held by the kill switch", stale: "with a signal too old", last_seen: "on readings seen before", missed: "missed", bound: "cut by bounds" };

/** How many of the rounds shown were not as usual. */
function special(notes) {
  const told = Object.entries(SPECIAL).map(([kind, words]) => [notes.filter((kinds) => kinds.includes(kind)).length, words]);
  const some = told.filter(([times]) => times).map(([times, words]) => `${count(times)} ${words}`);
  return some.length ? `· of the rounds shown, ${some.join(", ")}` : "";
}

/** As it was written, where that is short; else its name. */
function policyOf(shown) {
  const { policy } = shown.configuration;
  return typeof policy === "string" && policy.length <= 60 ? policy : shown.policy;
}

function header(shown) {
  const pill = h("span", { class: "state" });
  const reason = h("span", { class: "reason" });
  const age = h("span", { class: "age" });
  return {
    element: h("header", { class: "head" }, h("div", { class: "title" }, h("h2", { tabindex: -1 }, shown.name), pill, reason), h("p", { class: "facts" }, h("span", {}, policyOf(shown)), h("span", {}, `${shown.sites.length} sites`), shown.kinds.length > 1 ? h("span", {}, `${shown.kinds.length} kinds of burden`) : null, age)),
    show(state) {
      const now = status({ ...state, holding: state.last?.held ?? false });
      pill.className = `state ${now.tone}`;
      say(pill, now.word);
      say(reason, now.text);
    },
    age(now) {
      age.classList.toggle("late", Boolean(now?.late));
      say(age, now === null ? "no round yet" : `decided ${span(now.seconds)} ago${now.text ? `, ${now.text}` : ""}`);
    },
  };
}
