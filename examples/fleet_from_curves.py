"""A fleet from measured curves: fit what more compute is worth to each model, then split a budget.

Accuracy of three early-exit networks by exit (examples/data/exits.csv). The curve of each is fitted, the
family chosen by AIC.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import evenhand as eh

# %% Fit one curve a model.
table = pd.read_csv(Path("examples/data/exits.csv"))
fits = eh.fit_groups(table["resource_value"], table["accuracy"], table["model"])
fleet = eh.fleet_of(fits)

# %% Split budgets of several sizes; every split is certified.
names = list(fits)
print(f"{'budget':<7}" + "".join(f"{name:>12}" for name in names) + f"{'price':>9}  status")
budgets = (6.0, 9.0, 12.0, 18.0, 24.0)
answers = [eh.allocate(fleet, budget) for budget in budgets]
for budget, answer in zip(budgets, answers, strict=True):
    print(f"{budget:<7g}" + "".join(f"{x:12.3f}" for x in answer.x) + f"{float(answer.price):9.4f}  {answer.status}")

# %% The points, the curves, and where a budget of 12 puts each model.
figure = Figure(figsize=(7.0, 3.6), layout="constrained")
axes = figure.subplots()
grid = np.linspace(1.0, 10.0, 100)
for k, name in enumerate(names):
    points = table[table["model"] == name]
    (line,) = axes.plot(grid, [fleet.utility.take([k]).value(np.array([r]))[0] for r in grid], label=name)
    axes.plot(points["resource_value"], points["accuracy"], ".", color=line.get_color())
    axes.plot(answers[2].x[k], answers[2].utility[k], "o", color=line.get_color(), markersize=9)
axes.set_xlabel("exit (compute)")
axes.set_ylabel("accuracy")
axes.legend(frameon=False)
Path("out/examples").mkdir(parents=True, exist_ok=True)
figure.savefig("out/examples/fleet_from_curves.png", dpi=100)
