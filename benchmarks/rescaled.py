"""2,000 rescaled problems: actions and money counted in 10^-9 ... 10^9 of their units, and OPT stays where it is.

All sets and fairness costs, prices and limits of moves, without switching cost, without curvature, degenerate rounds.
Prints what failed, the largest gap and the largest change of the optimum. Run: python benchmarks/rescaled.py [count]
"""

from __future__ import annotations

import sys
import time

import numpy as np

import evenhand as eh
from evenhand.errors import EvenhandError
from evenhand.offline.units import rescaled
from evenhand.units import Units

SCALES = tuple(10.0**k for k in (-9, -6, -3, 3, 6, 9))


def drawn(seed: int) -> eh.Problem:
    """A horizon that has a solution."""
    rng = np.random.default_rng(seed)
    T, n = int(rng.integers(1, 9)), int(rng.integers(1, 5))
    curved = rng.integers(0, 2)
    cost = eh.Quadratic(2.0 * rng.normal(size=(T, n)), curved * rng.uniform(0.1, 2.0, (T, n)))
    upper = rng.uniform(0.5, 3.0, (T, n))
    share = rng.choice([0.0, 0.3, 0.9, 1.0], size=T)
    total = share * upper.sum(axis=1)
    rows = rng.uniform(0.0, 1.0, (T, 2, n))
    feasible = (
        eh.Box(np.zeros((T, n)), upper),
        eh.Budget(total, upper),
        eh.Budget(total + 0.1, upper, equal=False),
        eh.Budget(rng.uniform(0.5, 3.0, T), np.full(n, np.inf)),
        eh.Polytope(rows, np.full((T, 2), -np.inf), rng.uniform(0.3, 1.0, (T, 2)), np.zeros((T, n)), upper),
    )[rng.integers(0, 5)]
    fairness = (
        eh.Norm(1.0),
        eh.Norm(2.0, p=1),
        eh.Norm(1.5, p=2),
        eh.Norm(0.7, weights=rng.uniform(0.5, 2.0, n)),
        eh.Target(1.0, np.full(n, 0.5)),
        eh.Target(1.0, np.full(n, 0.5), p=2),
        eh.Shortfall(3.0, np.full(n, 0.2)),
    )[rng.integers(0, 7)]
    switching = (
        eh.Squared(1.0),
        eh.Squared(0.0),
        eh.Linear(0.5),
        eh.RampUp(1.0),
        eh.Sum(eh.Squared(0.5), eh.RampUp(0.3)),
    )[rng.integers(0, 5)]
    setting = eh.Setting(T, switching=switching, fairness=fairness, initial=np.zeros(n))
    return eh.Problem(setting, cost, eh.Diagonal(rng.uniform(0.1, 2.0, (T, n))), feasible)


def main(count: int) -> None:
    """One line at the end; one for every failure."""
    start, failed, gaps, changes = time.perf_counter(), 0, [0.0], [0.0]
    for seed in range(count):
        problem, rng = drawn(seed // 4), np.random.default_rng(seed)
        action, money = rng.choice([1.0, *SCALES]), rng.choice(SCALES)
        try:
            expected = eh.optimum(problem)
            found = eh.optimum(rescaled(problem, Units(action, money, np.full(problem.impact.entities, action))))
        except EvenhandError as error:
            failed += 1
            print(f"{seed}: {type(problem.feasible).__name__}, {action:g}, {money:g}: {error}")
            continue
        size = abs(float(expected.cost.total)) + float(expected.least)
        gaps.append(float(max(abs(found.gap), abs(expected.gap))))
        changes.append(abs(float(found.cost.total) * money - float(expected.cost.total)) / size)
        if gaps[-1] > 1e-8 or changes[-1] > 1e-7:
            failed += 1
            print(
                f"{seed}: {problem.feasible!r:.60}, {action:g}, {money:g}: gap {gaps[-1]:.1e}, change {changes[-1]:.1e}"
            )
    spent = time.perf_counter() - start
    print(f"{count} problems, {failed} failed; gap <= {max(gaps):.1e}, change <= {max(changes):.1e}; {spent:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
