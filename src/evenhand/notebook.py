"""What a notebook shows of a record: a title, a line of facts, a short table. Escaped, without style or script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["SHOWN", "glance"]

#: rows of a table that are shown
SHOWN = 12
#: characters of a cell that are shown
_LONG = 60


def glance(
    title: str,
    facts: Mapping[str, object],
    head: Sequence[str] = (),
    rows: Sequence[Sequence[object]] = (),
    count: int | None = None,
) -> str:
    """The HTML of a record: its name, facts by name, and a table, of which at most ``SHOWN`` rows are shown.

    count: how many rows there are, where ``rows`` are only the first of them.
    Whatever is given is text: nothing of it becomes markup. Numbers are rounded to six digits.
    """
    told = " · ".join(f"{_cell(name)} {_cell(value)}" for name, value in facts.items())
    lines = [f"<div><strong>{_cell(title)}</strong>{'<br>' if told else ''}{told}"]
    if rows:
        names = "".join(f"<th>{_cell(name)}</th>" for name in head)
        body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows[:SHOWN])
        lines.append(f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>")
        more = (len(rows) if count is None else count) - SHOWN
        if more > 0:
            lines.append(f"<em>and {more:,} more</em>")
    return "\n".join([*lines, "</div>"])


def _cell(value: Any) -> str:
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    return escape(text if len(text) <= _LONG else f"{text[: _LONG - 1]}…")
