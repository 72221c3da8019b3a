"""One resource: the fleet's columns and the compiled water-filling (`spec/allocation.md §3`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import Fleet, compact
from evenhand.allocation.objective import log_gradient
from evenhand.errors import InfeasibleError, SolverError
from evenhand.kernels.allocate import fill
from evenhand.kernels.response import GIVEN, Columns
from evenhand.utilities.base import Utility, columns_of
from evenhand.utilities.fair import Fair

__all__ = ["solve"]

Array = NDArray[np.float64]
_SAMPLE = 2048


def solve(fleet: Fleet, utility: Utility, capacity: float, start: float | None = None) -> tuple[Array, float, int]:
    """Shares (n,), log-price and passes of the exact optimum. utility: the fleet's own or its fairness transform.

    The log-price is −∞ where capacity is left over. start: a log-price near the answer's (warm start). Raises
    InfeasibleError if a fairness transform needs more than the capacity to bring every agent into its domain,
    SolverError if Σ x misses the capacity.
    """
    n, level = fleet.n, utility.alpha if isinstance(utility, Fair) else 0.0
    weight = compact(fleet.weight)
    with np.errstate(divide="ignore"):
        log_weight = np.zeros(1) if weight.size == 1 and weight[0] == 1.0 else np.log(weight)
    columns, given = _columns(utility, n, log_weight)
    onboard, lower, upper = compact(fleet.onboard), compact(fleet.lower), compact(fleet.upper)
    guess = np.nan if start is None else start
    if not np.isfinite(guess):
        guess = _guess(fleet, utility, columns, capacity, sample=n > 4 * _SAMPLE and given is None)
    answer = fill(columns, onboard, lower, upper, n, capacity, float(guess), given)
    if not answer.feasible:
        raise InfeasibleError(
            f"the fairness level needs {answer.least!r} of the resource to give every agent a utility >= 0, "
            f"above the capacity {capacity!r}; raise the capacity, the onboard resource, or use fairness 0"
        )
    if answer.log_price == np.inf:
        return answer.x, _first_unit(fleet, answer.x, level), answer.passes
    if answer.log_price > -np.inf:
        total = float(np.sum(answer.x))
        if not abs(total - capacity) <= 1e-12 * max(capacity, abs(total)) * max(1.0, np.sqrt(n) * 1e-2):
            raise SolverError(
                f"water-filling stopped after {answer.passes} passes with total {total!r} of {capacity!r}"
            )
    return answer.x, answer.log_price, answer.passes


def _columns(utility: Utility, n: int, log_weight: Array) -> tuple[Columns, Callable[[float], Array] | None]:
    columns = columns_of(utility, log_weight, 0.0)
    mine = columns.code == GIVEN
    if not np.any(mine):
        return columns, None
    index = np.flatnonzero(np.broadcast_to(mine, (n,)))
    numbers = np.array(np.broadcast_to(columns.p0, (n,)))
    numbers[index] = np.arange(index.size)
    own = utility.take(index)
    log_w = np.broadcast_to(log_weight, (n,))[index]

    def given(t: float) -> Array:
        """Rows: response, −slope in t, response at infinite price, at vanishing price."""
        with np.errstate(all="ignore"):
            wanted = own.log_demand(t - log_w) if isinstance(own, Fair) else own.demand(np.exp(t - log_w))
            r = np.broadcast_to(wanted, index.shape).copy()
            r[log_w == -np.inf] = 0.0
            bend = own.log_slope(r) if isinstance(own, Fair) else own.curvature(r) / own.marginal(r)
            slope = np.abs(1.0 / bend)
        slope = np.where(np.isfinite(slope) & (r > 0.0), slope, 0.0)
        return np.stack([r, slope, np.zeros(r.shape), np.where(log_w > -np.inf, np.inf, 0.0)])

    return columns._replace(p0=numbers), given


def _guess(fleet: Fleet, utility: Utility, columns: Columns, capacity: float, sample: bool) -> float:
    """A first log-price: from the marginals at the equal split, for a large fleet those of an even sample,
    whose own small problem is then solved (about 1 % off, so that the fleet itself needs four passes)."""
    n = fleet.n
    pick = slice(None, None, n // _SAMPLE if sample else 1)
    if sample and not np.any(fleet.weight[pick] > 0.0):
        pick, sample = slice(None), False
    split = np.clip(capacity / n, fleet.lower[pick], fleet.upper[pick])
    seen = utility if utility.n is None or not sample else utility.take(pick)
    with np.errstate(all="ignore"):
        r = fleet.onboard[pick] + split
        own = seen.log_marginal(r) if isinstance(seen, Fair) else np.log(seen.marginal(r))
        t = np.log(fleet.weight[pick]) + own
    t = t[np.isfinite(t)]
    first = float(np.mean(t)) if t.size else 0.0
    if not sample:
        return first

    def some(a: Any) -> Any:
        return a[pick] if a.size > 1 else a

    parameters = {name: some(getattr(columns, name)) for name in ("code", "p0", "p1", "p2", "p3")}
    part = columns._replace(**parameters)
    bounds = [some(compact(a)) for a in (fleet.onboard, fleet.lower, fleet.upper)]
    count = len(range(*pick.indices(n)))
    tried = fill(part, bounds[0], bounds[1], bounds[2], count, capacity * count / n, first, threads=1)
    return tried.log_price if np.isfinite(tried.log_price) else first


def _first_unit(fleet: Fleet, x: Array, level: float) -> float:
    """The log-price where nothing is left to give: the best marginal among agents who could take more."""
    log_m = log_gradient(fleet, x, level)[:, 0]
    return float(np.max(log_m[x < fleet.upper], initial=-np.inf))
