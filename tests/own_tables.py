"""A small table of one's own and its configuration, to be spoilt."""

from __future__ import annotations

import evenhand as eh

LONG = """\
name: t
data: t.csv
demand: demand
capacity: capacity
linear: price
beta: 2
burdens: [{signal: carbon}]
"""
ROWS = [
    (f"2024-01-01T{h:02}:00Z", site, 3 + h, cap, price + h, carbon)
    for h in range(4)
    for site, cap, price, carbon in (("a", 4, 10, 1.5), ("b", 6, 20, 0.5))
]
HEAD = "time,site,demand,capacity,price,carbon\n"


def csv(rows=ROWS, head=HEAD):
    return head + "".join(",".join(map(str, row)) + "\n" for row in rows)


def load(folder, text=None, data=None, **changes):
    if text is not None:
        (folder / "t.yaml").write_text(text)
    if data is not None:
        (folder / "t.csv").write_text(data)
    return eh.load_own(folder / "t.yaml", **changes)


def swap(row, column, value):
    rows = [list(r) for r in ROWS]
    rows[row][column] = value
    return csv(rows)
