"""The (R, delta)-benchmark: how far a sequence's burdens stray, frame by frame, from their mean.

T = K R; a sequence is (R, delta)-feasible when

    sum_k || sum_{t in frame k} A_t x_t - (R/T) sum_s A_s x_s || <= delta.                                    (6)

The norm is the one that the reference function pairs with kappa's: Euclidean h -> Euclidean, Entropy -> l_inf.
Here are the measured delta, the cones that (6) adds to the horizon program, and the multipliers that prove the answer.
Source: spec/online.md §4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array
from evenhand.core import Mirror, Problem
from evenhand.errors import ParameterError, ProblemError
from evenhand.mirror import Entropy, Euclidean
from evenhand.offline.horizon import Epigraph, Horizon, build
from evenhand.solvers import clarabel, conic
from evenhand.trajectory import Trajectory

__all__ = [
    "FramePrices",
    "attained_deviation",
    "burden_exponent",
    "check_frame",
    "divisors",
    "frame_prices",
    "least_deviation",
    "linear",
    "periodicity",
    "size",
    "with_frames",
]


def divisors(rounds: int) -> tuple[int, ...]:
    """The frame lengths R that divide T, ascending."""
    return tuple(r for r in range(1, rounds + 1) if rounds % r == 0)


def check_frame(frame: Any, rounds: int) -> int:
    """R as an int. Raises ParameterError, naming the allowed lengths, where it does not divide T."""
    if int(frame) != frame or frame < 1 or rounds % int(frame):
        allowed = ", ".join(str(r) for r in divisors(rounds))
        raise ParameterError(f"frame is {frame!r}: it must divide the {rounds} rounds; allowed: {allowed}")
    return int(frame)


def burden_exponent(mirror: Mirror) -> float:
    """Exponent of the norm in which burdens are measured under a reference function: 2 or inf."""
    if isinstance(mirror, Euclidean):
        return 2.0
    if isinstance(mirror, Entropy):
        return np.inf
    raise ParameterError(f"mirror is {mirror!r}: burdens are measured for Euclidean() or Entropy()")


def size(burden: Array, mirror: Mirror, *, dual: bool = False) -> Array:
    """Norm of burdens (..., m) under h, or (dual) of prices: Euclidean both, or l_inf and l_1."""
    order = burden_exponent(mirror)
    return np.linalg.norm(burden, ord=1.0 if dual and order == np.inf else order, axis=-1)


def attained_deviation(burdens: Array | Trajectory, frame: int, mirror: Mirror = Euclidean()) -> Array:
    """The delta of (6) that a sequence attains for frames of R rounds: burdens (..., T, m) or a run -> (...).

    Raises ParameterError where R does not divide T.
    """
    borne = burdens.burdens if isinstance(burdens, Trajectory) else np.asarray(burdens, dtype=np.float64)
    rounds, m = borne.shape[-2:]
    length = check_frame(frame, rounds)
    frames = borne.reshape(*borne.shape[:-2], rounds // length, length, m).sum(axis=-2)
    return size(frames - frames.mean(axis=-2, keepdims=True), mirror).sum(axis=-1)


def periodicity(burdens: Array | Trajectory, mirror: Mirror = Euclidean()) -> Mapping[int, Array]:
    """`attained_deviation` for every frame length that divides T: how periodic a sequence is. 0 at R = T."""
    borne = burdens.burdens if isinstance(burdens, Trajectory) else np.asarray(burdens, dtype=np.float64)
    return {length: attained_deviation(borne, length, mirror) for length in divisors(borne.shape[-2])}


@final
@dataclass(frozen=True, slots=True)
class FramePrices:
    """Multipliers of (6): what every round of frame k pays above kappa (..., K, m), and lambda delta (...).

    For any p_k with ||p_k||_* <= lambda, sum_k p_k . u_k <= lambda delta on (R, delta)-feasible sequences; with
    u_k = sum_{frame} A_t x_t - R y the rounds of frame k see the price p_k - mean p. ``above`` holds that difference.
    """

    above: Array
    charge: Array


def with_frames(program: Horizon, problem: Problem, frame: int, deviation: float, mirror: Mirror) -> Horizon:
    """The horizon program with (6) added: variables s_1..s_K last, rows last, sum s <= deviation the last of them.

    Deviation 0 becomes equations, an infinite one leaves the ceiling out.
    """
    c = clarabel()
    rounds, m, start = problem.horizon, program.m, program.n_x
    frames = rounds // frame
    impact = program.A[program.burden_rows, :start].tocoo()  # minus (A_1 ... A_T)
    entity, column, weight = impact.row, impact.col, -impact.data
    which = column // (start // rounds) // frame
    width = program.A.shape[1]
    every, each = np.arange(frames), np.arange(m)
    exact = deviation == 0.0
    top = 0 if exact else 1  # Euclidean: row 0 of each cone is s_k
    if exact or burden_exponent(mirror) == 2.0:
        block = m + top
        sign = 1.0 if exact else -1.0
        row = np.concatenate([which * block + top + entity, (every[:, None] * block + top + each).reshape(-1)])
        col = np.concatenate([column, np.tile(start + each, frames)])
        value = np.concatenate([sign * weight, np.full(frames * m, -sign * frame)])
        if exact:
            return _stack(program, (row, col, value), np.zeros(frames * m), [c.ZeroConeT(frames * m)], 0)
        row = np.concatenate([row, every * block])
        col = np.concatenate([col, width + every])
        value = np.concatenate([value, np.full(frames, -1.0)])
        height = frames * block
        cones = [c.SecondOrderConeT(block)] * frames
    else:
        half = frames * m
        i = np.concatenate([which * m + entity, (every[:, None] * m + each).reshape(-1)])
        j = np.concatenate([column, np.tile(start + each, frames)])
        v = np.concatenate([weight, np.full(half, -float(frame))])
        lid = np.arange(half)
        row = np.concatenate([i, i + half, lid, lid + half])
        col = np.concatenate([j, j, *[width + lid // m] * 2])
        value = np.concatenate([v, -v, np.full(2 * half, -1.0)])
        height = 2 * half
        cones = [c.NonnegativeConeT(height)]
    bound = np.zeros(height)
    if np.isfinite(deviation):
        row = np.concatenate([row, np.full(frames, height)])
        col = np.concatenate([col, width + every])
        value = np.concatenate([value, np.ones(frames)])
        bound = np.append(bound, deviation)
        cones.append(c.NonnegativeConeT(1))
    return _stack(program, (row, col, value), bound, cones, frames)


def _stack(program: Horizon, extra: tuple[Any, Any, Array], bound: Array, cones: list[Any], more: int) -> Horizon:
    """Rows below and ``more`` variables without cost to the right."""
    height, width = program.A.shape
    old = program.A.tocoo()
    A = sp.csc_matrix(
        (
            np.concatenate([old.data, extra[2]]),
            (np.concatenate([old.row, extra[0] + height]), np.concatenate([old.col, extra[1]])),
        ),
        shape=(height + bound.shape[0], width + more),
    )
    P = program.P
    pointers = np.concatenate([P.indptr, np.full(more, P.indptr[-1], dtype=P.indptr.dtype)])
    return Horizon(
        sp.csc_matrix((P.data, P.indices, pointers), shape=(width + more, width + more)),
        np.concatenate([program.q, np.zeros(more)]),
        A,
        np.concatenate([program.b, bound]),
        [*program.cones, *cones],
        program.burden_rows,
        program.n_x,
        program.m,
        program.epigraph,
    )


def frame_prices(z: Array, m: int, frames: int, deviation: float, mirror: Mirror) -> tuple[FramePrices, Array]:
    """From the multipliers z of the rows that `with_frames` added: the prices, and mean p, which belongs to kappa."""
    if deviation == 0.0:
        price = z.reshape(frames, m)
    elif burden_exponent(mirror) == 2.0:
        price = -z[:-1].reshape(frames, m + 1)[:, 1:]
    else:
        both = z[:-1].reshape(2, frames, m)
        price = both[0] - both[1]
    mean = price.mean(axis=0)
    charge = 0.0 if deviation == 0.0 else deviation * size(price, mirror, dual=True).max()
    return FramePrices(price - mean, np.asarray(charge)), mean


def linear(price: Array) -> Epigraph:
    """price . y as a cost of the mean burden y, in place of g: the inner problem of the dual bound (11)."""
    cone = [clarabel().NonnegativeConeT(1)]
    return Epigraph(np.ones(1), sp.csr_matrix(price[None, :]), sp.csr_matrix([[-1.0]]), np.zeros(1), cone)


def least_deviation(problem: Problem, frame: int, mirror: Mirror = Euclidean()) -> float:
    """The least delta of (6) that any feasible sequence attains, one episode; to 1e-6 relative."""
    if problem.lead:
        raise ProblemError(f"least_deviation takes one episode, this problem has leading axes {problem.lead}")
    length = check_frame(frame, problem.horizon)
    program = with_frames(build(problem, linear(np.zeros(problem.impact.entities))), problem, length, np.inf, mirror)
    frames = problem.horizon // length
    q = np.zeros_like(program.q)
    q[program.n_x + program.m] = 1.0  # holds the unused epigraph variable at zero
    q[-frames:] = 1.0
    answer = conic(sp.csc_matrix(program.P.shape), q, program.A, program.b, program.cones, tolerance=1e-7)
    return max(0.0, float(answer.x[-frames:].sum()))
