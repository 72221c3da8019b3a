// Light or dark: as the system has it, until a reader says otherwise.

const KEY = "evenhand.theme";
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

const kept = () => localStorage.getItem(KEY);
export const dark = () => (kept() ?? (system.matches ? "dark" : "light")) === "dark";

function apply() {
  root.dataset.theme = dark() ? "dark" : "light";
  for (const told of listeners) told();
}

/** Switch, and keep it for next time; back to the system's where both are the same. */
export function toggle() {
  const next = dark() ? "light" : "dark";
  if (next === (system.matches ? "dark" : "light")) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  apply();
}

/** Call after every change. */
export function onTheme(told, signal) {
  listeners.add(told);
  signal?.addEventListener("abort", () => listeners.delete(told));
}

system.addEventListener("change", apply);
apply();
