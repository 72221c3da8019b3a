"""A user's own data: every way to give it, values on the grid, and a face for every error line."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import evenhand as eh
from evenhand.errors import EvenhandError, GuessWarning
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.impacts import Stacked
from evenhand.own import store as own_store
from evenhand.own.source import open_source
from evenhand.own.template import DATA, config_text
from evenhand.tables import Format

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


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t.yaml").write_text(LONG)
    (tmp_path / "t.csv").write_text(csv())
    return tmp_path


def load(folder, text=None, data=None, **changes):
    if text is not None:
        (folder / "t.yaml").write_text(text)
    if data is not None:
        (folder / "t.csv").write_text(data)
    return eh.load_own(folder / "t.yaml", **changes)


def test_values_on_the_grid(folder):
    problem = load(folder).problem
    np.testing.assert_array_equal(problem.cost.linear, [[10 + h, 20 + h] for h in range(4)])
    np.testing.assert_array_equal(problem.impact.weight, [[1.5, 0.5]] * 4)
    np.testing.assert_array_equal(problem.feasible.total, [3, 4, 5, 6])
    np.testing.assert_array_equal(problem.feasible.upper, [[4, 6]] * 4)
    np.testing.assert_array_equal(problem.setting.burden_upper, [6.0, 3.0])
    assert problem.setting.actions == ("a", "b")
    assert problem.times[1] == "2024-01-01T01:00"


def test_rows_in_any_order_parquet_frames_and_toml_are_the_same(folder):
    want = load(folder).problem
    shuffled = [ROWS[k] for k in (5, 0, 7, 2, 1, 6, 3, 4)]
    (folder / "t.csv").write_text(csv(shuffled))
    others = [load(folder, sites=["a", "b"])]
    frame = pd.DataFrame(ROWS, columns=HEAD.strip().split(","))
    frame["time"] = pd.to_datetime(frame["time"])
    pq.write_table(pa.Table.from_pandas(frame), folder / "t.parquet")
    others.append(load(folder, LONG.replace("t.csv", "t.parquet")))
    others.append(eh.load_own(folder / "t.yaml", frames={"t.parquet": frame}))
    others.append(eh.load_own(folder / "t.yaml", frames={"t.parquet": pa.Table.from_pandas(frame)}))
    (folder / "u.toml").write_text(
        'data = "t.csv"\ndemand = "demand"\ncapacity = "capacity"\nlinear = "price"\nbeta = 2\nsites = ["a", "b"]\n'
        '[[burdens]]\nsignal = "carbon"\n'
    )
    others.append(eh.load(str(folder / "u.toml")))
    for other in others:
        got = other.problem
        for part, name in (("cost", "linear"), ("impact", "weight"), ("feasible", "total"), ("feasible", "upper")):
            np.testing.assert_array_equal(getattr(getattr(got, part), name), getattr(getattr(want, part), name))
        assert got.times == want.times


def test_polars_frames(folder):
    polars = pytest.importorskip("polars")
    frame = polars.read_csv(folder / "t.csv")
    got = eh.load_own(folder / "t.yaml", frames={"t.csv": frame}).problem
    np.testing.assert_array_equal(got.cost.linear, load(folder).problem.cost.linear)


def test_wide_files_sums_constants_and_whole_numbers(tmp_path):
    (tmp_path / "p.csv").write_text("hour,a,b\n2,3,30\n1,2,20\n")
    (tmp_path / "d.csv").write_text("hour,a,b\n1,1,2\n2,3,4\n")
    (tmp_path / "c.yaml").write_text(
        "time: hour\ndemand: {file: d.csv}\ncapacity: {sites: {a: 5, b: 9}}\nlinear: {file: p.csv}\n"
        "curvature: 0.5\ninitial: {sites: {a: 1, b: 2}}\nunserved: {price: 7, curvature: 3}\n"
        "burdens: [{signal: 2, norm: 2, weight: 4}, {signal: {file: p.csv}, quota: 1}, "
        "{signal: 1, target: 3, norm: 1}]\n"
        "mu: 0.5\nwindows: {length: 1}\n"
    )
    episodes = eh.load(str(tmp_path))
    problem = episodes.problem
    np.testing.assert_array_equal(problem.cost.demand, [3, 7])
    np.testing.assert_array_equal(problem.cost.linear, [[2, 20], [3, 30]])
    assert (problem.cost.price[0], problem.cost.weight[0]) == (7, 3)
    assert isinstance(problem.impact, Stacked)
    np.testing.assert_array_equal(problem.impact.weight[1], [[2, 2], [-3, -30], [1, 1]])
    parts = problem.setting.fairness.parts
    assert (parts[0].mu, parts[0].p) == (2.0, 2.0)
    assert isinstance(parts[1], Shortfall)
    assert isinstance(parts[2], Target)
    np.testing.assert_array_equal(problem.setting.initial, [1, 2])
    assert episodes.starts == (0, 1)
    assert problem.times == ("1", "2")
    rows = {row.policy: row.ratio for row in eh.compare(episodes).rows}
    assert min(rows.values()) >= 1 - 1e-6


def test_stacked_is_dense_with_diagonal_blocks():
    rng = np.random.default_rng(0)
    weight, x, kappa = rng.normal(size=(5, 2, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 6))
    matrix = np.stack([np.vstack([np.diag(w[0]), np.diag(w[1])]) for w in weight])
    stack, full = Stacked(weight), eh.Dense(matrix)
    np.testing.assert_allclose(stack.burden(x), full.burden(x), rtol=1e-14)
    np.testing.assert_allclose(stack.tilt(kappa), full.tilt(kappa), rtol=1e-14)
    low, high = -np.ones((5, 3)), 2 * np.ones((5, 3))
    for a, b in zip(stack.range(low, high), full.range(low, high), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_large_columns_are_mapped_and_the_cache_follows_the_file(folder, monkeypatch):
    monkeypatch.setattr(own_store, "LARGE", 1)
    first = load(folder)
    kept = sorted((folder / ".evenhand-cache").glob("*.npy"))
    assert len(kept) == 3
    again = load(folder).problem
    np.testing.assert_array_equal(first.problem.cost.linear, again.cost.linear)
    assert sorted((folder / ".evenhand-cache").glob("*")) == kept
    changed = load(folder, data=csv([(*row[:4], row[4] + 100, row[5]) for row in ROWS]))
    np.testing.assert_array_equal(changed.problem.cost.linear, again.cost.linear + 100)


def test_template_and_sample_run(tmp_path):
    (tmp_path / "x.yaml").write_text(config_text("x"))
    (tmp_path / "x.csv").write_text(DATA)
    a, b = eh.load(str(tmp_path / "x.yaml")), eh.load("own")
    np.testing.assert_array_equal(a.problem.impact.weight, b.problem.impact.weight)
    assert a.name == "x"
    assert len(DATA.splitlines()) == 11


def test_horizon_and_changes(folder):
    episodes = load(folder, horizon=2, beta=7, mu=3)
    assert len(episodes.problem.times) == 2
    assert (episodes.problem.setting.beta, episodes.problem.setting.fairness.mu) == (7.0, 3.0)


def swap(row, column, value):
    rows = [list(r) for r in ROWS]
    rows[row][column] = value
    return csv(rows)


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
    with pytest.raises(EvenhandError, match="no pandas, polars or Arrow table"):
        eh.load_own(folder / "t.yaml", frames={"t.csv": 3})
    (folder / "other.yaml").write_text(LONG)
    with pytest.raises(EvenhandError, match="holds 2 configurations"):
        eh.load(str(folder))


def test_overload_becomes_unserved_demand(folder):
    data = csv([(*r[:2], 12 if "T03" in r[0] else r[2], *r[3:]) for r in ROWS])
    episodes = load(folder, LONG + "unserved: penalty\n", data)
    best = eh.optimum(episodes.problem)
    np.testing.assert_allclose(best.trajectory.actions.sum(-1), [3, 4, 5, 10], atol=1e-6)  # the solver's accuracy
    assert episodes.problem.cost.price[0] == 10 * 23  # ten times the dearest price


def test_gaps_may_be_accepted(folder):
    rows = [r for r in ROWS if "T02" not in r[0]]
    assert load(folder, LONG + "every: any\n", csv(rows)).problem.setting.horizon == 3


@pytest.mark.parametrize(("n", "b"), list(itertools.product([1, 3], [1, 2])))
def test_burden_bounds_hold_every_round(n, b):
    rng = np.random.default_rng(n + b)
    sites = [f"s{i}" for i in range(n)]
    long = pd.DataFrame(
        [(t, s, 1.0, rng.uniform(1, 2), *rng.normal(size=2)) for t in range(6) for s in sites],
        columns=["time", "site", "demand", "cap", "x", "y"],
    )
    config = {"data": "f", "demand": "demand", "capacity": "cap", "burdens": [{"signal": c} for c in ("x", "y")[:b]]}
    problem = eh.load_own(config, frames={"f": long}).problem
    low, high = problem.impact.range(*problem.feasible.bounds)
    np.testing.assert_array_equal(problem.setting.burden_lower, np.minimum(low.min(axis=0), 0))
    np.testing.assert_array_equal(problem.setting.burden_upper, np.maximum(high.max(axis=0), 0))


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
