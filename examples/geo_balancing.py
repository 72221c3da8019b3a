"""Geo load balancing: a week of AI inference over seven data centres.

Electricity is the hitting cost, moved capacity the switching cost, the health cost of the most affected
region the fairness cost. Four windows of 72 hours are played at once: leading axes are windows.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import evenhand as eh

# %% Load the week, play three policies, solve for the best in hindsight.
week = eh.load("geo7")
windows = [0, 24, 48, 72]
policies = {"HITMIN": eh.HitMin(), "FairOBD": eh.FairOBD(), "AdaptiveFairOBD": eh.AdaptiveFairOBD()}
result = eh.compare(week, policies, windows=windows)

# %% What each pays, mean over the windows, and who bears most.
print(f"{'policy':<16} {'hitting':>8} {'switching':>9} {'fairness':>8} {'ratio':>7}  bears most")
for row in result.rows:
    if row.policy == "FairOPT":
        continue
    burden = result.trajectories[row.policy].mean_burden.mean(axis=0)
    worst = week.problem.setting.entities[int(np.argmax(burden))]
    parts = f"{row.hitting:8.2f} {row.switching:9.2f} {row.fairness:8.2f} {row.ratio:7.4f}"
    print(f"{row.policy:<16} {parts}  {worst} {burden.max():.2f}")

# %% The burden of every site, $ of health cost an hour: the cheapest split sacrifices a region.
figure = Figure(figsize=(7.6, 3.4), layout="constrained")
axes = figure.subplots()
sites, shown = week.problem.setting.entities, ("HITMIN", "FairOBD", "AdaptiveFairOBD", "OPT")
for k, label in enumerate(shown):
    burden = result.trajectories[label].mean_burden.mean(axis=0)
    axes.bar(np.arange(len(sites)) + 0.2 * (k - 1.5), burden, width=0.2, label=label)
axes.set_xticks(range(len(sites)), sites)
axes.set_ylabel("health cost ($ an hour)")
axes.legend(frameon=False, ncols=4, fontsize=8)
Path("out/examples").mkdir(parents=True, exist_ok=True)
figure.savefig("out/examples/geo_balancing.png", dpi=100)
