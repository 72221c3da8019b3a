// What is shown where there is nothing to show yet, and why: no controller, no round, no right, no answer.

import { keepToken, token } from "../api.js";
import { h } from "../dom.js";

function commands(...lines) {
  return h("pre", { tabindex: 0, class: "commands" }, h("code", {}, lines.join("\n")));
}

export function noController() {
  return h(
    "section",
    { class: "notice" },
    h("h2", {}, "No controller yet"),
    h("p", {}, "A controller decides, round by round, who gets how much. Make one of your own sites:"),
    commands("evenhand new-scenario my-sites", `evenhand controller create my-sites.yaml --url ${location.origin}`),
    h("p", {}, "Or watch a real week of seven data centres being played:"),
    commands(`evenhand replay geo7 --url ${location.origin} --speed 2`),
    h("p", { class: "quiet" }, "It appears here by itself."),
  );
}

export function noRound(name) {
  const body = `{"time": "${new Date().toISOString().slice(0, 16)}Z", "demand": 7, …}`;
  return h(
    "section",
    { class: "notice" },
    h("h3", {}, "No round was decided yet"),
    h("p", {}, "Post what you observe, and the first decision appears here:"),
    commands(`curl -X POST ${location.origin}/v1/controllers/${encodeURIComponent(name)}/rounds \\`, `  -H 'Authorization: Bearer …' -d '${body}'`),
  );
}

export function gone(name, words) {
  return h(
    "section",
    { class: "notice", role: "alert" },
    h("h2", {}, `${name} is not here`),
    h("p", {}, `${words[0].toUpperCase()}${words.slice(1)}.`),
    h("p", {}, h("a", { href: "#/" }, "All controllers")),
  );
}

export function failed(words, again) {
  return h(
    "section",
    { class: "notice", role: "alert" },
    h("h2", {}, "Nothing to show now"),
    h("p", {}, `${words[0].toUpperCase()}${words.slice(1)}.`),
    h("p", {}, h("button", { type: "button", onclick: again }, "Try again")),
  );
}

/** Ask for a token; `done` is called once one is kept. */
export function needToken(words, done) {
  const entry = h("input", { id: "token", name: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true, placeholder: "eh_…", "aria-describedby": "token-kept" });
  const form = h(
    "form",
    { class: "token" },
    h("label", { for: "token" }, "Token"),
    h("div", { class: "row" }, entry, h("button", { type: "submit" }, "Watch")),
    h("p", { id: "token-kept", class: "quiet" }, "Kept in this tab only, until it is closed."),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    keepToken(entry.value.trim());
    done();
  });
  return h(
    "section",
    { class: "notice" },
    h("h2", {}, token() ? "Another token is needed" : "A token is needed"),
    token() ? h("p", { role: "alert" }, `${words[0].toUpperCase()}${words.slice(1)}.`) : h("p", {}, "This server shows its controllers to those with a token that may read. On the server:"),
    token() ? null : commands("evenhand token create --scope read --name watching"),
    form,
  );
}
