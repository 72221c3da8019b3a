"""A real Dask cluster of two worker processes, one of which is killed in mid-sweep."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from evenhand.errors import ParameterError
from evenhand.sweeps.plan import Job, Plan, make_plan
from evenhand.sweeps.run import run_plan

distributed = pytest.importorskip("distributed")


def small_plan() -> Plan:
    grid = {"eta": [1e-3, 1e-2, 1e-1], "lambda2": [0.0, 0.1]}
    return make_plan(["geo7"], ["FairOBD", "HitMin"], grid, {"mu": [1.0, 3.0], "length": [24]}, 1, "0:144:2")


@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_changes_nothing(tmp_path: Path) -> None:
    plan = small_plan()
    here = run_plan(plan, tmp_path / "here")
    victims: list[int] = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")

        def progress(done: Sequence[Job]) -> None:
            if done and not victims:
                victims.append(next(iter(cluster.workers.values())).pid)
                os.kill(victims[0], signal.SIGKILL)

        there = run_plan(plan, tmp_path / "there", cluster=cluster.scheduler_address, progress=progress)
    assert victims
    assert not list((tmp_path / "there" / "parts").glob(".*"))
    for name in ("results.parquet", "summary.csv", "sweep.json"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert there.table.equals(here.table)


def test_an_unreachable_cluster_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        run_plan(small_plan(), tmp_path / "out", cluster="tcp://127.0.0.1:1")
    assert not (tmp_path / "out").exists()
