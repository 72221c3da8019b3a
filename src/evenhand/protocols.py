"""What a family of costs, sets, impacts, fairness, reference functions, switching costs and memories must offer.

Shapes are written (..., n): everything broadcasts over leading axes, so a hundred windows are one array.
Source: spec/online.md §1, §2, §9, §10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from evenhand.columns import Array, lacks, offers
from evenhand.errors import ProblemError, shown
from evenhand.memory.recursion import Recursion
from evenhand.switching.moves import Moves

__all__ = ["ActionSet", "Fairness", "FairnessMemory", "HittingCost", "Impact", "Mirror", "Switching", "agree"]


@runtime_checkable
class HittingCost(Protocol):
    """f_t: a convex function of the action, one per round.

    Hindsight also asks for ``conic()``, a `evenhand.conic.CostForm`, and ``in_units(units)``.
    """

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        ...

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        ...

    def value(self, x: Array, /) -> Array:
        """f_t(x): (..., n) -> (...)."""
        ...

    def gradient(self, x: Array, /) -> Array:
        """A (sub)gradient of f_t at x: (..., n) -> (..., n)."""
        ...

    def strong_convexity(self) -> Array:
        """m_f, the largest m for which f_t is known to be m-strongly convex: (...)."""
        ...


@runtime_checkable
class Impact(Protocol):
    """A_t: what an action does to each of the m entities."""

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        ...

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        ...

    @property
    def entities(self) -> int:
        """m, the number of entities that bear a burden."""
        ...

    def burden(self, x: Array, /) -> Array:
        """A_t x: (..., n) -> (..., m)."""
        ...

    def tilt(self, kappa: Array, /) -> Array:
        """A_t' kappa: (..., m) -> (..., n)."""
        ...

    def range(self, lower: Array, upper: Array, /) -> tuple[Array, Array]:
        """Bounds on A_t x over lower <= x <= upper, by interval arithmetic: two (..., m)."""
        ...


@runtime_checkable
class ActionSet(Protocol):
    """X_t: a closed convex set.

    Hindsight also asks for ``conic()``, a `evenhand.conic.SetForm`, and ``in_units(units)``.
    """

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        ...

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        ...

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Smallest box known to contain the set: two (..., n)."""
        ...

    def violation(self, x: Array, /) -> Array:
        """Largest violation of a constraint at x, relative to the constraint's size: (...)."""
        ...

    def support(self, direction: Array, /) -> Array:
        """min over the set of direction . x: (...); the linear minimisation oracle."""
        ...


@runtime_checkable
class Fairness(Protocol):
    """g: the long-term fairness cost of the average burden y, convex and Lipschitz. Source: spec/online.md §1.

    Hindsight also asks for ``epigraph(m)``, an `evenhand.conic.Epigraph`, and ``in_units(units)``. Where the dual half
    is computed and not in closed form, ``support(kappa)`` gives a price in dom g* next to kappa and a proved bound on
    g* there (`evenhand.fairness.dual.DualBall` does), and ``accuracy`` says how exact the rest is.
    """

    def value(self, y: Array, /) -> Array:
        """g(y): (..., m) -> (...)."""
        ...

    def subgradient(self, y: Array, /) -> Array:
        """One element of the subdifferential at y: (..., m)."""
        ...

    def conjugate(self, kappa: Array, /) -> Array:
        """g*(kappa), inf outside its domain: (..., m) -> (...)."""
        ...

    def project(self, kappa: Array, /) -> Array:
        """Euclidean projection on the dual ball dom g*: (..., m) -> (..., m)."""
        ...

    def project_entropic(self, kappa: Array, direction: Array, eta: Array, ball: bool, /) -> Array:
        """``kappa o exp(-eta direction)``, then (ball) its KL projection on the dual ball, for kappa > 0."""
        ...

    def budget(self, kappa: Array, lower: Array, upper: Array, /) -> Array:
        """Budget step (4) on the box: argmin g(z) - kappa . z over lower <= z <= upper."""
        ...

    def budget_ball(self, kappa: Array, /) -> Array:
        """Budget step (4) for kappa in the dual ball: an element of the subdifferential of g* at kappa."""
        ...

    def centre(self, m: int, /) -> Array:
        """A start kappa_1 on the dual ball that favours no entity: (m,)."""
        ...

    def lipschitz(self, m: int, /) -> float:
        """L in the Euclidean norm for m entities."""
        ...

    def recession(self, direction: Array, /) -> Array:
        """The slope of g far out, sup of kappa . direction over the dual ball: (..., m) -> (...)."""
        ...

    def scaled(self, factor: float, /) -> Fairness:
        """The cost ``factor * g``."""
        ...


@runtime_checkable
class Mirror(Protocol):
    """h: the reference function of the dual step (5), with the pair of norms in which the bounds are stated.

    Burdens are measured by |y| = ||w o y||_order, w the ``burden_weights``, prices by its dual, |kappa| =
    ||kappa / w||_q with 1/order + 1/q = 1.
    """

    @property
    def order(self) -> float:
        """Exponent of the norm of burdens: 2 or inf."""
        ...

    @property
    def burden_weights(self) -> Array | float:
        """w > 0, a number or (m,)."""
        ...

    @property
    def positive(self) -> bool:
        """Whether prices must stay above 0."""
        ...

    def modulus(self, largest: Array, /) -> Array:
        """sigma: h is so strongly convex, in the norm of prices, between prices of norm at most ``largest`` (...)."""
        ...

    def step(self, kappa: Array, direction: Array, eta: Array, fairness: Fairness, ball: bool, /) -> Array:
        """argmin over k of direction . k + V_h(k, kappa) / eta, on the dual ball when ``ball``."""
        ...

    def divergence(self, kappa: Array, start: Array, /) -> Array:
        """Bregman divergence V_h(kappa, start): (...)."""
        ...


@runtime_checkable
class Switching(Protocol):
    """s(x, x_prev): what a move costs, convex in both. Its canonical form is all that the library asks for."""

    @property
    def moves(self) -> Moves:
        """The canonical form, which also gives the value."""
        ...


@runtime_checkable
class FairnessMemory(Protocol):
    """What is remembered of past burdens, so that fairness can run on without an end. What is held is one array."""

    @property
    def retention(self) -> float:
        """The share of a price that is left after a round, in [0, 1]: gamma of a half-life, or of the same mean age."""
        ...

    def begin(self, m: int, /) -> Array:
        """What is held before the first round. Raises ProblemError where it is for another number of entities."""
        ...

    def add(self, held: Array, burden: Array, /) -> Array:
        """What is held after one more burden (..., m)."""
        ...

    def remembered(self, held: Array, /) -> Array:
        """y_t, the burden that g is charged on: (..., m)."""
        ...

    def recursion(self, held: Array, rounds: int, /) -> Recursion:
        """The canonical form of the rounds to come: y_t is linear in their burdens."""
        ...


def agree(cost: Any, impact: Any, feasible: Any) -> None:
    """Raise ProblemError where one is no such part of a round, or they are not for the same number of actions."""
    for name, part, kind, example in (
        ("cost", cost, HittingCost, "Quadratic(linear=[1.0, 2.0])"),
        ("impact", impact, Impact, "Diagonal([1.0, 1.0])"),
        ("feasible", feasible, ActionSet, "Budget(total=1.0, upper=[1.0, 1.0])"),
    ):
        if isinstance(part, type) or not offers(type(part), kind):
            raise ProblemError(f"{name} is {shown(part)}{lacks(part, kind)}: give a {kind.__name__} such as {example}")
    if not cost.actions == impact.actions == feasible.actions:
        told = ", ".join(f"{type(part).__name__} {part.actions} actions" for part in (cost, impact, feasible))
        raise ProblemError(f"the parts are for different numbers of actions: {told}")
