"""Carbon and water: ten sites on three continents, two kinds of burden at once.

Data and experiment of Li, Yang, Wierman, Ren (e-Energy 2024), 72 hours of it. Each kind of burden is judged
at its most burdened site.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import evenhand as eh

# %% One window; a multiplied price (entropy) suits burdens of different size.
problem = eh.load("geo10").window(0)
best = eh.optimum(problem)
policies = {
    "HITMIN": eh.HitMin(),
    "FairOBD, entropy": eh.FairOBD(eta=0.1, mirror=eh.Entropy(), domain="ball"),
    "AdaptiveFairOBD": eh.AdaptiveFairOBD(),
}
runs = {label: eh.simulate(problem, policy) for label, policy in policies.items()} | {"OPT": best.trajectory}

# %% Electricity, and the worst site of each kind.
sites = problem.setting.actions
print(f"{'policy':<17} {'electricity':>11} {'ratio':>7}  most carbon (t)     most water (m3)")
for label, run in runs.items():
    carbon, water = np.split(run.mean_burden, 2)
    worst = f"{sites[carbon.argmax()]:<11} {carbon.max():6.3f}  {sites[water.argmax()]:<11} {water.max():6.3f}"
    print(f"{label:<17} {run.cost.hitting:11.2f} {run.cost.total / best.cost.total:7.4f}  {worst}")

# %% Both burdens, site by site.
figure = Figure(figsize=(7.6, 4.6), layout="constrained")
for axes, kind, at in zip(figure.subplots(2, 1, sharex=True), ("carbon (t)", "water (m³)"), (0, 1), strict=True):
    for k, (label, run) in enumerate(runs.items()):
        burden = np.split(run.mean_burden, 2)[at]
        axes.bar(np.arange(len(sites)) + 0.2 * (k - 1.5), burden, width=0.2, label=label)
    axes.set_ylabel(f"{kind} an hour")
    axes.set_xticks(range(len(sites)), sites, fontsize=8)
figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", frameon=False, ncols=4)
Path("out/examples").mkdir(parents=True, exist_ok=True)
figure.savefig("out/examples/carbon_water.png", dpi=100)
