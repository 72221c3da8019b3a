"""Speed of the single-resource allocation: rows (what, measured, target), measured in this run.

Problems: power-law agents with exponents U(0.05, 0.95), onboard U(0, 0.1), capacity n/2, seed 0. A row's
residual is
|Σx − C|/C of the very answer that was timed. Times are the best of a few calls after one warm-up call.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.utilities import Power

Row = tuple[str, str, str]


def _fleet(n: int) -> Fleet:
    rng = np.random.default_rng(0)
    return Fleet(Power(rng.uniform(0.05, 0.95, n)), onboard=rng.uniform(0.0, 0.1, n))


def _best(call: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    answer, least = call(), float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        answer = call()
        least = min(least, time.perf_counter() - start)
    return least, answer


def million() -> list[Row]:
    """10⁶ agents: time and residual of allocate(), then the certificate's gap."""
    fleet = _fleet(10**6)
    seconds, answer = _best(lambda: allocate(fleet, 0.5e6), 5)
    residual = abs(float(np.sum(answer.x)) - 0.5e6) / 0.5e6
    check, certificate = _best(lambda: answer.certificate, 1)
    return [
        ("10⁶ power agents, one resource", f"{1e3 * seconds:.0f} ms, {answer.steps} passes", "150 ms"),
        ("  residual |Σx − C|/C, stationarity", f"{residual:.0e}, {certificate.stationarity:.0e}", "1e-12"),
        ("  its certificate, gap", f"{1e3 * check:.0f} ms, {certificate.gap:.0e}", "—"),
    ]


def ten_million() -> list[Row]:
    """10⁷ agents in a fresh process, so that the peak memory is this problem's own."""
    code = (
        "import resource; from benchmarks.allocation import _ten; s, r = _ten();"
        "print(s, r, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, residual, peak = (float(v) for v in done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    return [
        ("10⁷ power agents, one resource", f"{seconds:.2f} s, {peak * unit / 1e9:.2f} GB", "1.5 s, 1.5 GB"),
        ("  residual |Σx − C|/C", f"{residual:.0e}", "1e-12"),
    ]


def _ten() -> tuple[float, float]:
    fleet = _fleet(10**7)
    seconds, answer = _best(lambda: allocate(fleet, 0.5e7), 2)
    return seconds, abs(float(np.sum(answer.x)) - 0.5e7) / 0.5e7


def thousand() -> list[Row]:
    """1,000 agents: the public call against the term-by-term CVXPY model (one cp.power an agent, exact
    cones)."""
    import cvxpy as cp

    n = 1000
    fleet = _fleet(n)
    seconds, answer = _best(lambda: allocate(fleet, 0.5 * n), 200)
    gamma = np.asarray(fleet.utility.gamma)
    start = time.perf_counter()
    x = cp.Variable(n)
    terms = [cp.power(fleet.onboard[i] + x[i], gamma[i], approx=False) for i in range(n)]
    problem = cp.Problem(cp.Maximize(sum(terms)), [cp.sum(x) <= 0.5 * n, x >= 0])
    problem.solve(solver=cp.CLARABEL)
    theirs = time.perf_counter() - start
    mine = answer.certificate.primal_objective
    apart = abs(mine - problem.value) / abs(problem.value)
    return [
        ("1,000 power agents, the public call", f"{1e3 * seconds:.2f} ms", "1 ms"),
        ("  term-by-term CVXPY + Clarabel", f"{theirs:.1f} s, {theirs / seconds:.0f}× ours", "5000×"),
        ("  objectives apart (relative)", f"{apart:.0e}", "1e-6"),
    ]


def rows() -> list[Row]:
    """All rows."""
    return [*thousand(), *million(), *ten_million()]


if __name__ == "__main__":
    for what, measured, target in rows():
        print(f"{what:42} {measured:32} {target}")
    print(f"peak of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
