"""A user's own data: every way to give it, values on the grid, and a face for every error line."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import evenhand as eh
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.impacts import Stacked
from evenhand.own import store as own_store
from evenhand.own.template import DATA, config_text
from own_tables import HEAD, LONG, ROWS, csv, load


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
