"""The objective Σ w φ_α(U): its marginals in logarithms, and the unit of U in which it fits into floats.

φ_α(c U) = c^{1−α} φ_α(U): another unit of U changes objective and prices by one factor and no allocation. At
fairness 600 a utility of 0.3 is worth −1e313/599 and prices are as far out; measured in the utility of an agent
that the price decides on, both are ordinary numbers (`spec/allocation.md §4`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import Fleet
from evenhand.errors import ParameterError, shown
from evenhand.utilities.base import Scalable, Utility, marginal_range, rescaled
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.fair import Fair, log_fair

__all__ = ["between", "level_of", "log_gradient", "objective", "reference", "unit_for"]

Array = NDArray[np.float64]
#: prices and values between e^-FITS and e^FITS are left in the user's own unit
FITS = 300.0


def level_of(fairness: Any, *, finite: bool = False) -> float:
    """A fairness level, 0 or more; inf is max-min, where that is taken. Raises ParameterError."""
    try:
        level = float(fairness)
    except Exception:  # whatever a class of the caller's raises
        level = -1.0
    if not level >= 0.0 or (finite and level == np.inf):
        told = "a finite number" if finite else "a number; inf for max-min"
        raise ParameterError(f"fairness = {shown(fairness)} must be 0 or more ({told})")
    return level


def objective(fleet: Fleet, level: float, unit: float = 1.0) -> Utility | CobbDouglas:
    """U in the given unit: of one resource φ_α(U / unit), of several U / unit, to be transformed by its users."""
    own = fleet.utility
    if isinstance(own, CobbDouglas):
        return own if unit == 1.0 else own.scaled(1.0 / unit)
    if level == 0.0 or not np.isfinite(level):
        return own
    return Fair(rescaled(own, 1.0 / unit), level)


def log_gradient(fleet: Fleet, x: Array, level: float) -> Array:
    """Log of the weighted marginals w ∂φ_α(U)/∂r from the right, (n, K), in unit 1; −inf without weight or use."""
    x = x.reshape(fleet.n, fleet.k)
    r = np.maximum(fleet.onboard.reshape(x.shape) + x, 0.0)
    own = fleet.utility
    if isinstance(own, CobbDouglas):
        slope, value = own.marginal(r), own.value(r)[:, None]
    else:
        slope = np.broadcast_to(marginal_range(own, r[:, 0])[0], (fleet.n,))[:, None]
        value = np.broadcast_to(own.value(r[:, 0]), (fleet.n,))[:, None]
    with np.errstate(divide="ignore"):
        return np.where(
            fleet.weight[:, None] > 0.0, np.log(fleet.weight)[:, None] + log_fair(value, slope, level), -np.inf
        )


def between(fleet: Fleet, x: Array) -> NDArray[np.bool_]:
    """Shares (n, K) clearly inside their bounds, by 1e-9 of the largest share: the prices decide on these."""
    x = x.reshape(fleet.n, fleet.k)
    lower, upper = fleet.lower.reshape(x.shape), fleet.upper.reshape(x.shape)
    least = 1e-9 * np.max(x - lower, axis=0)
    return (x > lower + least) & (x < upper - np.minimum(least, 1e-9 * upper))


def reference(fleet: Fleet, x: Array, level: float, log_prices: Array | None = None) -> float:
    """The median utility, > 0, of the agents that the prices decide on: log-marginals nearest to the log-prices.

    Without prices the median over agents inside their bounds, of all where there are none.
    """
    shape = (fleet.n, fleet.k)
    x = x.reshape(shape)
    r = fleet.onboard.reshape(shape) + x
    u = np.broadcast_to(fleet.utility.value(r[:, 0] if fleet.k == 1 else r), (fleet.n,))
    good = (fleet.weight > 0.0) & (u > 0.0) & np.isfinite(u)
    inside = between(fleet, x) & good[:, None]
    seen = u[np.any(inside, axis=1)] if np.any(inside) else u[good]
    if log_prices is not None and np.any(np.isfinite(log_prices)):
        with np.errstate(invalid="ignore"):
            apart = np.abs(log_gradient(fleet, x, level) - log_prices)
        apart = np.where(good[:, None] & np.isfinite(apart), apart, np.inf)
        nearest = np.min(apart, axis=1)
        if np.any(np.isfinite(nearest)):
            seen = u[nearest <= np.min(nearest) + 1e-6]
    return float(np.exp(np.median(np.log(seen)))) if seen.size else 1.0


def unit_for(fleet: Fleet, x: Array, log_prices: Array, level: float) -> float:
    """1 where prices and utilities to the power 1 − α fit into floats, else the reference utility.

    log_prices: (K,) in unit 1, infinite where there is none.
    """
    scalable = isinstance(fleet.utility, Scalable | CobbDouglas)
    if level in (0.0, 1.0) or not np.isfinite(level) or not scalable:
        return 1.0
    seen = reference(fleet, x, level, log_prices)
    far = np.abs(log_prices[np.isfinite(log_prices)])
    fits = float(np.max(far, initial=0.0)) <= FITS and abs((1.0 - level) * np.log(seen)) <= FITS
    return 1.0 if fits else seen
