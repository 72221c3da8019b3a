"""Real tenants against scheduler rules: the clients of an LLM service share a cluster of 0.7 of their mean demand.

336 hours of ServeGen; fairness remembers with a half-life of a day. What schedulers do looks at demand and
quotas alone.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import evenhand as eh

# %% Demand is real; capacity, quotas and prices are ours.
problem = eh.load("clients", trace="msmall", memory=eh.HalfLife(24)).window(0)
best = eh.optimum(problem)
policies = {
    "AdaptiveFairOBD": eh.AdaptiveFairOBD(),
    "FairOBD": eh.FairOBD(),
    "ProportionalShare": eh.ProportionalShare(),
    "HalfLifeFairShare": eh.HalfLifeFairShare(),
    "RateLimitedFairShare": eh.RateLimitedFairShare(),
}
runs = {"OPT": best.trajectory} | {label: eh.simulate(problem, policy) for label, policy in policies.items()}

# %% Cost beside the best, unfairness, and how much of the cluster changes hands in an hour.
print(f"{'policy':<21} {'ratio':>7} {'fairness':>9} {'moved':>8}")
for label, run in runs.items():
    moves = np.abs(np.diff(run.actions, axis=-2)).sum(axis=-1) / 2
    moved = 100.0 * moves.mean() / run.actions.sum(axis=-1).mean()
    print(f"{label:<21} {run.cost.total / best.cost.total:7.4f} {run.cost.fairness:9.2f} {moved:6.2f} %")

# %% Each client's share of its quota over the two weeks.
figure = Figure(figsize=(7.6, 3.4), layout="constrained")
axes = figure.subplots()
clients = problem.setting.entities
for label, mark in zip(("AdaptiveFairOBD", "ProportionalShare", "HalfLifeFairShare"), "os^", strict=True):
    received = -10.0 * runs[label].mean_burden  # burdens count what is received, negative, in tenths of the quota
    axes.plot(range(len(clients)), received, mark, label=label)
axes.axhline(100.0, color="0.6", linewidth=1)
axes.set_xticks(range(len(clients)), [name[:9] for name in clients], rotation=45, ha="right", fontsize=8)
axes.set_ylabel("received, % of quota")
axes.legend(frameon=False, fontsize=8)
Path("out/examples").mkdir(parents=True, exist_ok=True)
figure.savefig("out/examples/real_tenants.png", dpi=100)
