"""Pieces of a self-contained HTML page: escaped text, tables, figures as data URIs in a light and a dark version.

Nothing is fetched: style is inline, figures are PNG or SVG data URIs, and there is no script.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Cell", "Head", "figure", "page", "table", "text"]

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #ffffff; --ink: #1d2126; --soft: #5c646e; --line: #dcd9d2;
  --accent: #2f6690; --good: #2a6f3e; --bad: #a8323a; --warn: #8a5a00; --band: #f3f1ec; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c; --card: #1c2025; --ink: #e6e4df; --soft: #a3aab3;
  --line: #363c44; --accent: #8fc1e8; --good: #7fc796; --bad: #f0959b; --warn: #e0b060; --band: #242930; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .6rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
p, li { max-width: 46rem; }
a { color: var(--accent); }
code { font: .88em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; background: var(--band);
  padding: .1em .3em; border-radius: 3px; }
.lead { font-size: 1.1rem; color: var(--soft); margin-top: 0; }
.soft { color: var(--soft); font-size: .9rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; padding: 0; margin: 1.2rem 0 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .8rem; padding: 0;
  margin: 1.6rem 0 0; list-style: none; }
.facts li { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; }
.facts b { display: block; font-size: 1.35rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.facts span { color: var(--soft); font-size: .88rem; line-height: 1.35; display: block; }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 6px; margin: .8rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; line-height: 1.35; }
caption { text-align: left; padding: .8rem .9rem .5rem; font-size: .92rem; }
caption b { font-size: 1rem; }
th, td { padding: .3rem .5rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: .78rem; border-bottom: 1px solid var(--line); vertical-align: bottom; }
thead tr:first-child th[colspan] { color: var(--ink); font-size: .84rem; text-align: center; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody tr:hover > * { background: var(--band); }
.name { text-align: left; padding-left: .9rem; }
.note { text-align: left; white-space: normal; min-width: 9rem; }
.first { border-left: 1px solid var(--line); }
.paper { color: var(--soft); }
.good { color: var(--good); }
.bad { color: var(--bad); }
.warn { color: var(--warn); }
.dense { font-size: .8rem; }
.dense th, .dense td { padding: .28rem .42rem; }
.mark > * { background: color-mix(in srgb, var(--accent) 11%, transparent); }
figure { margin: 1rem 0; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .8rem; }
figure img { display: block; width: 100%; height: auto; max-width: var(--width, 100%); margin: 0 auto; }
figcaption { color: var(--soft); font-size: .9rem; padding: .5rem .2rem 0; max-width: 52rem; }
@media print { main { max-width: none; } .wide { overflow: visible; } }
"""


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what it shows, CSS classes, and whether it heads its row."""

    text: str
    style: str = ""
    heads: bool = False


@final
@dataclass(frozen=True, slots=True)
class Head:
    """One cell of a table's head: over ``span`` columns, or down ``rows`` rows of the head."""

    text: str
    span: int = 1
    rows: int = 1
    style: str = ""


def text(value: str) -> str:
    """Escaped, with `backticks` as code and typographic apostrophes."""
    parts = escape(value).replace("&#x27;", "’").split("`")
    return "".join(f"<code>{part}</code>" if k % 2 else part for k, part in enumerate(parts))


def table(
    title: str,
    note: str,
    head: Sequence[Sequence[Head]],
    rows: Sequence[tuple[str, Sequence[Cell]]],
    style: str = "",
) -> str:
    """A table with a caption, in a box that scrolls sideways on narrow screens; rows are (CSS classes, cells)."""
    lines = [
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(title)}"><table{_class(style)}>',
        f'<caption><b>{text(title)}</b>{" — " if note else ""}<span class="soft">{text(note)}</span></caption><thead>',
    ]
    for level in head:
        cells = "".join(
            f'<th scope="{"colgroup" if h.span > 1 else "col"}"{_span("colspan", h.span)}{_span("rowspan", h.rows)}'
            f"{_class(h.style)}>{text(h.text)}</th>"
            for h in level
        )
        lines.append(f"<tr>{cells}</tr>")
    lines.append("</thead><tbody>")
    for style, cells in rows:
        told = "".join(
            f'<th scope="row"{_class(c.style)}>{text(c.text)}</th>'
            if c.heads
            else f"<td{_class(c.style)}>{text(c.text)}</td>"
            for c in cells
        )
        lines.append(f"<tr{_class(style)}>{told}</tr>")
    lines.append("</tbody></table></div>")
    return "\n".join(lines)


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""


def _span(name: str, count: int) -> str:
    return f' {name}="{count}"' if count > 1 else ""


def figure(draw: Callable[[], Figure], alt: str, caption: str, width: str = "100%") -> str:
    """A drawing in a light and a dark version; the browser shows the one that fits. alt says what can be seen."""
    light, dark = _png(draw, dark=False), _png(draw, dark=True)
    return (
        f'<figure style="--width: {escape(width)}"><picture>'
        f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" alt="{escape(alt)}"></picture><figcaption>{text(caption)}</figcaption></figure>'
    )


def _png(draw: Callable[[], Figure], dark: bool) -> str:
    """Draw on the page's own card colour; lines and text in its ink."""
    import matplotlib as mpl

    ink, card = ("#e6e4df", "#1c2025") if dark else ("#1d2126", "#ffffff")
    colours: dict[str, Any] = {
        "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": ink, "xtick.color": ink, "ytick.color": ink,
        "axes.titlecolor": ink, "figure.facecolor": card, "axes.facecolor": card, "savefig.facecolor": card,
    }  # fmt: skip
    buffer = io.BytesIO()
    with mpl.rc_context(colours):  # pyright: ignore[reportArgumentType]
        draw().savefig(buffer, format="png", dpi=144, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def page(title: str, body: Sequence[str]) -> str:
    """The whole document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )
