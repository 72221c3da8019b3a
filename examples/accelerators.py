"""Training jobs on three kinds of accelerators: what the kinds are worth in each other, and Gavel's max-min.

Throughputs are Gavel's measurements (MIT, (c) 2020 Stanford Future Data Systems; see scenarios/data/PROVENANCE.md).
"""

from __future__ import annotations

import numpy as np

import evenhand as eh
from evenhand.allocation.substitutable import policies
from evenhand.scenarios.shipped import columns_of

Pairs = dict[str, tuple[float, float]]
CAPACITY = {"v100": 4.0, "p100": 4.0, "k80": 8.0}


def models() -> eh.Jobs:
    """One job a model, one worker each, worth its throughput."""
    table = columns_of("gavel_throughputs.csv")
    names = [f"{m} {b}".strip() for m, b in zip(table["model"], table["batch_size"], strict=True)]
    return eh.Jobs(np.array([table[k] for k in CAPACITY], dtype=float).T, names=names, resources=list(CAPACITY))


def main() -> Pairs:
    """(computed, theoretical): what the prices say, and what holds at any max-min."""
    jobs = models()
    fair = eh.allocate(jobs, CAPACITY, fairness=1)
    v100, p100, k80 = fair.prices
    print(f"one V100 is worth {v100 / p100:.2f} P100 and {v100 / k80:.2f} K80, proportionally fair ({fair.status})")
    print(fair.explain("Recommendation 512"))
    level = policies.relative(jobs, CAPACITY)
    best = eh.allocate(level, CAPACITY, fairness=np.inf)
    blind = policies.equal_share(jobs, CAPACITY)
    print(f"everyone gets {best.throughput.min():.3f} times the throughput of an equal share")
    runs = fair.x > 1e-6
    return {
        "largest |marginal − price| / price": (float(np.max(np.abs(fair.marginal / fair.prices - 1.0)[runs])), 0.0),
        "least multiple / largest": (float(best.throughput.min() / best.throughput.max()), 1.0),
        "gain of Σ log over equal share > 0": (
            float(np.sum(np.log(fair.throughput / blind.throughput)) > 0.0), 1.0,
        ),
    }  # fmt: skip


if __name__ == "__main__":
    for name, (computed, theoretical) in main().items():
        print(f"{name:<36} computed {computed:.10g}  theoretical {theoretical:.10g}")
