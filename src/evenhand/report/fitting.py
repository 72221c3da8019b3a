"""Tables on narrow terminals: names may fold, what was published may go, a number is never cut.

A table that is too wide first loses its faint columns (what others published, which stands in the files), then its
frame, then its names are folded; where even that is too wide it goes on below, with its names again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Column, Table

__all__ = ["fitting"]

#: columns of text get no narrower than this
_NAME = 14


def fitting(table: Table, width: int) -> list[Table]:
    """The same as tables that are at most ``width`` columns wide, as far as numbers allow; itself where it fits."""
    if _width(table) <= width:
        return [table]
    kept = [column for column in table.columns if column.style != "dim"]
    note = f"published columns need a width of {_framed(table.columns)}" if len(kept) < len(table.columns) else ""
    for columns, said in ((table.columns, ""), (kept, note)):
        if _framed(columns) <= width:
            return [_with_frame(table, columns, width, said)]
    names = [column for column in kept if column.justify == "left"]
    numbers = [column for column in kept if column.justify != "left"]
    each = [min(_natural(name), max(_NAME, width // 3)) for name in names]
    short = [min(_natural(name), _NAME) for name in names]
    for apart, taken in ((2, each), (1, each), (1, short)):
        room = width - sum(taken) - apart * len(names)
        if sum(_least(column) + apart for column in numbers) - apart <= room:
            blocks = [numbers]
            break
    else:
        blocks = _blocks(numbers, room)
    tables = [_bare(table, names, block, width, apart) for block in blocks]
    for later in tables[1:]:
        later.title = None
    tables[-1].caption = note or None
    return tables


def _blocks(numbers: list[Column], room: int) -> list[list[Column]]:
    """Columns one after the other, as many to a block as there is room for, one space apart."""
    blocks: list[list[Column]] = [[]]
    for column in numbers:
        if blocks[-1] and sum(_least(other) + 1 for other in [*blocks[-1], column]) - 1 > room:
            blocks.append([])
        blocks[-1].append(column)
    return blocks


def _width(table: Table) -> int:
    """What the table takes where nothing is folded."""
    return sum(_natural(column) for column in table.columns) + 3 * len(table.columns) + 1


def _natural(column: Column) -> int:
    """The longest line of a column, head and cells."""
    return max(len(line) for text in (column.header, *column.cells) for line in str(text).split("\n"))


def _least(column: Column) -> int:
    """What a column of numbers needs: every cell on one line, every word of its head."""
    words = max((len(word) for word in str(column.header).split()), default=0)
    return max([min(words, 12), *(len(str(text)) for text in column.cells)])


def _framed(columns: list[Column]) -> int:
    """What a table with a frame takes where heads of numbers may fold."""
    return sum(_natural(c) if c.justify == "left" else _least(c) for c in columns) + 3 * len(columns) + 1


def _with_frame(table: Table, columns: list[Column], width: int, note: str) -> Table:
    """With its frame; heads of numbers fold into what is left, evenly."""
    from rich.table import Table as New

    made = New(title=table.title, title_justify="left", caption=note or None, caption_justify="left")
    left, heads = width - _framed(columns), sum(column.justify != "left" for column in columns)
    for column in columns:
        most = _natural(column)
        if column.justify != "left":
            most = min(most, _least(column) + left // heads)
            left, heads = left - (most - _least(column)), heads - 1
        made.add_column(column.header, justify=column.justify, style=column.style, overflow="fold", width=most)
    _fill(made, table, columns)
    return made


def _bare(table: Table, names: list[Column], numbers: list[Column], width: int, apart: int) -> Table:
    """Without a frame, ``apart`` spaces between columns: names folded into what the numbers leave."""
    from rich.table import Table as New

    left = width - sum(_least(column) + apart for column in numbers) - apart * (len(names) - 1)
    made = New(title=table.title, title_justify="left", box=None, pad_edge=False, padding=(0, apart, 0, 0))
    made.caption_justify, made.header_style = "left", "bold underline"
    shares: dict[int, int] = {}
    for turn, k in enumerate(sorted(range(len(names)), key=lambda k: _natural(names[k]))):
        shares[k] = max(min(_natural(names[k]), left // (len(names) - turn)), 1)
        left -= shares[k]
    for k, column in enumerate(names):
        made.add_column(column.header, width=shares[k], overflow="fold")
    for column in numbers:
        made.add_column(column.header, justify="right", width=_least(column), overflow="fold")
    _fill(made, table, [*names, *numbers])
    return made


def _fill(made: Table, table: Table, columns: list[Column]) -> None:
    rows: Any = zip(*(column.cells for column in columns), strict=True)
    for cells, row in zip(rows, table.rows, strict=True):
        made.add_row(*cells, style=row.style)
