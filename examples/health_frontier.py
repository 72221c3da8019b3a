"""The health frontier: what fairness costs, at every weight.

The same 72 hours are solved and played at eight weights of fairness. Each point is what serving and moving
cost against the health cost of the most affected region; online policies are judged by how near they stay to
the frontier of whoever knows all hours.
"""

from pathlib import Path

from matplotlib.figure import Figure

import evenhand as eh

# %% Eight weights, from none to four times the scenario's.
WEIGHTS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 4.0)
POLICIES = {"FairOBD": eh.FairOBD(), "AdaptiveFairOBD": eh.AdaptiveFairOBD()}
points: dict[str, list[tuple[float, float]]] = {"OPT": [], **{label: [] for label in POLICIES}}
for weight in WEIGHTS:
    problem = eh.load("geo7", mu=weight * 10 / 3).window(0)
    runs = {"OPT": eh.optimum(problem).trajectory}
    runs |= {label: eh.simulate(problem, policy) for label, policy in POLICIES.items()}
    for label, run in runs.items():
        points[label].append((float(run.mean_burden.max()), float(run.cost.hitting + run.cost.switching)))

# %% The table: worst region's burden, then serving and moving.
print("weight  " + "".join(f"{label:>20}" for label in points))
for k, weight in enumerate(WEIGHTS):
    print(f"{weight:<8g}" + "".join(f"{bore:11.2f}{paid:9.2f}" for bore, paid in (rows[k] for rows in points.values())))

# %% The frontier.
figure = Figure(figsize=(7.0, 3.8), layout="constrained")
axes = figure.subplots()
for (label, rows), mark in zip(points.items(), "os^", strict=True):
    axes.plot(*zip(*rows, strict=True), marker=mark, label=label, linewidth=2.2 if label == "OPT" else 1.2)
axes.set_xlabel("health cost of the most affected region ($ an hour)")
axes.set_ylabel("serving and moving ($ an hour)")
axes.legend(frameon=False)
axes.grid(alpha=0.3)
Path("out/examples").mkdir(parents=True, exist_ok=True)
figure.savefig("out/examples/health_frontier.png", dpi=100)
