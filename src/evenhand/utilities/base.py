"""What a utility is: the worth of a total resource to each agent, and the checks every family shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import numbers, owned
from evenhand.errors import ParameterError, ProblemError, shown
from evenhand.kernels.response import Columns, given_columns

__all__ = [
    "Array",
    "Kinked",
    "Parametric",
    "Scalable",
    "Utility",
    "columns_of",
    "expect_utility",
    "fair_weight",
    "floats",
    "invert_marginal",
    "invert_value",
    "rescaled",
]
__all__ += ["marginal_range", "parameter", "pick", "scale_of", "size", "table"]

Array = NDArray[np.float64]


@runtime_checkable
class Utility(Protocol):
    """A concave, increasing utility of the TOTAL resource r = onboard + share, r ≥ 0 (`spec/allocation.md
    §2`).

    Arrays broadcast over agents: r and price are (n,) or scalars, answers are (n,).
    """

    @property
    def n(self) -> int | None:
        """Number of agents it describes; None if one set of parameters serves any number."""
        ...

    def value(self, r: Any) -> Array:
        """U(r); −inf where the family is unbounded below at r = 0."""
        ...

    def marginal(self, r: Any) -> Array:
        """U′(r), non-increasing; may be inf at 0."""
        ...

    def demand(self, price: Any) -> Array:
        """The largest r ≥ 0 with U′(r) = price: 0 if U′(0) ≤ price, inf if U′ stays above the price."""
        ...

    def curvature(self, r: Any) -> Array:
        """U″(r) ≤ 0."""
        ...

    def invert(self, level: Any) -> Array:
        """The smallest r ≥ 0 with U(r) ≥ level; inf (or the point of saturation) if the level is never
        reached."""
        ...

    def take(self, i: Any) -> Utility:
        """The utility of the agents with index i (an index array or a slice), in that order."""
        ...


@runtime_checkable
class Parametric(Utility, Protocol):
    """A utility whose demand, also after the fairness transform φ_α, is evaluated inside the compiled
    kernel."""

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """The kernel's columns of φ_α(U) with log-weights (n,) or (1,); alpha = 0 is U itself."""
        ...


@runtime_checkable
class Kinked(Utility, Protocol):
    """A utility with kinks: its marginal at a kink is an interval (the superdifferential)."""

    def marginal_range(self, r: Any) -> tuple[Array, Array]:
        """Marginal to the right and to the left of r, r read as a kink within 1e-12 relative."""
        ...


@runtime_checkable
class Scalable(Utility, Protocol):
    """A utility that can be measured in other units of U and knows whether its form is concave."""

    @property
    def proved_concave(self) -> bool:
        """Whether the form itself is concave and increasing; False where that is a user's claim."""
        ...

    def scaled(self, factor: float) -> Utility:
        """The utility factor · U, factor > 0."""
        ...


def rescaled(utility: Utility, factor: float) -> Utility:
    """factor · U. Raises ParameterError for a utility without `scaled`."""
    if factor == 1.0:
        return utility
    if not isinstance(utility, Scalable):
        raise ParameterError(
            f"{type(utility).__name__} has no method scaled(factor), which other units of U need; add it"
        )
    return utility.scaled(factor)


def expect_utility(name: str, value: Any, *needs: str) -> None:
    """Raise ParameterError where an argument is no utility of one resource: it lacks what every solver needs, or what
    this one does.
    """
    if isinstance(value, type) or not all(hasattr(value, k) for k in needs or ("n", "value", "marginal", "demand")):
        raise ParameterError(f"{name} is {shown(value)}: give a utility of one resource, such as Power(0.5)")


def marginal_range(utility: Utility, r: Any) -> tuple[Array, Array]:
    """Least and largest marginal at r: equal where the utility is smooth."""
    if isinstance(utility, Kinked):
        return utility.marginal_range(r)
    m = utility.marginal(r)
    return m, m


def columns_of(utility: Utility, log_weight: Array, alpha: float) -> Columns:
    """The kernel's columns of φ_α(U); agents without a compiled form are marked GIVEN (their demand is
    called)."""
    columns: Callable[[Array, float], Columns] | None = getattr(utility, "columns", None)
    return columns(log_weight, alpha) if columns is not None else given_columns()


def floats(x: Any) -> Array:
    """x as float64 array."""
    return np.asarray(x, dtype=np.float64)


def parameter(family: str, name: str, value: Any, ok: Callable[[Array], Any], rule: str) -> Array:
    """A parameter as a read-only scalar or (n,) array of its own, every entry finite and within its domain.

    Raises ParameterError naming family, parameter, agent index, value and the rule it breaks.
    """
    array = table(family, name, value)
    if array.ndim > 1:
        raise ParameterError(f"{family}: {name} must be a scalar or one value per agent (n,), got shape {array.shape}")
    if array.ndim == 1 and array.size == 0:
        raise ParameterError(f"{family}: {name} is empty; give one value per agent")
    good = np.isfinite(array) & ok(array)
    if not np.all(good):
        i = int(np.argmin(np.atleast_1d(good)))
        where = f"{name}[{i}]" if array.ndim else name
        raise ParameterError(f"{family}: {where} = {float(np.atleast_1d(array)[i])!r} is outside its domain; {rule}")
    return owned(array)


def table(family: str, name: str, value: Any) -> Array:
    """A parameter as an array of numbers, not copied. Raises ParameterError naming family and parameter."""
    try:
        return numbers(name, value)
    except ProblemError as error:
        raise ParameterError(f"{family}: {error}") from None


def scale_of(family: str, value: Any) -> Array:
    """The field `scale` of a family: what one unit of its formula is worth, in the user's units of U; finite, > 0."""
    return parameter(family, "scale", value, lambda v: v > 0, "give scale > 0 (1 leaves the formula as it is)")


def fair_weight(log_weight: Array, scale: Any, alpha: float) -> Array:
    """The log-weight of φ_α(scale · U) = scale^{1−α} φ_α(U), constants apart."""
    scale = floats(scale)
    if alpha == 1.0 or np.all(scale == 1.0):
        return log_weight
    return log_weight + (1.0 - alpha) * np.log(scale)


def size(family: str, **arrays: Array) -> int | None:
    """The common number of agents of several parameters, None if all are scalars."""
    sizes = {name: a.shape[0] for name, a in arrays.items() if a.ndim}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{k} has {v}" for k, v in sizes.items())
        raise ParameterError(f"{family}: parameters describe different numbers of agents ({told}); give equal lengths")
    return next(iter(sizes.values()), None)


def pick(a: Array, i: Any) -> Array:
    """Entries i of a parameter; scalars serve every agent."""
    return np.atleast_1d(a[i]) if a.ndim else a


_TOP = int(np.frombuffer(np.float64(np.finfo(np.float64).max).tobytes(), dtype=np.int64)[0])


def _bisect(below: Callable[[Array], Any], shape: tuple[int, ...]) -> Array:
    """The largest r in [0, max float] with below(r) true, by bisection over the ordered bit patterns (64
    halvings).

    `below` is monotone: true up to the answer, false after it. Exact to one unit in the last place at any
    scale.
    """
    lo = np.zeros(shape, dtype=np.int64)
    hi = np.full(shape, _TOP, dtype=np.int64)
    with np.errstate(all="ignore"):
        for _ in range(64):
            mid = lo + (hi - lo + 1) // 2
            inside = np.broadcast_to(below(mid.view(np.float64)), shape)
            lo = np.where(inside, mid, lo)
            hi = np.where(inside, hi, mid - 1)
            if np.array_equal(lo, hi):
                break
    r = lo.view(np.float64)
    return np.where(lo == _TOP, np.inf, r)


def invert_marginal(marginal: Callable[[Array], Array], price: Array, n: int | None) -> Array:
    """Demand of a utility known by its marginal only: the largest r with U′(r) ≥ price, by safeguarded
    bisection."""
    shape = np.broadcast_shapes(price.shape, () if n is None else (n,))
    return _bisect(lambda r: marginal(r) >= price, shape or (1,)).reshape(shape)


def invert_value(value: Callable[[Array], Array], level: Array, n: int | None) -> Array:
    """The smallest r with U(r) ≥ level for a utility known by its value only (to one unit in the last
    place)."""
    shape = np.broadcast_shapes(level.shape, () if n is None else (n,))
    return _bisect(lambda r: value(r) < level, shape or (1,)).reshape(shape)
