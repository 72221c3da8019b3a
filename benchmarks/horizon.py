"""OPT of long horizons and many windows, with Clarabel on the same program as the peer: time, memory, growth.

Drawn horizons: seven sites (or a hundred), quadratic costs, a squared switching cost, a total to be served, min-max
fairness. Each solve runs in a process of its own. A million rounds are measured with EVENHAND_BENCH_LONG=1.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys

import evenhand as eh
from timing import Row, at_least, at_most, seconds

LONG = os.environ.get("EVENHAND_BENCH_LONG") == "1"
PATIENCE = 600.0  # seconds for one solve

#: a horizon of T rounds and n sites, solved twice: by Clarabel if ``general``; prints seconds, MB and the gap
CODE = """
import resource, sys, time
import numpy as np, evenhand as eh
from evenhand.offline import optimum as verbs

def drawn(T, n):
    rng = np.random.default_rng(0)
    upper = rng.uniform(0.5, 2.0, n)
    setting = eh.Setting(T, 2.0, eh.Norm(1.5), np.zeros(n))
    cost, impact = eh.Quadratic(rng.uniform(0.0, 2.0, (T, n)), 0.8), eh.Diagonal(rng.uniform(0.2, 2.0, (T, n)))
    return eh.Problem(setting, cost, impact, eh.Budget(rng.uniform(0.2, 0.9, T) * upper.sum(), upper))

def solved(problem):
    if sys.argv[3] == "ours":
        return eh.optimum(problem)
    return verbs._each(problem, lambda view, *_: verbs.whole(view, general=True), verbs.LIMIT, None)

solved(drawn(20, 3))
start = time.perf_counter()
found = solved(drawn(int(sys.argv[1]), int(sys.argv[2])))
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, float(found.gap))
"""


def rows() -> list[Row]:
    """All rows of long horizons."""
    return [*_windows(), *_growth(), *_sites()]


def _solve(rounds: int, sites: int, by: str = "ours") -> tuple[float, float, float] | None:
    """Seconds with the building of the problem, MB of the whole process, and the proved gap; None without an answer."""
    command = [sys.executable, "-c", CODE, str(rounds), str(sites), by]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout.split()
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    return float(told[0]), float(told[1]), float(told[2])


def _windows() -> list[Row]:
    episodes = eh.load("geo7")
    batch, window = episodes.windows(), episodes.window(0)
    return [
        at_most("OPT of 97 windows of geo7", seconds(lambda: eh.optimum(batch), repeats=5), 0.15),
        at_most("OPT of one of them, 72 rounds", seconds(lambda: eh.optimum(window)), 2e-3),
    ]


def _growth() -> list[Row]:
    found, spent = list[Row](), dict[int, float]()
    for rounds, limit in ((10**4, 0.4), (10**5, 4.0), *(((10**6, 60.0),) if LONG else ())):
        ours = _solve(rounds, 7)
        if ours is None:
            found.append(Row(f"OPT, 7 sites, {rounds:,} rounds", "no answer", f"<= {limit:g} s", False))
            continue
        spent[rounds] = ours[0]
        found.append(at_most(f"OPT, 7 sites, {rounds:,} rounds", ours[0], limit))
        if rounds == 10**6:
            found.append(Row("  memory of that process", f"{ours[1]:,.0f} MB", "<= 12,000 MB", ours[1] <= 12_000.0))
            continue
        peer = _solve(rounds, 7, "general")
        if peer is None:
            found.append(Row("  Clarabel", f"no answer in {PATIENCE:.0f} s", "none", True))
            continue
        found.append(at_least("  against Clarabel on the same program", peer[0] / ours[0], 5.0))
        found.append(at_least("  memory, Clarabel's to ours", peer[1] / ours[1], 3.0))
    if len(spent) > 1:
        (few, first), (many, last) = min(spent.items()), max(spent.items())
        slope = math.log(last / first) / math.log(many / few)
        found.append(Row(f"  growth from {few:,} to {many:,} rounds", f"T^{slope:.2f}", "<= T^1.1", slope <= 1.1))
    return found


def _sites() -> list[Row]:
    found = list[Row]()
    for rounds, limit in ((10**3, 2.0), *(((10**4, 25.0),) if LONG else ())):
        ours = _solve(rounds, 100)
        name = f"OPT, 100 sites, {rounds:,} rounds"
        found.append(at_most(name, ours[0], limit) if ours else Row(name, "no answer", f"<= {limit:g} s", False))
    return found
