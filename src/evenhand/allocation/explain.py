"""Why an agent got what it got: its price, its marginal utility, what binds, what one more unit would bring
it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import Fleet
from evenhand.utilities.base import Utility, marginal_range
from evenhand.utilities.cobb_douglas import CobbDouglas

__all__ = ["explain", "joint_sensitivity", "rounded_up", "sensitivity"]

Array = NDArray[np.float64]


def sensitivity(fleet: Fleet, utility: Utility, x: Array, price: float) -> Array:
    """dx_i/dC, (n,): how one more (small) unit of capacity is divided.

    Inside its bounds an agent answers the price with −1/(w U″); the capacity's effect is in proportion.
    Agents on a linear piece tied at the price take everything, in equal parts.
    """
    x = x.reshape(fleet.n)
    inside = (x > fleet.lower) & (x < fleet.upper) & (fleet.weight > 0.0)
    if price <= 0.0 or not np.any(inside):
        return np.zeros(fleet.n)
    curvature = np.broadcast_to(utility.curvature(fleet.onboard + x), (fleet.n,))
    with np.errstate(divide="ignore", invalid="ignore"):
        answer = np.where(inside, 1.0 / np.abs(fleet.weight * curvature), 0.0)
    tied = np.isinf(answer)
    if np.any(tied):
        right, left = (np.broadcast_to(m, (fleet.n,)) for m in marginal_range(utility, fleet.onboard + x))
        tied &= np.isclose(left, right, rtol=1e-12, atol=0.0)  # at a knot the agent does not move
        answer = np.where(tied, 1.0, 0.0) if np.any(tied) else np.where(np.isinf(answer), 0.0, answer)
    total = float(np.sum(answer))
    return answer / total if total > 0.0 else answer


def joint_sensitivity(fleet: Fleet, utility: CobbDouglas, x: Array, level: float, i: int) -> Array:
    """∂x_i/∂C, (K, K): row k is agent i's share of resource k, column j one more unit of resource j.

    With H_i the Hessian of w φ_α(U_i) over agent i's free resources (those inside their bounds), prices
    move by
    S⁻¹ dC, S = Σ H_i⁻¹, and agent i by H_i⁻¹ S⁻¹ dC. For concave problems; zeros where nothing is free.
    """
    g, a = utility.exponents, level
    r = np.maximum(fleet.onboard + x, np.finfo(np.float64).tiny)
    free = (x > fleet.lower) & (x < fleet.upper) & (g > 0.0) & (fleet.weight > 0.0)[:, None]
    scale = fleet.weight * utility.value(r) ** (1.0 - a)
    h = (1.0 - a) * (g / r)[:, :, None] * (g / r)[:, None, :]
    unit = np.eye(fleet.k, dtype=bool)
    h -= np.where(unit, (g / r**2)[:, :, None], 0.0)
    both = free[:, :, None] & free[:, None, :]
    h = np.where(both, scale[:, None, None] * h, np.where(unit, 1.0, 0.0))
    inverse = np.where(both, np.linalg.inv(h), 0.0)
    return inverse[i] @ np.linalg.pinv(np.sum(inverse, axis=0), hermitian=True)


def explain(
    fleet: Fleet,
    utility: Utility | CobbDouglas,
    x: Array,
    prices: Array,
    marginal: Array,
    level: float,
    i: int,
) -> str:
    """The sentence for agent i. x, marginal: (n, K)."""
    name = fleet.names[i] if fleet.names is not None else f"agent {i}"
    parts: list[str] = []
    for k, resource in enumerate(fleet.resources):
        share, m, price = float(x[i, k]), float(marginal[i, k]), float(prices[k])
        onboard, low, high = (float(a.reshape(x.shape)[i, k]) for a in (fleet.onboard, fleet.lower, fleet.upper))
        said = f"{name} gets {share:.6g} of {resource} on top of {onboard:.6g} on board"
        if level == np.inf:
            parts.append(f"{said}: max-min raises the least utility first, whatever the price")
            continue
        parts.append(f"{said}: {_reason(share, m, price, low, high)}{_more(fleet, utility, x, price, level, i, k)}")
    return "; ".join(parts) + "."


def rounded_up(percent: float) -> str:
    """A bound in two digits, never told smaller than it is."""
    if percent <= 0.0 or not np.isfinite(percent):
        return f"{percent:g}"
    step = 10.0 ** (np.floor(np.log10(percent)) - 1.0)
    return f"{np.ceil(percent / step * (1.0 - 1e-12)) * step:.2g}"


def _reason(share: float, m: float, price: float, low: float, high: float) -> str:
    if price == 0.0:
        return "the price is 0, capacity is left over" + (" and its upper bound binds" if share >= high else "")
    told = f"at the price {price:.6g} its weighted marginal utility is {m:.6g}"
    if low == high:
        return f"{told}, but its bounds fix the share"
    if share >= high:
        return f"{told}, above the price: its upper bound {high:.6g} binds"
    if share <= low:
        bound = f"its lower bound {low:.6g} binds" if low > 0.0 else "others put the resource to better use, so nothing"
        return f"{told}, not above the price: {bound}"
    return f"{told}, equal to the price (no bound binds)"


def _more(fleet: Fleet, utility: Utility | CobbDouglas, x: Array, price: float, level: float, i: int, k: int) -> str:
    if price == 0.0:
        return "; one more unit of capacity would give it nothing more"
    if isinstance(utility, CobbDouglas):
        if not utility.concave(level):  # a local answer: it may jump when the capacity changes
            return ""
        gain = float(joint_sensitivity(fleet, utility, x, level, i)[k, k])
        return f"; one more unit of {fleet.resources[k]} would give it {gain:.6g} of it"
    return f"; one more unit of capacity would give it {float(sensitivity(fleet, utility, x, price)[i]):.6g}"
