"""A face for every error line about own data, and every other way to write a CSV."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import evenhand as eh
from evenhand.errors import EvenhandError, GuessWarning
from evenhand.own import store as own_store
from evenhand.own.source import open_source
from evenhand.tables import Format
from own_tables import HEAD, LONG, ROWS, csv, load, swap

SPOILT = csv([*ROWS[:1], *[(*r[:4], "x", r[5]) for r in ROWS[1:]]])
BAD_DATA = {
    "t.csv, line 6, column 'price' is x": SPOILT.replace("\n", "\n\n", 2).replace("2024", "\n2024", 1),
    "t.csv, line 4, column 'price' is x": SPOILT.replace("Z,a", 'Z,"a\n"', 1),
    "t.csv, line 3 has 7 cells, the header 6: give every row one cell a column (numbers with decimal commas": csv(
        [ROWS[0], (*ROWS[1][:5], "0,5")]
    ),
    "t.csv, line 3, column 'carbon' is 0,5: write a finite number (is the comma": swap(1, 5, '"0,5"'),
    "t.csv, line 5, column 'price' is 4e+200: it must be at most 1e+100": swap(3, 4, "4e200"),
    "t.csv, line 5, column 'time' is 9999-01-01: write a time": swap(3, 0, "9999-01-01"),
    "t.csv, line 5, column 'time' is 1500-01-01: write a time": swap(3, 0, "1500-01-01"),
    "t.csv, line 5, column 'time' is 2024-13-45: write a time": swap(3, 0, "2024-13-45"),
    "t.csv, line 5, column 'site' is empty: name the site": swap(3, 1, " "),
    "t.csv, line 3: a quotation mark is not closed": swap(1, 1, '"b'),
    "t.csv, line 4 holds a NUL: it is no text": swap(2, 1, "a\0"),
    "t.csv, line 1: column 3 has no name": csv(head=HEAD.replace("demand", "")),
    "column 'time' is 9999999999999999999999: count rounds by smaller": csv([(10**22 - 1, *r[1:]) for r in ROWS]),
    "t.csv, line 5, column 'price' is abc: write a finite number": swap(3, 4, "abc"),
    "t.csv, line 5, column 'price' is 1_000: write a finite number": swap(3, 4, "1_000"),
    "t.csv, line 5, column 'price' is ١٢: write a finite number": swap(3, 4, "١٢"),
    "t.csv, line 5, column 'price' is empty: write a finite number": swap(3, 4, ""),
    "t.csv, line 5, column 'carbon' is nan: write a finite number": swap(3, 5, "nan"),
    "t.csv, line 4, column 'capacity' is -1: it must be at least 0": swap(2, 3, -1),
    "t.csv, line 5, column 'demand' is 9, but another site has 4 at 2024-01-01T01:00": swap(3, 2, 9),
    "t.csv, line 3, column 'time' is soon: write a time such as": swap(1, 0, "soon"),
    "t.csv, line 10: site 'b' at 2024-01-01T03:00 stands twice": csv([*ROWS, ROWS[-1]]),
    "t.csv has no row for site 'b' at 2024-01-01T03:00: add it": csv(ROWS[:-1]),
    "t.csv has no rows for 2024-01-01T02:00; rounds come every 1h": csv([r for r in ROWS if "T02" not in r[0]]),
    "t.csv has no rows for 2024-01-01T01:00 (and 1 more rounds)": csv([r for r in ROWS if r[0][12] not in "12"]),
    "t.csv has no rows: add some": HEAD,
    "t.csv, line 1 must name every column once": "time,time\n1,2\n",
    "t.csv, line 2 has 3 cells, the header 6: give every row one cell a column": HEAD + "1,2,3\n",
    "unknown column in t.csv 'price': did you mean 'prices'?": csv(head=HEAD.replace("price", "prices")),
    "demand is above total capacity in 1 of 4 rounds, first at 2024-01-01T03:00 by 2 (12 against 10), worst": csv(
        [(*r[:2], 12 if "T03" in r[0] else r[2], *r[3:]) for r in ROWS]
    ),
}


@pytest.mark.parametrize("told", BAD_DATA, ids=str)
def test_bad_data_is_named(folder, told):
    changes = {"every": "1h"} if "1 more rounds" in told else {}
    with pytest.raises(EvenhandError) as caught:
        load(folder, data=BAD_DATA[told], **changes)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_CONFIG = {
    "t.yaml, line 8: key 'beta' stands twice, first in line 6; keep one": LONG + "beta: 3\n",
    "t.yaml, line 7: key 'signal' stands twice": LONG.replace("carbon}", "carbon, signal: price}"),
    "t.yaml, line 6: '2024-02-31' cannot be read (day is out of range": LONG.replace("beta: 2", "beta: 2024-02-31"),
    "t.yaml: beta is 1e+300: it must be at most 1e+100": LONG.replace("beta: 2", "beta: 1e+300"),
    "t.yaml: beta is (int too large to show)": LONG.replace("beta: 2", "beta: 0x" + "f" * 5000),
    "t.yaml holds a value that cannot be read": LONG.replace("name: t", "name: 0x" + "f" * 5000),
    "t.yaml, line 6: '999": LONG.replace("beta: 2", "beta: " + "9" * 5000),
    "t.yaml, line 6: '' cannot be read (string index": LONG.replace("beta: 2", "beta: !!int ''"),
    "t.yaml: beta is True: write a number": LONG.replace("beta: 2", "beta: yes"),
    "t.yaml: beta is inf: write a finite number": LONG.replace("beta: 2", "beta: .inf"),
    "t.yaml: burdens.0.norm is 'two': write a number": LONG.replace("carbon}", "carbon, norm: two}"),
    "t.yaml, line 1 is nested too deeply": "a: " + "[" * 60 + "]" * 60,
    "t.yaml is nested too deeply": "[" * 5000,
    "t.yaml, line 1: it holds itself by an alias": "a: &a [*a]\n",
    "more than 200000 values, aliases written out": "a: &k0 [x]\n"
    + "".join(f"b{k}: &k{k} [{', '.join([f'*k{k - 1}'] * 9)}]\n" for k in range(1, 12)),
    "t.yaml is empty": "# nothing\n",
    "t.yaml: horizon is 2.5: write a whole number": LONG + "horizon: 2.5\n",
    "t.yaml: windows is 3: write keys and values": LONG + "windows: 3\n",
    "t.yaml: sites is 'a': write a list": LONG + "sites: a\n",
    "sites must name every site once": LONG + "sites: [a, a]\n",
    "has the key False: write it in quotes": LONG.replace("capacity: capacity", "capacity: {sites: {no: 1}}"),
    "t.yaml: name is 'a/b': results go into a folder of that name": LONG.replace("name: t", "name: a/b"),
    "t.yaml: every is [1]: write a distance": LONG + "every: [1]\n",
    "every is '-1h': write a distance": LONG + "every: -1h\n",
    "separator is ';;': give one character": LONG + "csv: {separator: ;;}\n",
    "unknown key in t.yaml 'sep': did you mean 'separator'?": LONG + "csv: {sep: 1}\n",
    "unknown key in t.yaml 'betta': did you mean 'beta'?": LONG.replace("beta", "betta"),
    "unknown key in t.yaml 'wieght': did you mean 'weight'?": LONG.replace("carbon}", "carbon, wieght: 2}"),
    "unknown key in t.yaml 'colum': did you mean 'column'?": LONG.replace("linear: price", "linear: {colum: price}"),
    "t.yaml: capacity is missing: add it": LONG.replace("capacity: capacity\n", ""),
    "t.yaml: beta is -1: it must be at least 0": LONG.replace("beta: 2", "beta: -1"),
    "t.yaml: burdens.0.norm is 0.5: it must be at least 1": LONG.replace("carbon}", "carbon, norm: 0.5}"),
    "give target or quota, not both": LONG.replace("carbon}", "carbon, target: 1, quota: 1}"),
    "give a number, a column, a file, or sites": LONG.replace("linear: price", "linear: {column: price, constant: 3}"),
    "t.yaml is not YAML": "a: [",
    "t.yaml holds list": "- 1\n",
    "file 'u.csv' is not in": LONG.replace("t.csv", "u.csv"),
    "file 't.yaml' ends in '.yaml'": LONG.replace("t.csv", "t.yaml"),
    "t.yaml: capacity names column 'capacity', but no data": "capacity: capacity\n"
    "demand: {file: t.csv, column: demand}\nburdens: [{signal: 1}]\n",
    "names file 't.csv', which is long: add the column": LONG.replace("linear: price", "linear: {file: t.csv}"),
    "unknown site in t.yaml, capacity 'c'": LONG.replace("capacity: capacity", "capacity: {sites: {a: 1, c: 2}}"),
    "capacity has no number for site 'b'": LONG.replace("capacity: capacity", "capacity: {sites: {a: 1}}"),
    "demand is one number per round": LONG.replace("demand: demand", "demand: {sites: {a: 1}}"),
    "initial may not change over time": LONG + "initial: price\n",
    "horizon is 9: the data have 4 rounds": LONG + "horizon: 9\n",
    "windows.length is 9, the data have 4 rounds": LONG + "windows: {length: 9}\n",
    "every is 'often': write a distance such as 1h": LONG + "every: often\n",
    "nothing is read from a file": "demand: 1\ncapacity: 2\nburdens: [{signal: 1}]\n",
}


@pytest.mark.parametrize("told", BAD_CONFIG, ids=str)
def test_bad_configuration_is_named(folder, told):
    with pytest.raises(EvenhandError) as caught:
        load(folder, BAD_CONFIG[told])
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_refusals(folder):
    with pytest.raises(EvenhandError, match="cannot read"):
        eh.load_own(folder / "no.yaml")
    with pytest.raises(EvenhandError, match=r"unknown frame 'x\.csv'"):
        eh.load_own(folder / "t.yaml", frames={"x.csv": pd.DataFrame()})
    with pytest.raises(EvenhandError, match="is no pandas, polars or Arrow table"):
        eh.load_own(folder / "t.yaml", frames={"t.csv": 3})
    (folder / "other.yaml").write_text(LONG)
    with pytest.raises(EvenhandError, match="holds 2 configurations"):
        eh.load(str(folder))


OTHERWISE = {
    "separator ';', decimal ','": csv().replace(",", ";").replace(".", ",").encode(),
    "separator '\\t', encoding 'utf-16'": csv().replace(",", "\t").encode("utf-16"),
    "encoding 'cp1252'": csv().replace(",b,", ",b\xe9,").encode("cp1252"),
    "decimal ','": csv().replace("1.5", '"1,5"').replace("0.5", '"0,5"').encode(),
}


@pytest.mark.parametrize("guess", OTHERWISE, ids=str)
def test_csv_written_otherwise_is_guessed_aloud_or_said(folder, guess):
    want = load(folder).problem
    (folder / "t.csv").write_bytes(OTHERWISE[guess])
    with pytest.warns(GuessWarning, match=re.escape(f"t.csv: guessed {guess}; say so if it is not")):
        got = load(folder).problem
    said = dict(re.findall(r"(\w+) '([^']*)'", guess.replace("\\t", "\t")))
    for other in (got, load(folder, csv=said).problem):  # a warning would be an error
        np.testing.assert_array_equal(other.impact.weight, want.impact.weight)
        np.testing.assert_array_equal(other.cost.linear, want.cost.linear)


def test_a_first_line_that_names_the_separator_is_believed(folder):
    got = load(folder, data="sep=;\n" + csv().replace(",", ";")).problem
    np.testing.assert_array_equal(got.cost.linear[0], [10, 20])
    with pytest.raises(EvenhandError, match="line 6, column 'price' is x"):
        load(folder, data="sep=;\n" + swap(3, 4, "x").replace(",", ";"))


def test_thousands_are_not_taken_for_decimals(folder):
    data = swap(3, 4, "1,234").replace(",", ";").replace("1;234", "1,234")
    with (
        pytest.warns(GuessWarning, match="separator ';'; say"),
        pytest.raises(EvenhandError, match="is 1,234: write a"),
    ):
        load(folder, data=data)
    with pytest.raises(EvenhandError, match=r"column 'carbon' is 1\.5"):  # a point among decimal commas
        load(folder, data=csv().replace(",", ";"), csv={"separator": ";", "decimal": ","})


def test_numbers_as_people_write_them_in_yaml(folder):
    problem = load(folder, LONG.replace("beta: 2", "beta: 2e0").replace("carbon}", "carbon, norm: .inf}")).problem
    assert (problem.setting.beta, problem.setting.fairness.p) == (2.0, np.inf)
    assert load(folder, LONG.replace("linear: price", "linear: 1e1")).problem.cost.linear.max() == 10.0


def test_one_mapping_may_be_used_twice_by_an_alias(folder):
    text = LONG.replace("linear: price", "linear: &p {column: price}").replace("[{signal: carbon}]", "[{signal: *p}]")
    np.testing.assert_array_equal(load(folder, text).problem.impact.weight[0], [10, 20])


STRANGE = "hour,north,south,west\n1,1,2,3\n2,1,1,1\n"


def wide(folder, config, **files):
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return eh.load_own({"time": "hour", "burdens": [{"signal": 2}], **config}, folder=folder).problem


def test_a_column_of_an_unknown_site_is_refused_not_left_out(tmp_path):
    sites = {"capacity": {"sites": {"north": 5, "south": 9}}, "demand": {"file": "d.csv"}}
    with pytest.raises(EvenhandError, match=r"d\.csv, column 'west' is no site of demand, known are north, south: add"):
        wide(tmp_path, sites, d=STRANGE)
    with pytest.raises(EvenhandError, match="column 'west' is no site of demand"):
        wide(tmp_path, {**sites, "sites": ["north", "south"]}, d=STRANGE)
    assert (
        wide(tmp_path, sites, d=STRANGE.replace(",west", "").replace(",3", "").replace("1,1,1", "1,1")).cost is not None
    )
    known = {**sites, "demand": 3, "linear": {"file": "p.csv", "column": "price"}, "curvature": {"file": "d.csv"}}
    long = "hour,site,price\n1,north,3\n1,south,4\n2,north,3\n2,south,4\n"
    with pytest.raises(EvenhandError, match="column 'west' is no site of the other data"):
        wide(tmp_path, known, d=STRANGE, p=long)
    chosen = wide(tmp_path, {**known, "sites": ["south", "north"]}, d=STRANGE, p=long)  # a choice among the sites
    np.testing.assert_array_equal(chosen.cost.curvature[0], [2, 1])


def test_a_row_of_an_unknown_site_is_refused(tmp_path):
    long = "hour,site,price\n1,north,3\n1,south,4\n"
    config = {"capacity": 9, "demand": 3, "data": "a.csv", "linear": "price"}
    config["curvature"] = {"file": "b.csv", "column": "price"}
    with pytest.raises(EvenhandError, match=r"b\.csv, line 4: 'west' is no site of the other data"):
        wide(tmp_path, config, a=long, b=long + "1,west,5\n")
    assert wide(tmp_path, {**config, "sites": ["north"]}, a=long, b=long + "1,west,5\n").setting.actions == ("north",)


def test_files_that_are_none(folder, monkeypatch):
    (folder / "d.csv").mkdir()
    with pytest.raises(EvenhandError, match=r"d\.csv is a folder: give"):
        load(folder, LONG.replace("t.csv", "d.csv"))
    (folder / "x.yaml").mkdir()
    with pytest.raises(EvenhandError, match="holds 0 configurations"):
        eh.load_own(folder / "x.yaml")
    with pytest.raises(EvenhandError, match=r"ends in '\.csv': a configuration ends in"):
        eh.load_own(folder / "t.csv")
    (folder / "t.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(EvenhandError, match=r"t\.yaml is not text in UTF-8"):
        eh.load_own(folder / "t.yaml")
    with pytest.raises(EvenhandError, match="config is 3: give the path"):
        eh.load_own(3)
    (folder / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(EvenhandError, match="not a Parquet file that can be read"):
        load(folder, LONG.replace("t.csv", "t.parquet"))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(EvenhandError, match=r"cannot read '.*t\.yaml': Permission denied"):
        eh.load_own(folder / "t.yaml")
    with pytest.raises(EvenhandError, match=r"t\.csv cannot be read: Permission denied"):
        eh.load_own({"data": "t.csv", "demand": 1, "capacity": 2, "burdens": [{"signal": 1}]}, folder=folder)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_gone_in_the_middle_is_one_line(folder, kind):
    name = f"t.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"time": [1, 2], "price": [1.0, 2.0]}), folder / name)
    source = open_source(folder, name, None, Format())
    (folder / name).unlink()
    with pytest.raises(EvenhandError, match=rf"{name}.* be read: .*o such file") as caught:
        list(source.batches(["time", "price"]))
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written_or_read_is_done_without(folder, monkeypatch):
    monkeypatch.setattr(own_store, "LARGE", 1)
    (folder / ".evenhand-cache").write_text("in the way")
    want = load(folder).problem.cost.linear.copy()
    (folder / ".evenhand-cache").unlink()
    load(folder)
    for kept in (folder / ".evenhand-cache").glob("*.npy"):
        kept.write_bytes(kept.read_bytes()[:90])
    np.testing.assert_array_equal(load(folder).problem.cost.linear, want)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([True, False]), "column 'price' holds bool: it must hold numbers"),
        (pa.array([None, None]), "row 1, column 'price' is empty"),
        (pa.array([1.0, np.nan]), "row 2, column 'price' is nan"),
        (pa.array(["1", "x"]).dictionary_encode(), "row 2, column 'price' is x"),
    ],
)
def test_parquet_of_another_kind_is_named(folder, column, told):
    table = pa.table({"time": [1, 2], "price": column})
    config = {"data": "t.parquet", "demand": 1, "capacity": {"sites": {"a": 2}}, "linear": "price"}
    pq.write_table(table, folder / "t.parquet")
    for frames in (None, {"t.parquet": table}):
        with pytest.raises(EvenhandError) as caught:
            eh.load_own({**config, "burdens": [{"signal": 1}]}, folder=folder, frames=frames)
        assert told in str(caught.value)


def test_times_of_other_kinds_are_named(folder):
    for times in (
        pa.array([[1], [2]]),
        pa.array([2**62, -(2**62)], pa.timestamp("s")),
        pa.array([2**63, 1], pa.uint64()),
    ):
        frames = {"f": pa.table({"time": times, "price": [1.0, 2.0]})}
        config = {"data": "f", "demand": 1, "capacity": {"sites": {"a": 2}}, "linear": "price"}
        with pytest.raises(EvenhandError, match=r"frame 'f', (row 1, )?column 'time'"):
            eh.load_own({**config, "burdens": [{"signal": 1}]}, frames=frames)
