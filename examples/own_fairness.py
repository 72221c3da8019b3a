"""A fairness cost of your own: the gap between the most and the least burdened, in one line of CVXPY.

OPT, policies and certificates take it as they take their own. And it warns: a gap can also be closed by
burdening whoever had least.
"""

from dataclasses import replace
from pathlib import Path

import cvxpy as cp
import numpy as np
from matplotlib.figure import Figure

import evenhand as eh

# %% g(y) = mu (largest - least); convex and Lipschitz is all that is asked for.
mu = 10 / 3
gap = eh.ConvexFairness(lambda y, data: data[0] * (cp.max(y) - cp.min(y)), 7, np.array([mu]))

# %% Three days under each cost: the scenario's (the worst alone) and ours.
day = eh.load("geo7").window(0)
problems = {"worst": day, "gap": replace(day, setting=replace(day.setting, fairness=gap))}
optima = {label: eh.optimum(problem) for label, problem in problems.items()}
print(f"{'fair by':<8} {'total':>8} {'most':>7} {'least':>7}  OPT proved   FairOBD at most above it")
for label, problem in problems.items():
    best, run = optima[label], eh.simulate(problem, eh.FairOBD(eta=1.0, domain="ball"))
    burden = best.trajectory.mean_burden
    above = 100.0 * eh.lower_bound(problem).excess(run.cost.total)
    bears = f"{burden.max():7.3f} {burden.min():7.3f}"
    print(f"{label:<8} {best.cost.total:8.2f} {bears}  {best.gap < 1e-6!s:<10}  {above:6.2f} %")

# %% Who bears what under each.
figure = Figure(figsize=(7.0, 3.2), layout="constrained")
axes = figure.subplots()
for k, (label, best) in enumerate(optima.items()):
    axes.bar(np.arange(7) + 0.38 * (k - 0.5), best.trajectory.mean_burden, width=0.38, label=f"fair by {label}")
axes.set_xticks(range(7), day.setting.entities)
axes.set_ylabel("health cost ($ an hour)")
axes.legend(frameon=False)
Path("out/examples").mkdir(parents=True, exist_ok=True)
figure.savefig("out/examples/own_fairness.png", dpi=100)
