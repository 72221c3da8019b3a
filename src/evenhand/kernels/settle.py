"""The end of a water-filling: the budget met to rounding, the price, and whether the search saw clearly.

A price is known to rounding of the costs it was computed with, an action to that over its curvature: where costs dwarf
``q x``, the price alone does not say what anybody gets. Two remedies, both in differences of costs instead of prices:
what is left of the budget goes to the agents with room that are cheapest (or dearest, when too much was given), and
the search is repeated with costs counted from one agent that ends between its bounds, the flattest. There every number
is of the size of ``q x``, and actions are exact to rounding of their own size. Source: spec/online.md §8.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false
from __future__ import annotations

import math

from evenhand.kernels.gufunc import part

__all__ = ["safe", "settle", "verdict"]

_INF = math.inf
_TURNS = 16
_ROUNDING = 4e-16
_COARSE = 1e-13  # more of all actions than this is no rounding: the search ended on the wrong piece
_BLUR = 1e4  # roundings of all actions together that a price may cost before the search is repeated


@part()
def safe(divisor):
    """The divisor where positive, else 1: compilers may divide before they test, and NumPy would report the 0 / 0."""
    return divisor if divisor > 0.0 else 1.0


@part()
def _marginal(q, c, shift, x):
    """Marginal cost counted from shift; 0 * inf is 0 for an agent without curvature."""
    return (c - shift) + q * (0.0 if q == 0.0 else x)


@part()
def _next(q, c, lower, upper, shift, rest, x):
    """Who takes ``rest`` at least cost: a flat agent between its bounds, else the cheapest (dearest) at a bound; or -1.

    Agents between their bounds that have curvature share a move among them.
    """
    best = -1
    least = _INF
    for i in range(x.shape[0]):
        if (x[i] < upper[i]) if rest > 0.0 else (x[i] > lower[i]):
            if q[i] == 0.0 and lower[i] < x[i] < upper[i]:
                return i
            at = _marginal(q[i], c[i], shift, x[i])
            at = at if rest > 0.0 else -at
            if at < least and not lower[i] < x[i] < upper[i]:
                best = i
                least = at
    return best


@part()
def settle(q, c, lower, upper, shift, nu, total, x):
    """Remove ``total - sum x`` where it costs least; give the price so corrected.

    Compensated summation, so that a million agents meet the budget as exactly as seven do.
    """
    stuck = False
    for turn in range(_TURNS):
        acc = 0.0
        lost = 0.0
        size = 0.0
        slope = 0.0
        flat = False
        for i in range(x.shape[0]):
            xi = x[i]
            new = acc + xi
            lost += (acc - new) + xi if abs(acc) >= abs(xi) else (xi - new) + acc
            acc = new
            size += abs(xi)
            if lower[i] < xi < upper[i]:
                slope += 1.0 / safe(q[i])
                flat = flat or q[i] == 0.0
        rest = (total - acc) - lost
        if rest == 0.0 or not abs(rest) < _INF or ((stuck or turn > 1) and abs(rest) <= _ROUNDING * size):
            break
        move = rest / safe(slope)
        together = slope > 0.0 and not flat and not stuck
        k = -1
        if not together or abs(rest) > _COARSE * size:
            k = _next(q, c, lower, upper, shift, rest, x)
            if k < 0 and not together:
                break
            if k >= 0 and together:  # does the common price pass the one at which k joins?
                ahead = _marginal(q[k], c[k], shift, x[k]) - nu
                if abs(move) <= abs(ahead) and ahead * move >= 0.0:
                    k = -1
        if k >= 0:
            x[k] = min(max(x[k] + rest, lower[k]), upper[k])
            nu = _marginal(q[k], c[k], shift, x[k])
            stuck = False
            continue
        nu += move
        stuck = True
        for i in range(x.shape[0]):
            if q[i] > 0.0 and lower[i] < x[i] < upper[i]:
                xi = min(max(x[i] + move / safe(q[i]), lower[i]), upper[i])
                stuck = stuck and xi == x[i]
                x[i] = xi
    return nu


@part()
def verdict(q, c, lower, upper, shift, nu, total, x):
    """The price; whether the search saw clearly; if not, from where another should count costs, and start.

    nu is counted from shift, the price is not: it is the marginal cost of the agent between its bounds whose numbers
    are smallest, hence least rounded; without such an agent nu, moved between the marginal costs of the full and of
    the empty.
    """
    size = 0.0
    least = _INF
    slope = 0.0
    nearest = -1
    flattest = -1
    for i in range(x.shape[0]):
        size += abs(x[i])
        if lower[i] < x[i] < upper[i]:
            here = abs(c[i]) + q[i] * (abs(x[i]) + abs(total))
            if here < least or nearest < 0:
                least = here
                nearest = i
            if flattest < 0 or q[i] < q[flattest]:
                flattest = i
            slope += 1.0 / safe(q[i])
    soft = 0.0
    if flattest >= 0:
        soft = q[flattest]
        if c[flattest] != shift and (soft == 0.0 or abs(nu) * slope > _BLUR * size):
            return shift + nu, False, c[flattest], soft * x[flattest]
    full = -_INF  # the dearest that got all it may, and the cheapest that got nothing: no price lies between them
    empty = _INF
    last = -1
    first = -1
    worst = -1  # the flattest of those that should move
    for i in range(x.shape[0]):
        if lower[i] < upper[i] and (x[i] == lower[i] or x[i] == upper[i]):
            at = _marginal(q[i], c[i], shift, x[i])
            if x[i] == lower[i] and at < empty:
                empty = at
                first = i
            elif x[i] == upper[i] and at > full:
                full = at
                last = i
            if flattest >= 0 and (worst < 0 or q[i] < q[worst]):
                wrong = nu - at if x[i] == lower[i] else at - nu
                if wrong > 0.0:
                    apart = abs(c[i] - shift)
                    if wrong > 1e-15 * (abs(nu) + abs(at) + 2.0 * apart) + 1e-13 * size * (q[i] + soft):
                        worst = i
    if worst >= 0:
        return shift + nu, False, c[worst], (q[worst] * x[worst] if q[worst] > 0.0 else 0.0)
    price = nu + shift if nearest < 0 else c[nearest] + q[nearest] * x[nearest]
    most = c[last] + q[last] * x[last] if last >= 0 else -_INF
    least = c[first] + q[first] * x[first] if first >= 0 else _INF
    if nearest < 0 and most <= least:
        price = min(max(price, most), least)
    else:  # rounding of x made them cross: whose curvature is less is right
        steep = _INF if nearest < 0 else q[nearest]
        if last >= 0 and q[last] <= steep:
            price = max(price, most)
            steep = q[last]
        if first >= 0 and q[first] <= steep:
            price = min(price, least)
    if nearest >= 0 or last < 0 or first < 0:
        return price, True, shift, nu
    near = c[first if q[first] < q[last] else last]
    return price, near == shift, near, nu - (near - shift)
