"""Joint solver and alternate search: rows of (what, measured, target), seconds unless said otherwise."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable

import numpy as np

from evenhand.allocation import acs, joint

REPEATS = 5


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    work()  # the first call loads the compiled kernels
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def concave_fleet(n: int, K: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Onboard U(0, 0.1), exponents with Σ γ ~ U(0.1, 0.95), capacities 0.3 to 0.7 an agent."""
    rng = np.random.default_rng(seed)
    g = rng.uniform(0.02, 1.0, (n, K))
    g *= (rng.uniform(0.1, 0.95, n) / g.sum(axis=1))[:, None]
    return np.ones(n), rng.uniform(0.0, 0.1, (n, K)), g, rng.uniform(0.3, 0.7, K) * n


def joint_rows(n: int = 10**6) -> list[tuple[str, float, float]]:
    rows = []
    for K, target in ((2, 1.5), (4, 4.0)):
        w, o, g, C = concave_fleet(n, K)
        gaps = []

        def work(w=w, o=o, g=g, C=C, gaps=gaps) -> None:
            gaps.append(joint.solve(w, o, g, 0.0, np.inf, C, 0.0).gap)

        rows.append((f"joint: {n:.0e} agents × {K} resources", median_seconds(work), target))
        rows.append((f"joint: {n:.0e} × {K}, relative gap", max(gaps), 1e-6))
    # ru_maxrss is the most that this process ever held, in kilobytes on Linux
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rows.append(("joint: peak memory of the process, GB", peak, 2.0))
    return rows


def acs_rows(fleets: int = 20) -> list[tuple[str, float, float]]:
    """The paper's random fleets of 100: budgets Σ U(0, 1), on board U(0, 0.01), exponents U(0, 1)."""
    seconds, residuals = [], []
    for seed in range(fleets):
        rng = np.random.default_rng(seed)
        o, g = rng.uniform(0.0, 0.01, (100, 2)), rng.uniform(0.0, 1.0, (100, 2))
        C = rng.uniform(0.0, 1.0, (100, 2)).sum(axis=0)

        def work(o=o, g=g, C=C) -> None:
            r = acs.solve(np.ones(100), o, g, 0.0, np.inf, C, 0.0)
            residuals.append(r.residual if r.converged else np.inf)

        seconds.append(median_seconds(work, 3))
    return [
        ("ACS: 100 agents × 2 resources, 16 starts", statistics.median(seconds), 0.05),
        ("ACS: worst stationarity residual", max(residuals), 1e-6),
    ]


def rows() -> list[tuple[str, float, float]]:
    return joint_rows() + acs_rows()


if __name__ == "__main__":
    for what, measured, target in rows():
        print(f"{what:45s} {measured:10.3g} {target:10.3g}")
