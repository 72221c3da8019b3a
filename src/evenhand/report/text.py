"""Names of anybody's making, as they may stand in a table, a figure or Markdown: one line, nothing interpreted.

A name is data. `[/red]` is no markup, `$\\frac$` no formula, and a line break ends no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["add", "cell", "label", "plain", "table"]

#: characters that are shown of a name in a table, of one in a figure, of a whole cell
_TABLE, _FIGURE, _CELL = 60, 32, 1000


def plain(value: object, most: int = _TABLE) -> str:
    """One line of printable characters; what is longer than ``most`` loses its middle."""
    text = str(value)
    if len(text) > most:
        head = (most - 1) // 2
        text = f"{text[:head]}…{text[head + 1 - most :]}"
    return "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in text)


def label(value: object, most: int = _FIGURE) -> str:
    """A name for Matplotlib: dollar signs start no formula, a leading underscore does not hide it from the legend."""
    text = plain(value, most).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def cell(value: object) -> str:
    """A name for a cell of a Markdown table."""
    return plain(value, _CELL).replace("\\", "\\\\").replace("|", r"\|")


def table(title: str, head: Sequence[str], left: Sequence[str] = (), dim: Sequence[str] = ()) -> Table:
    """An empty Rich table: columns named in ``left`` (by default the first) are ranged left, those in ``dim`` faint."""
    from rich.table import Table
    from rich.text import Text

    made = Table(title=Text(plain(title, 200), style="table.title"), title_justify="left")
    for name in head:
        made.add_column(
            Text("\n".join(plain(line) for line in name.split("\n"))),
            justify="left" if name in (left or head[:1]) else "right",
            style="dim" if name in dim else "",
            overflow="fold",
        )
    return made


def add(table: Table, cells: Sequence[object], style: str = "") -> None:
    """Add a row of text, none of which is markup."""
    from rich.text import Text

    table.add_row(*(Text(plain(value, _CELL)) for value in cells), style=style)
