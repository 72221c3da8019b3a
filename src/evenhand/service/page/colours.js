// Which colour stands for which site: seven that stay apart for colour-blind readers, in light and dark (style.css);
// where there are more sites, the seven largest have one and the others share a quiet grey.

const SHADES = 7;

/** site -> {shade: 1..7, or 0 for the others}; the same all over the page. */
export function shadesOf(sites, sizes) {
  if (sites.length <= SHADES) return new Map(sites.map((site, k) => [site, k + 1]));
  const largest = sites.map((site, k) => [sizes[k], k]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  const picked = largest.slice(0, SHADES).map(([, k]) => k).sort((a, b) => a - b);
  return new Map(sites.map((site, k) => [site, picked.indexOf(k) + 1]));
}

/** A custom property of the style sheet, as it is now. */
export function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const shade = (number) => ink(number ? `shade-${number}` : "shade-rest");
