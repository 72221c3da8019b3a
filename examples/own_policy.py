"""A policy of your own: one file with three methods, checked by the public checks and compared.

The policy is examples/spare_the_worst.py; `evenhand new policy my_policy.py` writes a longer, commented one
to start from.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import evenhand as eh
from evenhand.checks import check_policy
from evenhand.registry import load_plugin

# %% Load it as `--plugin` does. A broken promise would be an error that says which, and how to mend it.
SpareTheWorst = load_plugin("examples/spare_the_worst.py").SpareTheWorst
problem = eh.load("geo7").window(0)
check_policy(SpareTheWorst(), problem)

# %% Its place among the others.
best = eh.optimum(problem).cost.total
rivals = {"Greedy": eh.Greedy(), "SpareTheWorst": SpareTheWorst(), "FairOBD": eh.FairOBD()}
runs = {label: eh.simulate(problem, policy) for label, policy in rivals.items()}
print(f"{'policy':<15} {'ratio':>7}")
for label, run in runs.items():
    print(f"{label:<15} {run.cost.total / best:7.4f}")

# %% The largest mean burden so far, round by round.
figure = Figure(figsize=(7.0, 3.2), layout="constrained")
axes = figure.subplots()
for label, run in runs.items():
    so_far = np.cumsum(run.burdens, axis=0) / np.arange(1, problem.horizon + 1)[:, None]
    axes.plot(so_far.max(axis=-1), label=label)
axes.set_xlabel("hour")
axes.set_ylabel("most borne so far ($ an hour)")
axes.legend(frameon=False)
Path("out/examples").mkdir(parents=True, exist_ok=True)
figure.savefig("out/examples/own_policy.png", dpi=100)
