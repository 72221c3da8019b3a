"""geo7, 97 windows, demand of `code`: what a forecast of demand from outside is worth, perfect or ruined.

Mean total over mean OPT total of AdaptiveFairOBD without a period and with one (having seen the hours before). One
forecast is handed in for the whole window. Run: python benchmarks/forecasts.py
"""

from __future__ import annotations

import numpy as np

import evenhand as eh
from adaptive import week_of
from evenhand.offline.optimum import optimum
from evenhand.planning.history import remember
from evenhand.scenarios.geo7 import Geo7
from evenhand.simulation import tally


def main() -> None:
    week = week_of(Geo7().mu, "code")
    windows, history = week.windows(72), remember(week, 24, range(97))
    best = float(optimum(windows).cost.total.mean())
    total = windows.feasible.total
    told = {
        "perfect": total,
        "shuffled": total[:, np.random.default_rng(0).permutation(72)],
        "reversed": total[:, ::-1],
        "zero": 0.0 * total,
        "ten times too large": 10.0 * total,
    }
    print("| forecast | without a period | period 24, hours before |\n|---|---|---|")
    for name, demand in told.items():
        said = eh.Forecast(0, feasible=eh.Budget(demand, windows.feasible.upper, equal=False))
        policies = (
            eh.AdaptiveFairOBD(forecasts=(said,)),
            eh.AdaptiveFairOBD(period=24, history=history, forecasts=(said,)),
        )
        ratios = [float(tally(windows, policy).cost.total.mean()) / best for policy in policies]
        print(f"| {name} | {ratios[0]:.4f} | {ratios[1]:.4f} |", flush=True)


if __name__ == "__main__":
    main()
