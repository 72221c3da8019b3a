"""OPT of many horizons at once by a primal-dual interior point method whose algebra knows the chain.

    minimise    sum_t  q_t x_t^2 / 2 + c_t x_t  +  rho d_t^2 / 2 + up max(d_t, 0) + down max(-d_t, 0)  +  T e . a
    subject to  lower <= x <= upper,  row_t . x_t = or <= high_t,  -fall <= d_t <= rise,  d_t = x_t - x_{t-1},
                offset - on_y y - on_a a in cones,   T y = sum_t A_t x_t.

Mehrotra's predictor and corrector on all pairs (slack, multiplier): those of actions and moves (`offline/pairs.py`),
those of the fairness cost (`offline/cones.py`). In every step pairs are eliminated to numbers on the diagonal
(`kernels/blocks.py` solves what is left); the small program of the fairness cost, which couples all rounds, is solved
with the burdens' response to its prices. What is left of an equation is carried along, not computed anew from the
iterates: differences of large numbers, times the steep weights of the last steps, would cost the multipliers their
digits. Slacks that can start exact stay exact, all else shrinks by 1 - alpha with every step. An episode has the same
digits alone and among others. Source: spec/online.md §1, §3, §9; S. Mehrotra, On the implementation of a primal-dual
interior point method, SIAM J. Optim. 2 (1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.kernels import reduce
from evenhand.kernels.blocks import LIMIT
from evenhand.offline import cones
from evenhand.offline.algebra import REFINED, Chain, System, borne, factored
from evenhand.offline.lacks import Lacks, lacking
from evenhand.offline.pairs import (
    Direction,
    Pairs,
    Springs,
    advance,
    ahead,
    begun,
    count,
    goals,
    product,
    reach,
    sprung,
)

__all__ = ["Found", "Horizons", "minimised"]

HOLD = 1e-9  # curvature of a step where nothing else holds it: it vanishes with the step, the answer does not know it
LEAST = 1e-4  # of the cost's unit, below which nothing is told apart
LOST = 1e-13  # of an equation, above which it is mended
SHORT = 0.995  # of the way to where a slack or a multiplier ends


@final
@dataclass(frozen=True, slots=True)
class Horizons:
    """The programs above: B episodes, each with numbers of about one.

    (B, T, n): bend q, slope c, lower, upper, start within bounds and rows, strictly but where pinned. (B, n): rho, up,
    down, first x_0. rise, fall (B, T, n), inf where nothing limits, or both None. kind (B, T) of `kernels/blocks.py`,
    high (B, T): rows of ones. impact (B, T, m, n), or (B, T, 1, n) diagonal. own e (B, k), on_y (B, h, m),
    on_a (B, h, k), offset (B, h); head (h,) as in `offline/cones.py`.
    demand, price, weight (B, T, n) of what is left unserved, or all None.
    """

    bend: Array
    slope: Array
    rho: Array
    up: Array
    down: Array
    rise: Array | None
    fall: Array | None
    first: Array
    lower: Array
    upper: Array
    high: Array
    kind: NDArray[np.int64]
    pinned: NDArray[np.bool_]
    start: Array
    impact: Array
    diagonal: bool
    own: Array
    on_y: Array
    on_a: Array
    offset: Array
    head: tuple[int, ...]
    demand: Array | None = None
    price: Array | None = None
    weight: Array | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Found:
    """x (B, T, n), y's price kappa (B, m), what moves are pushed with and the limits' part of it (B, T, n); steps,
    gap per round and share of the equations left (B,).
    """

    x: Array
    kappa: Array
    push: Array
    held: Array
    steps: NDArray[np.int64]
    gap: Array
    left: Array

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class _State:
    """Where the episodes with these ``numbers`` are: data, pairs, x, s and z of the fairness cost, its
    auxiliaries, what is missed of its rows, kappa, share left, room for factors. Arrays are changed in place.
    """

    numbers: NDArray[np.intp]
    data: Horizons
    chain: Chain
    bounds: Pairs
    limits: Pairs | None
    springs: Springs | None
    rows: Pairs | None
    lacks: Lacks | None
    x: Array
    s: Array
    z: Array
    aside: Array
    missed: Array
    kappa: Array
    left: Array
    open_: Array

    def _all(self) -> tuple[Any, ...]:
        return self.bounds, self.limits, self.springs, self.rows, self.lacks

    def every(self) -> list[Any]:
        """All pairs but the fairness cost's."""
        return [part for part in self._all() if part is not None]

    def chosen(self, keep: Any) -> _State:
        """Some of the episodes."""
        limits = None if self.limits is None else self.limits.chosen(keep)
        springs = None if self.springs is None else self.springs.chosen(keep)
        rows = None if self.rows is None else self.rows.chosen(keep)
        lacks = None if self.lacks is None else self.lacks.chosen(keep)
        data, chain, bounds = _chosen(self.data, keep), self.chain.chosen(keep), self.bounds.chosen(keep)
        x, s, z, aside, missed = (part[keep] for part in (self.x, self.s, self.z, self.aside, self.missed))
        room = self.open_[: np.count_nonzero(keep)]
        return _State(
            self.numbers[keep], data, chain, bounds, limits, springs, rows, lacks, x, s, z, aside, missed,
            self.kappa[keep], self.left[keep], room,
        )  # fmt: skip


def _chosen(data: Horizons, keep: Any) -> Horizons:
    def pick(value: Any) -> Any:
        return value[keep] if isinstance(value, np.ndarray) else value

    return Horizons(*(pick(getattr(data, name)) for name in Horizons.__slots__))


def minimised(data: Horizons, tolerance: float, most: int) -> Found:
    """The minimisers, in at most ``most`` steps, to a share ``tolerance`` of the equations left and of the cost as gap.

    Raises numpy.linalg.LinAlgError where the fairness cost leaves a direction open.
    """
    with np.errstate(all="ignore"):  # what runs into an end is seen in its gap
        state = _started(data)
        B, rounds = data.start.shape[:2]
        found = Found(
            np.empty_like(data.start), np.empty((B, data.on_y.shape[-1])), np.zeros_like(data.start),
            np.zeros_like(data.start), np.zeros(B, dtype=np.int64), np.empty(B), np.empty(B),
        )  # fmt: skip
        pairs = np.full(B, float(cones.count(data.head)))
        for part in state.every():
            pairs += count(part)
        alpha = np.ones(B)
        for step in range(most + 1):
            gap = reduce.inner(state.s, state.z)
            for part in state.every():
                gap = gap + product(part.s, part.z)
            go = ~((gap <= tolerance * rounds) & (state.left <= tolerance))
            if not go.all():
                go |= gap > tolerance * rounds * _size(state)
            go &= (alpha >= 1e-8) & (step < most)
            if not go.all():
                _keep(found, state, ~go, step, gap / rounds)
                if not go.any():
                    break
                state, gap, pairs = state.chosen(go), gap[go], pairs[go]
            alpha = _step(state, gap, pairs)
    return found


def _started(data: Horizons) -> _State:
    """The pairs at the start."""
    x = data.start.copy()
    B, rounds, n = x.shape
    d = _moves(x, data.first)
    free = ~data.pinned
    bounds = begun(np.where(free, data.upper - x, np.inf), np.where(free, x - data.lower, np.inf))
    limits = None
    if data.rise is not None and data.fall is not None:
        limits = begun(data.rise - d, data.fall + d, 0.1)
    springs = sprung(d, data.up, data.down) if (data.up + data.down).any() else None
    rows = None
    if (data.kind == LIMIT).any():
        room = np.where(data.kind == LIMIT, data.high - reduce.total(x), np.inf)
        rows = begun(room, np.full_like(room, np.inf))
    lacks = None
    if data.demand is not None and data.price is not None and data.weight is not None:
        lacks = lacking(x, data.demand, data.price, data.weight)
    chain = Chain(data.impact, data.diagonal, data.pinned, data.kind, data.on_y, data.on_a)
    missed = data.offset - reduce.apply(data.on_y, borne(chain, x))  # auxiliaries start at 0
    s, z = cones.begun(data.head, missed, float(rounds))
    kappa = reduce.apply_transposed(data.on_y, z) / rounds
    open_ = np.empty((B, rounds, n, n))
    each, aside = np.arange(B), np.zeros(data.own.shape)
    missed -= s
    return _State(
        each, data, chain, bounds, limits, springs, rows, lacks, x, s, z, aside, missed, kappa, np.ones(B), open_
    )  # fmt: skip


def _keep(found: Found, state: _State, done: NDArray[np.bool_], step: int, gap: Array) -> None:
    """What is found of the episodes that are done."""
    at = state.numbers[done]
    found.x[at], found.kappa[at] = state.x[done], state.kappa[done]
    found.steps[at], found.gap[at], found.left[at] = step, gap[done], state.left[done]
    if state.springs is not None:
        found.push[at] = state.springs.push[done]
    if state.limits is not None:
        found.held[at] = state.limits.z[0, done] - state.limits.z[1, done]


def _size(state: _State) -> Array:
    """Size of the cost per round (B,), between LEAST and 1: an optimum that costs next to nothing is to be as exact."""
    data, x = state.data, state.x
    hitting = reduce.inner(0.5 * data.bend * x + data.slope, x)
    moving = reduce.inner(data.rho[:, None, :] * _moves(x, data.first), _moves(x, data.first))
    fair = reduce.inner(state.kappa, borne(state.chain, x))
    parts = np.abs(reduce.total(hitting)) + reduce.total(moving)
    if state.lacks is not None:
        parts += reduce.total(reduce.inner(state.lacks.z[0] + state.lacks.z[1], state.lacks.s[0]))
    return np.clip(parts / x.shape[1] + np.abs(fair), LEAST, 1.0)


def _moves(x: Array, first: Array | float) -> Array:
    """x_t - x_{t-1}: (B, T, n)."""
    d = np.empty_like(x)
    d[:, 0] = x[:, 0] - first
    np.subtract(x[:, 1:], x[:, :-1], out=d[:, 1:])
    return d


def _step(state: _State, gap: Array, pairs: Array) -> Array:
    """One step, predictor and corrector; gives its length alpha (B,)."""
    data, head, every = state.data, state.data.head, state.every()
    sigma = np.zeros(data.kind.shape) if state.rows is None else state.rows.stiffness()
    bend = data.bend + HOLD
    for part in (state.bounds, state.lacks):
        if part is not None:
            bend += part.stiffness()
    link = np.empty_like(bend)
    link[...] = data.rho[:, None, :]
    for part in (state.springs, state.limits):
        if part is not None:
            link += part.stiffness()
    square = cones.squared(head, state.s, state.z)
    system, fine = factored(state.chain, bend, link, sigma, square, state.open_)
    shift = cones.settled(head, state.s, state.z, state.s, state.z, None)
    ways, border, _ = _direction(state, system, [0.0] * len(every), shift, 0)
    alpha = np.minimum(1.0, _longest(state, ways, border))
    after = reduce.inner(state.s + alpha[:, None] * border.s, state.z + alpha[:, None] * border.z)
    for part, way in zip(every, ways[1:], strict=True):
        after = after + ahead(part, way, alpha)
    center = gap / pairs * np.clip(after / gap, 0.0, 1.0) ** 3
    aims = [goals(part, way, center) for part, way in zip(every, ways[1:], strict=True)]
    shift = cones.settled(head, state.s, state.z, border.s, border.z, center)
    ways, border, aside = _direction(state, system, aims, shift, REFINED)
    alpha = np.minimum(1.0, SHORT * _longest(state, ways, border))
    alpha = np.where(fine & np.isfinite(alpha), alpha, 0.0)
    _advance(state, ways, border, aside, alpha)
    return alpha


def _direction(
    state: _State, system: System, aims: list[Any], shift: Array, refined: int
) -> tuple[list[Direction], Direction, Array]:
    """The directions of x (its s) and all pairs, of the fairness cost's, and of its auxiliaries."""
    data, chain, every = state.data, state.chain, state.every()
    rounds, h = state.x.shape[1], state.s.shape[-1]
    right = data.bend * state.x
    right += data.slope
    force = data.rho[:, None, :] * _moves(state.x, data.first)
    for part, aim in zip(every, aims, strict=True):
        if part is state.bounds or part is state.lacks:
            right += part.pull(aim)
        elif part is state.rows:
            right += np.asarray(part.pull(aim))[..., None]
        else:
            force += part.pull(aim)
    right += force
    right[:, :-1] -= force[:, 1:]
    right += chain.tilt(state.kappa)
    owed = rounds * data.own + reduce.apply_transposed(data.on_a, state.z)
    dx, found = system.solved(right, np.concatenate([shift - state.missed, owed], axis=-1), refined)
    ways = [Direction(dx, dx)]
    for part, aim in zip(every, aims, strict=True):
        if part is state.rows:
            step = reduce.total(dx)
        else:
            step = dx if part is state.bounds or part is state.lacks else _moves(dx, 0.0)
        ways.append(part.direct(step, aim))
    dz = found[:, :h]
    return ways, Direction(shift - reduce.apply(system.square, dz), dz), found[:, h:]


def _longest(state: _State, ways: list[Direction], border: Direction) -> Array:
    """The longest step that keeps every slack and multiplier: (B,), at most 1 / SHORT."""
    most = np.full(state.x.shape[0], SHORT)
    for part, way in zip(state.every(), ways[1:], strict=True):
        most = np.maximum(most, reach(part, way))
    for part, change in ((state.s, border.s), (state.z, border.z)):
        most = np.maximum(most, cones.reach(state.data.head, part, change))
    return 1.0 / most


def _advance(state: _State, ways: list[Direction], border: Direction, aside: Array, alpha: Array) -> None:
    """The step, in place; an episode with alpha = 0 stays where it is."""
    each, small = alpha[:, None, None], alpha[:, None]
    still = alpha == 0.0
    if still.any():
        for way in ways[1:]:
            way.s[:, still] = way.z[:, still] = 0.0
        ways[0].s[still] = border.s[still] = border.z[still] = aside[still] = 0.0
    for part, way in zip(state.every(), ways[1:], strict=True):
        advance(part, way, alpha)
    state.x[...] += each * ways[0].s
    state.s[...] += small * border.s
    state.z[...] += small * border.z
    state.aside[...] += small * aside
    state.missed[...] *= 1.0 - small
    data = state.data
    reached = data.offset - reduce.apply(data.on_y, borne(state.chain, state.x)) - reduce.apply(data.on_a, state.aside)
    lost = reached - state.s - state.missed  # what factors lost; below that it is rounding, which steep weights enlarge
    state.missed[...] += np.where(np.abs(lost) > LOST, lost, 0.0)
    state.kappa[...] += small * reduce.apply_transposed(state.data.on_y, border.z) / state.x.shape[1]
    state.left[...] *= 1.0 - alpha
