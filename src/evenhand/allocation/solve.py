"""The public verb: `allocate(fleet, capacity, fairness)` chooses the solver by the structure of the
problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.answer import Allocation
from evenhand.allocation.certificate import concave, fitting_prices
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.objective import between, level_of, log_gradient, objective, reference, unit_for
from evenhand.allocation.one.fill import solve
from evenhand.allocation.one.max_min import max_min
from evenhand.allocation.substitutable.answer import JobsAllocation
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.columns import numbers
from evenhand.errors import ParameterError, expect, listed, shown
from evenhand.utilities.cobb_douglas import CobbDouglas

__all__ = ["allocate", "sweep"]

Array = NDArray[np.float64]
#: a level of the joint solver over the one before, where it is approached through lower ones
LADDER = 1.5


@overload
def allocate(
    fleet: Fleet,
    capacity: float | Mapping[str, float] | Any,
    fairness: float = 0.0,
    start: Allocation | Mapping[str, float] | None = None,
) -> Allocation: ...


@overload
def allocate(
    fleet: Jobs,
    capacity: float | Mapping[str, float] | Any,
    fairness: float = 0.0,
    start: Allocation | Mapping[str, float] | None = None,
) -> JobsAllocation: ...


def allocate(
    fleet: Fleet | Jobs,
    capacity: float | Mapping[str, float] | Any,
    fairness: float = 0.0,
    start: Allocation | Mapping[str, float] | None = None,
) -> Allocation | JobsAllocation:
    """Share the capacity so that Σ w_i φ_α(U_i) is largest, α = fairness (`spec/allocation.md §1–§4`).

    capacity: a number, K numbers, or a value for each resource by name. fairness: 0 is the sum of utilities,
    1 proportional, inf max-min. start: an earlier answer of a similar problem, or its prices by resource,
    tried first; agents may have come and gone, prices of other resources are left out.

    One resource: exact water-filling, to rounding. Several (Cobb-Douglas): the joint dual solver where the
    problem is concave, (1 − α) Σγ ≤ 1, else alternate convex search with several starts, whose answer is
    `bounded`: no allocation is better by more than so many per cent (`spec/allocation.md §10`). Substitutable (`Jobs`,
    §11): prices of the kinds, by sampling and refining. Raises ProblemError,
    InfeasibleError, ParameterError (bad input), SolverError (no answer of the promised accuracy).
    """
    expect("fleet", fleet, (Fleet, Jobs), "a Fleet, such as Fleet(Power([0.3, 0.6])), or Jobs")
    level = level_of(fairness)
    if isinstance(fleet, Jobs):
        from evenhand.allocation.substitutable.solve import allocate_jobs

        return allocate_jobs(fleet, fleet.capacities(capacity), level)
    c = fleet.capacities(capacity)
    utility = fleet.utility
    if isinstance(utility, CobbDouglas):
        return _several(fleet, utility, c, level, start)
    if level == np.inf:
        x, steps = max_min(fleet, utility, float(c[0]))
        return Allocation(fleet, c, x, np.full(1, np.nan), level, "max-min level", steps)
    tried = _start_prices(fleet, start, level)
    aim: Any = objective(fleet, level)
    x, log_price, passes = solve(fleet, aim, float(c[0]), None if tried is None else float(tried[0]))
    return _priced(fleet, c, x, np.full(1, log_price), level, "water-filling", passes)


def _priced(fleet: Fleet, c: Array, x: Array, log_prices: Array, level: float, method: str, steps: int) -> Allocation:
    """The answer with its prices, in a unit of U in which they fit into floats."""
    unit = unit_for(fleet, x, log_prices, level)
    with np.errstate(over="ignore", under="ignore"):
        prices = np.exp(log_prices + (level - 1.0) * np.log(unit)) if unit != 1.0 else np.exp(log_prices)
    return Allocation(fleet, c, x, prices, level, method, steps, unit)


def sweep(
    fleet: Fleet | Jobs,
    capacity: float | Mapping[str, float] | Any,
    levels: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 5.0),
) -> list[Allocation] | list[JobsAllocation]:
    """One answer a fairness level: how the least, mean and most advantaged agent fare from α = 0 on (§4).

    `answer.fairness` of each has lowest, mean and highest utility.
    """
    listing = listed("levels", levels, "fairness levels in a list, such as [0.0, 1.0, 2.0]")
    if isinstance(fleet, Jobs):
        return [allocate(fleet, capacity, level) for level in listing]
    return [allocate(fleet, capacity, level) for level in listing]


def _start_prices(fleet: Fleet, start: Allocation | Mapping[str, float] | None, level: float) -> Array | None:
    """Logs of positive, finite prices (K,) to start from, or None where the start does not have them all."""
    if start is None:
        return None
    expect("start", start, (Allocation, Mapping), "an earlier answer, or its prices by resource")
    given = dict(zip(start.fleet.resources, start.prices, strict=True)) if isinstance(start, Allocation) else start
    if fleet.k == 1 and len(given) == 1:  # one resource, whatever it was called
        given = dict(zip(fleet.resources, given.values(), strict=True))
    prices = numbers("start", [given.get(name, np.nan) for name in fleet.resources])
    if prices.shape != (fleet.k,):
        raise ParameterError(f"start = {shown(start)}: give a number for each resource")
    if not np.all((prices > 0.0) & (prices < np.inf)):
        return None
    other = start.unit if isinstance(start, Allocation) and start.unit != 1.0 else 1.0
    return np.log(prices) + (1.0 - level) * np.log(other)


def _several(
    fleet: Fleet, utility: CobbDouglas, c: Array, level: float, start: Allocation | Mapping[str, float] | None
) -> Allocation:
    if level == np.inf:
        raise ParameterError(
            "fairness = inf (max-min) is offered for one resource; for several give a finite level such as 20"
        )
    if concave(fleet, c, level):
        return _joint(fleet, utility, c, level, _start_prices(fleet, start, level))
    from evenhand.allocation.several import bound

    arguments = (fleet.weight, fleet.onboard, utility.exponents, fleet.lower, fleet.upper, c, level)
    answer = bound.solve(*arguments, scale=utility.scale)
    x, sweeps = answer.found.x, answer.found.sweeps
    prices, unit = fitting_prices(fleet, x, level)
    bounding = answer.prices * unit ** (level - 1.0)
    return Allocation(fleet, c, x, prices, level, "alternate convex search", sweeps, unit, bounding)


def _joint(fleet: Fleet, utility: CobbDouglas, c: Array, level: float, tried: Array | None) -> Allocation:
    """The joint dual solver, in a unit of U near the answer's; to high levels by way of lower ones.

    At level α a utility counts with its power 1 − α: from level 8 on a guess of U that is off by half makes prices
    that are off by orders of magnitude, so each level gives the unit and the first prices of the next.
    """
    from evenhand.allocation.several import joint

    levels = [a for a in (8.0 * LADDER**j for j in range(200)) if a < level] if level > 8.0 and tried is None else []
    x, steps = np.clip(c / fleet.n, fleet.lower, fleet.upper), 0
    found: joint.JointResult | None = None
    unit = 1.0
    for at in [*levels, level]:
        if found is not None or level > 1.0:
            unit = reference(fleet, x, at)
        scale = np.asarray(utility.scale) / unit
        logs = _fitting_logs(fleet, x, at) if found is not None else tried
        near = None if logs is None else np.exp(np.clip(logs + (at - 1.0) * np.log(unit), -600.0, 600.0))
        arguments = (fleet.weight, fleet.onboard, utility.exponents, fleet.lower, fleet.upper, c, at)
        found = joint.solve(*arguments, start_prices=near, scale=scale, tol=1e-6 if at <= 8.0 else 1e-8)
        x, steps = found.x, steps + int(found.iterations)
    assert found is not None
    with np.errstate(divide="ignore"):
        logs = np.log(np.asarray(found.prices)) + (1.0 - level) * np.log(unit)
    return _priced(fleet, c, x, logs, level, "joint dual", steps)


def _fitting_logs(fleet: Fleet, x: Array, level: float) -> Array | None:
    """Logs of prices that fit shares, from the marginals of agents inside their bounds; None where there are none."""
    log_m = log_gradient(fleet, x, level)
    inside = between(fleet, x) & np.isfinite(log_m)
    if not np.all(np.any(inside, axis=0)):
        return None
    return np.array([np.median(log_m[inside[:, k], k]) for k in range(fleet.k)])
