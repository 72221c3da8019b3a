"""Tables on narrow terminals: nothing is wider than the terminal, and every number stands whole beside its name."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from evenhand.report.fitting import fitting
from evenhand.report.text import add, table

HEAD = ("policy", "hitting", "switching", "fairness", "total", "ratio", "published total", "published ratio")
ROWS = (
    ("OPT", "107.87", "11.02", "20.96", "139.86", "1.0000", "230.93", "1.0000"),
    ("FairOBD(eta=0.0001)", "105.17", "12.21", "30.11", "147.49", "1.0546", "248.31", "1.0753"),
    ("FairOBD(eta=0.01, mirror=Entropy(), domain=ball)", "1234567.12", "1.00", "2.00", "1234570.12", "9.9999", "", ""),
)


def printed(shown, width):
    out = io.StringIO()
    console = Console(file=out, width=width)
    for part in fitting(shown, width):
        console.print(part)
    return out.getvalue()


def made(rows=ROWS, head=HEAD, dim=HEAD[6:]):
    shown = table("a title that is longer than the table is wide, so it has to fold as well", head, dim=dim)
    for row in rows:
        add(shown, row)
    return shown


@pytest.mark.parametrize("width", [44, 50, 60, 80, 100, 140])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_line_is_too_wide_and_no_number_is_cut(width, count):
    text = printed(made(ROWS[:count]), width)
    assert max(map(len, text.splitlines())) <= width
    for row in ROWS[:count]:
        for number in row[1:6]:
            assert number in text.replace("│", " ").split()


def test_what_was_published_goes_first_and_is_told():
    shown = made(ROWS[:2])
    assert "published" in printed(shown, 110)
    assert "┃" in printed(shown, 98)
    assert "248.31" in printed(shown, 98)
    narrow = printed(shown, 80)
    assert "┃" in narrow
    assert "248.31" not in narrow
    assert "published columns need a width of 98" in narrow
    smaller = printed(shown, 60)
    line = next(line for line in smaller.splitlines() if line.startswith("FairOBD"))
    assert line.split() == ["FairOBD(eta=0.0001)", "105.17", "12.21", "30.11", "147.49", "1.0546"]


def test_a_table_that_fits_is_left_alone():
    shown = made()
    assert fitting(shown, 200) == [shown]


@given(
    cells=st.lists(st.lists(st.integers(1, 12), min_size=4, max_size=4), min_size=1, max_size=4),
    names=st.lists(st.integers(1, 40), min_size=4, max_size=4),
    width=st.integers(40, 120),
)
def test_drawn_tables_keep_every_number(cells, names, width):
    head = ("name", "first", "second quantity", "third", "fourth")
    rows = [("n" * names[k], *("8" * size for size in row)) for k, row in enumerate(cells)]
    text = printed(made(rows, head, ()), width)
    assert max(map(len, text.splitlines())) <= width
    words = text.replace("│", " ").split()
    for row in rows:
        for number in row[1:]:
            assert number in words
