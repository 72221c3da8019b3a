// Elements made in code: text goes in as text, never as markup, so a name of any kind is only a name.

const SVG = "http://www.w3.org/2000/svg";

/** An element; attributes as in HTML, `on…` are listeners, null and false leave an attribute out. */
export function h(tag, attributes = {}, ...children) {
  const element = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Put children in place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Set text only where it changed, so that a screen reader is not told the same again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** At most one call in so many milliseconds, the last one never lost. */
export function calmly(milliseconds, call) {
  let timer = null;
  let before = -Infinity;
  return () => {
    if (timer !== null) return;
    const wait = Math.max(0, before + milliseconds - performance.now());
    timer = setTimeout(() => {
      timer = null;
      before = performance.now();
      call();
    }, wait);
  };
}
