// The page: which controllers there are, which one is open, and whether we may look.

import { get, keepToken, token } from "./api.js";
import { fill, h, say } from "./dom.js";
import { dark, onTheme, toggle } from "./theme.js";
import { controller } from "./view/controller.js";
import { list } from "./view/list.js";
import { failed, gone, needToken, noController } from "./view/notices.js";

const EVERY = 5000;
const byId = (id) => document.getElementById(id);
const [main, side, names, link, mode, forget] = ["main", "side", "controllers", "link", "mode", "forget"].map(byId);
let open = null;
let known = null;

function wanted() {
  const hash = location.hash.match(/^#\/(.*)$/)?.[1] ?? "";
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}

/** A token that the address brings (`serve --demo` prints one) is kept for this tab, and out of the address at once. */
function taken() {
  const given = location.hash.match(/^#token=(.+)$/)?.[1];
  if (given === undefined) return;
  keepToken(given);
  history.replaceState(null, "", location.pathname);
}

/** Read the overview, show the list, and open what the address names, or the first. */
async function look() {
  try {
    known = await get("/v1/overview");
  } catch (error) {
    refuse(error);
    return;
  }
  if (link.dataset.from === "overview") connected(null);
  forget.hidden = !token();
  side.hidden = known.controllers.length === 0;
  const name = wanted() || known.controllers[0]?.name;
  if (name === undefined) return notice("none", noController());
  list(names, known, name);
  open?.view?.clock(known.now);
  if (open?.name !== name) await enter(name);
}

async function enter(name) {
  leave();
  const stop = new AbortController();
  const mine = { name, stop, view: null };
  open = mine;
  document.title = `${name} · evenhand`;
  const told = (what) => {
    if (open !== mine) return;
    if (what.stream) connected(what.stream);
    if (what.stream?.refused) refuse(what.stream.refused);
    if (what.failed) refuse(what.failed);
    if (what.renewed) enter(name); // another controller of that name, or a ledger from before
    if (what.deleted) notice("gone", gone(name, "it was deleted"));
  };
  try {
    mine.view = await controller(main, name, stop.signal, told);
    mine.view.clock(known.now);
    main.dataset.showing = name;
  } catch (error) {
    if (stop.signal.aborted) return;
    if (error.status === 404) notice("gone", gone(name, error.message), name);
    else refuse(error);
  }
}

function leave() {
  open?.stop.abort();
  open = null;
  delete main.dataset.showing;
}

/** In place of a controller, until something else is asked for. */
function notice(kind, element, name = null) {
  if (main.dataset.notice === kind && open === null) return;
  leave();
  if (name !== null) open = { name, stop: new AbortController(), view: null };
  main.dataset.notice = kind;
  connected(null);
  fill(main, element);
}

function refuse(error) {
  if (error.name === "AbortError") return;
  if (error.status === undefined) console.error(error); // a defect of the page, not an answer
  if (error.status === 401 || error.status === 403) {
    side.hidden = true;
    notice(`token ${token()}`, needToken(error.message, look));
    return;
  }
  connected({ live: false, text: error.message }, "overview");
  if (open?.view == null) notice(`failed ${error.message}`, failed(error.message, look));
}

/** Say whether what is seen is live. */
function connected(now, from = "stream") {
  link.dataset.from = now === null ? "" : from;
  link.dataset.live = now === null ? "" : String(now.live);
  link.hidden = now === null;
  if (now !== null) say(link, now.live ? "Live" : `Not live: ${now.text}`);
}

onTheme(() => mode.setAttribute("aria-pressed", String(dark())));
mode.setAttribute("aria-pressed", String(dark()));
mode.addEventListener("click", toggle);
forget.addEventListener("click", () => {
  keepToken("");
  delete main.dataset.notice;
  look();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", async () => {
  taken();
  delete main.dataset.notice;
  await look();
  main.querySelector("h2")?.focus();
});
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
setInterval(() => document.visibilityState === "visible" && look(), EVERY);
taken();
look();
