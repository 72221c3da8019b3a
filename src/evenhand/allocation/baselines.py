"""Rules of thumb to compare with (`spec/allocation.md §6`): uniform, random, proportional, max-min level,
DRF.

Every rule respects the bounds: what an upper bound cuts off is divided again among the others by the same
rule, and the whole capacity is given away if the rule and the bounds allow it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.answer import Allocation
from evenhand.allocation.certificate import fitting_prices
from evenhand.allocation.fleet import Fleet
from evenhand.errors import ParameterError, ProblemError, SolverError
from evenhand.kernels.allocate import fill
from evenhand.kernels.response import exponential_columns
from evenhand.utilities.cobb_douglas import CobbDouglas

__all__ = ["BASELINES", "dominant_resource", "max_min_level", "proportional", "random", "uniform"]

Array = NDArray[np.float64]


def uniform(fleet: Fleet, capacity: Any, fairness: float = 0.0) -> Allocation:
    """The same share for everyone."""
    c = fleet.capacities(capacity)
    return _answer(fleet, c, _by_key(fleet, c, np.ones((fleet.n, fleet.k))), fairness, "uniform")


def random(fleet: Fleet, capacity: Any, fairness: float = 0.0, seed: int = 0) -> Allocation:
    """Shares drawn uniformly from the simplex (Dirichlet with all parameters 1), each resource on its own."""
    c = fleet.capacities(capacity)
    key = np.random.default_rng(seed).standard_exponential((fleet.n, fleet.k))
    return _answer(fleet, c, _by_key(fleet, c, key), fairness, "random")


def proportional(fleet: Fleet, capacity: Any, fairness: float = 0.0, to: Any = "weight") -> Allocation:
    """Shares in proportion to a key: "weight", "onboard" (what the agent has), "need", or an array ≥ 0.

    need is what an agent lacks to the best equipped one, max(onboard) − onboard. If every key is 0 all are
    equal.
    """
    c = fleet.capacities(capacity)
    shape = (fleet.n, fleet.k)
    onboard = fleet.onboard.reshape(shape)
    if isinstance(to, str):
        keys = {
            "weight": fleet.weight[:, None],
            "onboard": onboard,
            "need": np.max(onboard, axis=0) - onboard,
        }
        if to not in keys:
            raise ParameterError(f"proportional: to = {to!r} is not known; give one of {sorted(keys)} or an array")
        key, name = np.broadcast_to(keys[to], shape), f"proportional to {to}"
    else:
        key, name = np.asarray(to, dtype=np.float64), "proportional"
        key = np.broadcast_to(key[:, None] if key.ndim == 1 else key, shape)
        if not np.all((key >= 0.0) & (key < np.inf)):
            raise ParameterError("proportional: every entry of `to` must be finite and 0 or more")
    key = np.where(np.any(key > 0.0, axis=0), key, 1.0)
    return _answer(fleet, c, _by_key(fleet, c, key), fairness, name)


def max_min_level(fleet: Fleet, capacity: Any, fairness: float = 0.0) -> Allocation:
    """Max-min on the final resource: every agent is filled up to one level of onboard + share, per
    resource."""
    c = fleet.capacities(capacity)
    onboard = fleet.onboard.reshape(fleet.n, fleet.k)
    open_ = fleet.lower.reshape(onboard.shape) < fleet.upper.reshape(onboard.shape)
    least = np.min(onboard, axis=0, where=open_, initial=np.inf)  # the level counts from there: a share may be far less
    x = _by_key(fleet, c, np.ones(onboard.shape), np.maximum(onboard - np.where(least < np.inf, least, 0.0), 0.0))
    return _answer(fleet, c, x, fairness, "max-min level")


def dominant_resource(fleet: Fleet, capacity: Any, fairness: float = 0.0, demands: Any = None) -> Allocation:
    """Dominant-resource fairness (Ghodsi et al., NSDI 2011) by progressive filling, weighted.

    demands: (n, K) resources per task. Default for Cobb-Douglas utilities: exponent × capacity, what an
    agent would buy if every resource as a whole had one price. All agents' dominant shares rise together, in
    proportion to their weights; where a resource is used up, the agents that need it stop. For one resource:
    proportional to weight.
    """
    c = fleet.capacities(capacity)
    shape = (fleet.n, fleet.k)
    if demands is None:
        g = fleet.utility.exponents if isinstance(fleet.utility, CobbDouglas) else np.ones(shape)
        d = g * np.where(c > 0.0, c, 1.0)
    else:
        d = np.asarray(demands, dtype=np.float64)
        if d.shape != shape or not np.all((d >= 0.0) & (d < np.inf)):
            raise ProblemError(f"dominant_resource: demands must be {shape}, finite and 0 or more, got {d.shape}")
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(d > 0.0, d / c, 0.0)
        dominant = np.max(part, axis=1, keepdims=True)
        rate = np.where((d > 0.0) & np.isfinite(dominant), fleet.weight[:, None] * d / dominant, 0.0)
    lower, upper = fleet.lower.reshape(shape), fleet.upper.reshape(shape)
    x, active = np.array(lower), np.ones(fleet.n, dtype=bool)
    open_resources = set(range(fleet.k))
    while open_resources and np.any(active):
        level = {
            k: _level(rate[active, k], lower[active, k], upper[active, k], c[k] - float(np.sum(x[~active, k])))
            for k in open_resources
        }
        first = min(level, key=lambda k: level[k])
        if np.isinf(level[first]):
            with np.errstate(invalid="ignore"):
                grown = np.where(rate > 0.0, upper, lower)
            x[active] = grown[active]
            break
        x[active] = np.clip(level[first] * rate[active], lower[active], upper[active])
        open_resources.discard(first)
        active &= rate[:, first] <= 0.0
    return _answer(fleet, c, x, fairness, "DRF")


def _level(rate: Array, lower: Array, upper: Array, capacity: float) -> float:
    """The s with Σ clip(s·rate, lower, upper) = capacity; inf if never reached."""
    if not np.any(rate > 0.0):
        return np.inf
    with np.errstate(divide="ignore"):
        found = fill(exponential_columns(np.log(rate), 1.0), np.zeros(1), lower, upper, rate.size, capacity, 0.0)
    return 0.0 if found.log_price == np.inf else float(np.exp(-found.log_price))


def _by_key(fleet: Fleet, c: Array, key: Array, onboard: Array | None = None) -> Array:
    """clip(s_k key_ik − onboard_ik, lower, upper) with s_k such that each resource is used up."""
    shape = (fleet.n, fleet.k)
    lower, upper = fleet.lower.reshape(shape), fleet.upper.reshape(shape)
    x = np.empty(shape)
    for k in range(fleet.k):
        with np.errstate(divide="ignore"):
            columns = exponential_columns(np.log(np.ascontiguousarray(key[:, k])), 1.0)
        base = np.zeros(1) if onboard is None else np.ascontiguousarray(onboard[:, k])
        low, high = np.ascontiguousarray(lower[:, k]), np.ascontiguousarray(upper[:, k])
        guess = -np.log(c[k] / float(np.sum(key[:, k])) + float(np.mean(base))) if c[k] > 0.0 else 0.0
        found = fill(columns, base, low, high, fleet.n, float(c[k]), float(guess))
        x[:, k] = found.x
        total = float(np.sum(found.x))
        if np.isfinite(found.log_price) and not abs(total - c[k]) <= 1e-9 * c[k]:
            raise SolverError(
                f"the shares of {fleet.resources[k]} add up to {total!r} of {float(c[k])!r}: bounds, keys and what is "
                "on board differ by more than a float has digits; drop what is negligible"
            )
    return x


def _answer(fleet: Fleet, c: Array, x: Array, fairness: float, method: str) -> Allocation:
    """The shares with prices that fit them, so that the certificate tells how far they are from the
    optimum."""
    level = float(fairness)
    prices, unit = fitting_prices(fleet, x, level if np.isfinite(level) else 0.0)
    return Allocation(fleet, c, x[:, 0] if fleet.k == 1 else x, prices, level, method, unit=unit)


#: name → rule, all with the signature (fleet, capacity, fairness)
BASELINES: dict[str, Callable[..., Allocation]] = {
    "uniform": uniform,
    "random": random,
    "proportional": proportional,
    "max_min_level": max_min_level,
    "dominant_resource": dominant_resource,
}
