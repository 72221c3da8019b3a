"""geo7, 97 windows: mean total over mean OPT total of the adaptive policies beside FairOBD's grid, at three mu.

Settings were chosen on even windows; odd ones are shown as well. `cold`: the daily pattern is learned in the window
alone; `warm`: the hours of the week before the window were seen too. Run: python benchmarks/adaptive.py
"""

from __future__ import annotations

import time

import numpy as np

from evenhand.offline.optimum import optimum
from evenhand.policies.adaptive import AdaptiveFairOBD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.forecast import remember
from evenhand.policies.receding import RecedingHorizon
from evenhand.scenarios.geo7 import Geo7
from evenhand.simulate import simulate

GRID = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4)
TARGETS = {1.0: (1.022, 1.012), 0.5: (1.016, np.nan), 2.0: (1.034, np.nan)}


def main() -> None:
    print(f"{'mu':>5} {'policy':<34} {'all':>7} {'even':>7} {'odd':>7} {'s':>6}")
    for factor, (blind, seeing) in TARGETS.items():
        week = Geo7(mu=factor * Geo7().mu).problem()
        windows = week.windows(72)
        best = optimum(windows).cost.total
        memory = remember(week, 24, range(97))
        policies = {
            "AdaptiveFairOBD, no forecast": AdaptiveFairOBD(),
            "AdaptiveFairOBD(period=24), cold": AdaptiveFairOBD(period=24),
            "AdaptiveFairOBD(period=24), warm": AdaptiveFairOBD(period=24, memory=memory),
            "RecedingHorizon, warm": RecedingHorizon(memory=memory),
            "RecedingHorizon(prudent), warm": RecedingHorizon(memory=memory, prudent=True),
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
        print(f"      target: no forecast {blind:g}, forecast {seeing:g}")


if __name__ == "__main__":
    main()
