"""Any dataframe in, results out: the same numbers whatever library carries them."""

import sys

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import evenhand as eh
from evenhand.errors import MissingExtraError
from evenhand.interchange import as_arrow, as_pandas

AGENTS = {
    "agent": ["a", "b", "c"],
    "family": ["power", "log", "power"],
    "gamma": [0.3, None, 0.6],
    "weight": [1.0, 2.0, 1.0],
}
#: the same table as every kind of frame, eager and lazy
FRAMES = {
    "pandas": pd.DataFrame(AGENTS),
    "polars": pl.DataFrame(AGENTS),
    "lazy polars": pl.LazyFrame(AGENTS),
    "arrow": pa.table(AGENTS),
    "batches": pa.RecordBatch.from_pydict(AGENTS),
    "narwhals": nw.from_native(pl.DataFrame(AGENTS)),
    "columns": AGENTS,
}


def same(one, other):
    for name in one.columns:
        left, right = one[name].to_numpy(), other[name].to_numpy()
        assert np.array_equal(left, right, equal_nan=left.dtype.kind == "f"), name


@pytest.mark.parametrize("kind", FRAMES)
def test_a_fleet_comes_from_any_table(kind):
    got, want = eh.fleet_from_table(FRAMES[kind]), eh.fleet_from_table(FRAMES["pandas"])
    assert got == want
    assert got.names == ("a", "b", "c")


@pytest.mark.parametrize("kind", FRAMES)
def test_own_data_come_from_any_table(kind):
    columns = {
        "time": [f"2024-05-10T{hour:02}:00Z" for hour in (0, 0, 1, 1)], "site": ["n", "s"] * 2, "demand": [1.5, 1.5, 2.0, 2.0],
        "capacity": [5.0] * 4, "price": [1.0, 2.0, 3.0, 1.5], "carbon": [0.1, 0.2, 0.3, 0.4],
    }  # fmt: skip
    make = {
        "pandas": pd.DataFrame, "polars": pl.DataFrame, "lazy polars": pl.LazyFrame, "arrow": pa.table,
        "batches": pa.RecordBatch.from_pydict, "narwhals": lambda c: nw.from_native(pl.DataFrame(c)), "columns": dict,
    }[kind]  # fmt: skip
    config = {
        "data": "t",
        "demand": "demand",
        "capacity": "capacity",
        "linear": "price",
        "burdens": [{"signal": "carbon"}],
    }
    got = eh.load_own(config, frames={"t": make(columns)}).problem
    np.testing.assert_array_equal(got.cost.linear, [[1.0, 2.0], [3.0, 1.5]])
    assert got.setting.actions == ("n", "s")


def test_points_to_fit_come_as_columns_of_any_table():
    r = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    y, by = 2.0 * r**0.4, ["x"] * 6
    want = eh.fit_groups(r, y, by, "power")
    for table in (pl.DataFrame({"r": r, "y": y, "by": by}), pa.table({"r": r, "y": y, "by": by})):
        assert eh.fit_groups(table["r"], table["y"], table["by"], "power") == want
    assert want["x"].parameters["gamma"] == pytest.approx(0.4, rel=1e-6)


def test_what_is_no_table_is_told():
    for bad in (3, "abc", None, object()):
        with pytest.raises(eh.ProblemError, match="frame is no pandas, polars or Arrow table"):
            eh.fleet_from_table(bad)
    assert as_pandas("x", FRAMES["pandas"]) is FRAMES["pandas"]
    assert as_arrow("x", FRAMES["arrow"]).equals(FRAMES["arrow"])


def results():
    week = eh.load("geo7")
    compared = eh.compare(week, {"mine": eh.FairOBD()}, windows=[0, 40])
    answer = eh.allocate(eh.Fleet(eh.CobbDouglas([[0.3, 0.2], [0.1, 0.5]]), resources=["cpu", "disk"]), [1.0, 2.0])
    return [compared, answer, compared.trajectories["mine"], eh.simulate(week.window(3), eh.FairOBD())]


def test_results_are_the_same_as_pandas_arrow_and_polars():
    for result in results():
        frame = result.to_frame()
        assert isinstance(result.to_arrow(), pa.Table)
        same(frame, result.to_arrow().to_pandas())
        assert isinstance(result.to_polars(), pl.DataFrame)
        same(frame, result.to_polars().to_pandas())


def test_results_as_xarray_have_named_axes():
    compared, answer, runs, run = results()
    cube = compared.to_xarray()
    assert dict(cube.sizes) == {"policy": 3, "window": 2}
    mine = compared.trajectories["mine"].cost
    np.testing.assert_array_equal(cube.total.sel(policy="mine"), mine.total)
    assert float(cube.hitting.sel(policy="mine", window=40)) == mine.hitting[1]

    shares = answer.to_xarray()
    assert float(shares.x.sel(agent=1, resource="disk")) == answer.x[1, 1]
    np.testing.assert_array_equal(shares.price, answer.prices)

    sets = runs.to_xarray([0, 40])
    assert sets.actions.dims == ("window", "round", "action")
    np.testing.assert_array_equal(sets.burdens.sel(window=40), runs.burdens[1])
    alone = run.to_xarray()
    site = run.problem.setting.actions[2]
    np.testing.assert_array_equal(alone.actions.sel(action=site), run.actions[:, 2])
    np.testing.assert_array_equal(alone.price, run.price)
    assert alone.time.shape == (run.problem.horizon,)
    assert "FairOBD" in alone.attrs["policy"]


@pytest.mark.parametrize("name", ["polars", "xarray"])
def test_without_an_extra_the_error_says_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    run = results()[-1]
    with pytest.raises(MissingExtraError, match=rf"{name} is not installed: pip install 'evenhand\[frames\]'"):
        getattr(run, f"to_{name}")()
