"""Conic forms: what a family brings so that hindsight (OPT, FairOPT, frames) takes it, built-in or a user's own.

A fairness cost has ``epigraph(m)``, a hitting cost ``conic()``, an action set ``conic()``; each gives one of the
records below. Rows are in cones in their order: the first cone takes the first rows, and so on; `cone` makes them.
docs/extending.md has examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.errors import ProblemError
from evenhand.solvers import clarabel, cvxpy

__all__ = [
    "CostForm",
    "Curved",
    "Entries",
    "Epigraph",
    "SetForm",
    "canonical",
    "cone",
    "convex_scalar",
    "cost_form",
    "epigraph",
    "set_form",
    "width",
]


class Entries(NamedTuple):
    """A sparse matrix: row indices, column indices, values."""

    row: NDArray[np.integer[Any]]
    column: NDArray[np.integer[Any]]
    value: Array

    @classmethod
    def none(cls) -> Entries:
        """Nothing."""
        nowhere = np.zeros(0, dtype=np.intp)
        return cls(nowhere, nowhere, np.zeros(0))

    @classmethod
    def join(cls, *parts: Entries) -> Entries:
        """All of them."""
        return cls(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    @classmethod
    def blocks(cls, blocks: Array, row: int = 0, column: int = 0) -> Entries:
        """Blocks (T, h, n) down the diagonal, from that row and column on."""
        h, n = blocks.shape[-2:]
        t, i, j = np.indices(blocks.shape)
        return cls((row + t * h + i).reshape(-1), (column + t * n + j).reshape(-1), blocks.reshape(-1))


@final
@dataclass(frozen=True, slots=True)
class Epigraph:
    """g(y) = min cost . a  such that  offset - on_y y - on_a a  in cones.

    cost (k,), on_y (h, m) and on_a (h, k) arrays or sparse, offset (h,); cones of h rows together.
    """

    cost: Array
    on_y: Any
    on_a: Any
    offset: Array
    cones: Sequence[Any]

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class CostForm:
    """sum_t f_t(x_t), but for a constant, = min over v of  w' hessian w / 2 + slope . w,  offset - rows w  in cones.

    w = (x, v): x_t,i is number t n + i of one episode's T n, then come k auxiliaries v. hessian: its upper triangle;
    slope (T n + k,), rows (h, T n + k), offset (h,).
    """

    hessian: Entries
    slope: Array
    rows: Entries
    offset: Array
    cones: Sequence[Any]

    __eq__ = same

    @classmethod
    def quadratic(cls, hessian: Entries, slope: Array) -> CostForm:
        """Without auxiliaries."""
        return cls(hessian, slope, Entries.none(), np.zeros(0), ())

    @classmethod
    def of_rounds(
        cls, slope: Array, hessian: Array, rows: Array, offset: Array, cones: Sequence[Any], actions: int
    ) -> CostForm:
        """From one form for each round, in w_t = (x_t, v_t), the first ``actions`` of it x_t.

        slope (T, n + k); hessian (T, n + k), a diagonal, or (T, n + k, n + k); rows (T, h, n + k); offset (T, h); cones
        of one round.
        """
        rounds, size = slope.shape
        square = hessian[..., None] * np.eye(size) if hessian.ndim == 2 else hessian
        bend, table = Entries.blocks(np.triu(square)), Entries.blocks(rows)
        t, at = np.divmod(np.arange(rounds * size), size)
        own = at < actions
        number = np.where(own, t * actions + at, rounds * actions + t * (size - actions) + at - actions)
        order = np.argsort(number)
        ends = np.sort(np.stack([number[bend.row], number[bend.column]]), axis=0)
        return cls(
            Entries(ends[0], ends[1], bend.value),
            slope.reshape(-1)[order],
            Entries(table.row, number[table.column], table.value),
            offset.reshape(-1),
            [*cones] * rounds,
        )


@final
@dataclass(frozen=True, slots=True)
class Curved:
    """x is in the set where some v has  offset - on_x x - on_v v  in cones: (..., h, n), (..., h, k), (..., h)."""

    on_x: Array
    on_v: Array
    offset: Array
    cones: Sequence[Any]

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class SetForm:
    """An action set within its bounds: low <= rows x <= high, (..., k, n) and (..., k), and what is curved, if any.

    k may be 0; leading axes broadcast.
    """

    rows: Array
    low: Array
    high: Array
    curved: Curved | None = None

    __eq__ = same


def cone(kind: Literal["zero", "nonnegative", "second-order", "exponential", "power"], size: float) -> Any:
    """One of the solver's cones: size is its number of rows, or the exponent of a power cone.

    zero: s = 0; nonnegative: s >= 0; second-order: s_0 >= |(s_1, ...)|; exponential (3 rows): s_1 exp(s_0 / s_1) <=
    s_2, s_1 > 0; power (3 rows): s_0^size s_1^(1 - size) >= |s_2|, s_0, s_1 >= 0.
    """
    c = clarabel()
    if kind == "exponential":
        return c.ExponentialConeT()
    if kind == "power":
        return c.PowerConeT(float(size))
    names = {"zero": c.ZeroConeT, "nonnegative": c.NonnegativeConeT, "second-order": c.SecondOrderConeT}
    if kind not in names:
        raise ProblemError(f"cone {kind!r} is unknown: zero, nonnegative, second-order, exponential or power")
    return names[kind](int(size))


def width(one: Any) -> int:
    """The number of rows of a cone."""
    return 3 if type(one).__name__ in ("ExponentialConeT", "PowerConeT") else int(one.dim)


def _own(part: Any, method: str, record: str) -> Any:
    own = getattr(part, method, None)
    if own is None:
        raise ProblemError(
            f"{type(part).__name__} has no conic form, so hindsight does not know it: give it a method {method}, which "
            f"returns an evenhand.conic.{record}, and in_units(units) (docs/extending.md)"
        )
    return own


def epigraph(fairness: Any, m: int) -> Epigraph:
    """The epigraph of a fairness cost over m entities. Raises ProblemError where it brings none."""
    return _own(fairness, "epigraph", "Epigraph")(m)


def cost_form(cost: Any) -> CostForm:
    """The form of one episode's hitting costs, columns (T, ...). Raises ProblemError where it brings none."""
    return _own(cost, "conic", "CostForm")()


def set_form(feasible: Any) -> SetForm:
    """The form of action sets, with their leading axes. Raises ProblemError where it brings none."""
    return _own(feasible, "conic", "SetForm")()


def convex_scalar(build: Callable[..., Any], *given: Any) -> Any:
    """What a caller's function builds of a CVXPY variable and its data. Raises ProblemError where it fails, or gives
    something else than a convex scalar expression.
    """
    try:
        made = build(*given)
        scalar = made.is_scalar() and made.is_convex()
    except Exception as error:  # whatever the caller's function raises, or gives
        raise ProblemError(
            f"build fails on a CVXPY variable of shape {given[0].shape} and the data: {type(error).__name__}: {error}"
        ) from error
    if not scalar:
        raise ProblemError(f"build gives {made.curvature.lower()} {made.shape}: it must be a convex scalar")
    return made


def canonical(build: Callable[[Any], Any], m: int) -> Epigraph:
    """The epigraph of a convex CVXPY expression in one variable (m,).

    Raises ProblemError where CVXPY does not see it as convex, or it needs a cone that is not here.
    """
    cp = cvxpy()
    y, top = cp.Variable(m), cp.Variable()
    made = convex_scalar(build, y)
    data = cp.Problem(cp.Minimize(top), [made <= top]).get_problem_data(cp.CLARABEL)[0]
    dims = data["dims"]
    if dims.psd or getattr(dims, "pnd", None):
        raise ProblemError("build needs cones of matrices: write it with norms, powers, logarithms or maxima")
    cones = [cone("zero", dims.zero), cone("nonnegative", dims.nonneg), *(cone("second-order", k) for k in dims.soc)]
    cones += [cone("exponential", 3)] * dims.exp + [cone("power", share) for share in dims.p3d]
    first = data["param_prob"].var_id_to_col[y.id]
    own = np.zeros(data["c"].shape[0], dtype=bool)
    own[first : first + m] = True
    table = data["A"].tocsc()
    kept = [one for one in cones if width(one)]
    return Epigraph(np.asarray(data["c"])[~own], table[:, own], table[:, ~own], np.asarray(data["b"]), kept)
