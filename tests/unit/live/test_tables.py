"""The newest rows of tables as observations: long, wide and shared tables, empty cells, two rows for a time."""

from pathlib import Path

import numpy as np
import pytest

from evenhand.errors import ProblemError, UnknownNameError
from evenhand.live.tables import open_tables, rows_since

CONFIG = """\
data: long.csv
sites: [a, b]
demand: {file: demand.csv}
capacity: {file: wide.csv}
linear: price
curvature: {file: shared.csv, column: bend}
burdens: [{signal: 2.5, name: heat}, {signal: {sites: {a: 1, b: 3}}, name: noise}]
"""
FILES = {
    "long.csv": "time,site,price\n1,b,20\n1,a,10\n2,a,11\n2,b,\n2,c,99\n",
    "wide.csv": "time,a,b\n1,5,8\n3,6,\n",
    "shared.csv": "time,bend\n2,0.5\n2,0.75\n",
    "demand.csv": "time,x,y\n1,3,4\n2,3,5\n",
}
NAN = np.nan


@pytest.fixture
def opened(tmp_path):
    def make(**changes):
        (tmp_path / "t.yaml").write_text(CONFIG)
        for name, text in {**FILES, **{f"{k}.csv": v for k, v in changes.items()}}.items():
            (tmp_path / name).write_text(text)
        return open_tables(Path(tmp_path / "t.yaml"))

    return make


def test_the_newest_row_of_every_signal(opened):
    controller, reader = opened()
    (one,) = rows_since(controller, reader, None)
    assert (one.time, one.text) == (3.0, "3")
    #                                     demand capacity linear    curvature
    np.testing.assert_array_equal(one.value, [8, 6, 8, 11, 20, 0.75, 0.75, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(one.at, [2, 3, 1, 2, 1, 2, 2, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(controller.sites.fixed[-4:], [2.5, 2.5, 1, 3])


def test_every_time_since(opened):
    controller, reader = opened()
    second, third = rows_since(controller, reader, 1.0)
    assert (second.time, third.time) == (2.0, 3.0)
    np.testing.assert_array_equal(second.value[:7], [8, NAN, NAN, 11, NAN, 0.75, 0.75])
    np.testing.assert_array_equal(third.value[:7], [NAN, 6, NAN, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(third.at[:2], [NAN, 3])
    assert rows_since(controller, reader, 3.0) == []


def test_a_sum_with_a_part_missing_was_not_measured(opened):
    controller, reader = opened(demand="time,x,y\n1,3,4\n2,3,\n")
    (one,) = rows_since(controller, reader, None)
    assert (one.value[0], one.at[0]) == (7.0, 1.0)


def test_cells_that_are_wrong_are_named(opened):
    with pytest.raises(ProblemError, match=r"wide.csv, line 3, column 'a' is -6: it must be at least 0"):
        rows_since(*opened(wide="time,a,b\n1,5,8\n3,-6,\n"), None)
    with pytest.raises(ProblemError, match=r"long.csv, line 3, column 'price' is x: write a finite number"):
        rows_since(*opened(long="time,site,price\n1,a,1\n1,b,x\n"), None)
    with pytest.raises(UnknownNameError, match="'bend'"):
        rows_since(*opened(shared="time,bent\n1,1\n"), None)


def test_instants_are_seconds(opened):
    files = {k.removesuffix(".csv"): v for k, v in FILES.items()}
    for n in (3, 2, 1):
        files = {k: v.replace(f"\n{n},", f"\n2026-05-10T00:0{n}:00.5Z,") for k, v in files.items()}
    controller, reader = opened(**files)
    (one,) = rows_since(controller, reader, None)
    assert one.time == 1778371380.5
    assert one.text == "2026-05-10T00:03:00.500"
    assert [o.text for o in rows_since(controller, reader, 1778371320.5)] == [one.text]
