"""Throughput of sweeps: episodes of 72 rounds a second on two processes, OPT of every window included."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from evenhand.sweeps.plan import make_plan
from evenhand.sweeps.run import run_plan
from timing import Row

#: window-episodes a second on two cores
TARGET = 2000


def rows() -> list[Row]:
    """A cold pool (its processes start and load the kernels), the same pool again, and one process."""
    grid = {"eta": [10 ** (-4 + k / 16) for k in range(64)], "lambda2": [0.0, 0.1, 1.0]}
    return [
        _row("sweep of geo7 with OPT, 2 processes, first use", grid, 2),
        _row("sweep of geo7 with OPT, 2 processes", grid, 2),
        _row("sweep of geo7 with OPT, 1 process", grid, 1),
        _row("  a small grid (27 points), 2 processes", {"eta": grid["eta"][::7][:9], "lambda2": grid["lambda2"]}, 2),
    ]


def _row(what: str, grid: dict[str, list[float]], jobs: int) -> Row:
    """Planning, all jobs, and collecting, from an empty folder."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        plan = make_plan(["geo7"], ["FairOBD"], grid, {}, 1, "all")
        run_plan(plan, Path(folder), jobs)
    rate = plan.episodes / (time.perf_counter() - start)
    return Row(f"{what}, {plan.episodes:,} episodes", f"{rate:,.0f}/s", f">= {TARGET:,}/s", rate >= TARGET)
