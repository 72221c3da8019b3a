"""geo7, 97 windows: mean total over mean OPT total of the adaptive policies beside FairOBD's grid, at three mu.

`hold` and `steps` were chosen on even windows of `code`; the kind of forecast was compared on all of them, and
neighbouring windows share 71 of 72 hours, so odd windows are a weak check. The second table is a real one: the demand
of the service `conversation` over the same week, on which nothing was chosen. `cold`: the daily pattern is learned in
the window alone; `warm`: the hours of the week before the window were seen too. Run: python benchmarks/adaptive.py
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from evenhand.core import Problem
from evenhand.offline.optimum import optimum
from evenhand.planning.history import remember
from evenhand.policies.adaptive import AdaptiveFairOBD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.receding import RecedingHorizon
from evenhand.scenarios.geo7 import Geo7
from evenhand.scenarios.shipped import columns_of
from evenhand.sets import Budget
from evenhand.simulation import simulate

GRID = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4)
TARGETS = {1.0: (1.022, 1.012), 0.5: (1.016, None), 2.0: (1.034, None)}


def week_of(mu: float, service: str) -> Problem:
    week = Geo7(mu=mu).problem()
    trace = columns_of("azure_llm_2024_requests.csv")
    kept = [float(r) for r, s in zip(trace["requests"], trace["service"], strict=True) if s == service]
    demand = np.array(kept)
    upper = np.full(week.setting.initial.shape[0], Geo7().capacity)
    return replace(week, feasible=Budget(demand / demand.max() * upper.sum(), upper))


def main() -> None:
    for service in ("code", "conversation"):
        print(f"\ndemand of `{service}`")
        print(f"{'mu':>5} {'policy':<34} {'all':>7} {'even':>7} {'odd':>7} {'s':>6}")
        table(service)


def table(service: str) -> None:
    for factor, (blind, seeing) in TARGETS.items():
        week = week_of(factor * Geo7().mu, service)
        windows = week.windows(72)
        best = optimum(windows).cost.total
        history = remember(week, 24, range(97))
        policies = {
            "AdaptiveFairOBD, no forecast": AdaptiveFairOBD(),
            "AdaptiveFairOBD(period=24), cold": AdaptiveFairOBD(period=24),
            "AdaptiveFairOBD(period=24), warm": AdaptiveFairOBD(period=24, history=history),
            "RecedingHorizon, warm": RecedingHorizon(history=history),
            "RecedingHorizon(prudent), warm": RecedingHorizon(history=history, prudent=True),
        }
        grid = {eta: simulate(windows, FairOBD(eta=eta)).cost.total for eta in GRID}
        order = sorted(GRID, key=lambda eta: float(np.mean(grid[eta])))
        rows = [
            (f"FairOBD, {name} eta {eta:g}", grid[eta], 0.0) for name, eta in (("best", order[0]), ("worst", order[-1]))
        ]
        for name, policy in policies.items():
            start = time.perf_counter()
            rows.append((name, simulate(windows, policy).cost.total, time.perf_counter() - start))
        for name, total, seconds in rows:
            part = [
                float(total[s].mean() / best[s].mean()) for s in (slice(None), slice(0, None, 2), slice(1, None, 2))
            ]
            print(f"{factor:>4g}x {name:<34} {part[0]:7.4f} {part[1]:7.4f} {part[2]:7.4f} {seconds:6.1f}", flush=True)
        if service == "code":
            print(f"      target: no forecast {blind:g}, forecast {seeing or 'none set'}")


if __name__ == "__main__":
    main()
