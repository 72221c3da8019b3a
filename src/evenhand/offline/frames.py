"""The (R, delta)-benchmark: how far a sequence's burdens stray, frame by frame, from their mean.

T = K R; a sequence is (R, delta)-feasible when

    sum_k || sum_{t in frame k} A_t x_t - (R/T) sum_s A_s x_s || <= delta.                                    (6)

The norm is the one that the reference function pairs with kappa's: Euclidean h -> Euclidean, Entropy -> l_inf, and
any other as it says itself.
Here are the measured delta, the cones that (6) adds to the horizon program, and the multipliers that prove the answer.
Source: spec/online.md §4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, numbers, offers, rebuild, whole
from evenhand.conic import Epigraph
from evenhand.core import Mirror, Problem
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import InfeasibleError, ParameterError, ProblemError, SolverError, expect, shown
from evenhand.mirror import Euclidean
from evenhand.offline.duality import lower_bound_at
from evenhand.offline.horizon import Horizon
from evenhand.offline.moves import least_within
from evenhand.offline.program import Answer, FramePrices, answered, forces_of, restored, unpacked
from evenhand.offline.sizes import measure
from evenhand.offline.units import rescaled
from evenhand.solvers import clarabel
from evenhand.trajectory import Trajectory, evaluate
from evenhand.units import Units

__all__ = [
    "FramePrices",
    "attained_deviation",
    "burden_weights",
    "check_frame",
    "divisors",
    "frame_prices",
    "least_deviation",
    "least_proved",
    "linear",
    "periodicity",
    "size",
    "with_frames",
]


#: how far (6) may be missed, relative to delta, and to the burdens' sum
EXACT, ROUNDING = 1e-7, 1e-10
#: how much of EXACT is used up where nothing else proves the answer
SHARES = (0.01, 0.1, 0.2, 0.5, 1.0)


def divisors(rounds: int) -> tuple[int, ...]:
    """The frame lengths R that divide T, ascending."""
    return tuple(r for r in range(1, rounds + 1) if rounds % r == 0)


def check_frame(frame: Any, rounds: int) -> int:
    """R as an int. Raises ParameterError, naming the allowed lengths, where it does not divide T."""
    try:
        length = whole("frame", frame)
    except ProblemError:
        length = 0
    if length < 1 or rounds % length:
        allowed = ", ".join(str(r) for r in divisors(rounds))
        raise ParameterError(f"frame is {shown(frame)}: it must divide the {rounds} rounds; allowed: {allowed}")
    return length


def burden_weights(mirror: Mirror, m: int) -> Array:
    """The weights of the norm in which burdens are measured under a reference function: (m,).

    Raises ParameterError for a norm that is no cone here, or weights for another number of entities.
    """
    if isinstance(mirror, type) or not offers(type(mirror), Mirror):
        raise ParameterError(f"mirror is {shown(mirror)}: give Euclidean() or Entropy(), or another `Mirror`")
    if mirror.order not in (2.0, np.inf):
        raise ParameterError(f"{type(mirror).__name__}.order is {mirror.order!r}: burdens are measured in l_2 or l_inf")
    weights = np.asarray(mirror.burden_weights, dtype=np.float64)
    if weights.shape not in ((), (1,), (m,)) or not (weights > 0.0).all():
        raise ParameterError(
            f"{type(mirror).__name__}.burden_weights is {weights}: give one number above 0 for each of {m} entities"
        )
    return np.broadcast_to(weights, (m,))


def size(burden: Array, mirror: Mirror, *, dual: bool = False) -> Array:
    """Norm of burdens (..., m) under h, ||w o y||_order, or (dual) of prices, the dual norm of kappa / w."""
    weights, order = burden_weights(mirror, burden.shape[-1]), mirror.order
    weighed = burden / weights if dual else burden * weights
    return np.linalg.norm(weighed, ord=1.0 if dual and order == np.inf else order, axis=-1)


def attained_deviation(burdens: Array | Trajectory, frame: int, mirror: Mirror = Euclidean()) -> Array:
    """The delta of (6) that a sequence attains for frames of R rounds: burdens (..., T, m) or a run -> (...).

    Raises ParameterError where R does not divide T.
    """
    borne = _borne(burdens)
    rounds, m = borne.shape[-2:]
    length = check_frame(frame, rounds)
    frames = borne.reshape(*borne.shape[:-2], rounds // length, length, m).sum(axis=-2)
    return size(frames - frames.mean(axis=-2, keepdims=True), mirror).sum(axis=-1)


def periodicity(burdens: Array | Trajectory, mirror: Mirror = Euclidean()) -> Mapping[int, Array]:
    """`attained_deviation` for every frame length that divides T: how periodic a sequence is. 0 at R = T."""
    borne = _borne(burdens)
    return {length: attained_deviation(borne, length, mirror) for length in divisors(borne.shape[-2])}


def _borne(burdens: Array | Trajectory) -> Array:
    """Burdens (..., T, m). Raises ProblemError for what is none."""
    expect("burdens", burdens, (Trajectory, np.ndarray), "a Trajectory, or burdens (..., T, m)")
    borne = burdens.burdens if isinstance(burdens, Trajectory) else numbers("burdens", burdens)
    if borne.ndim < 2 or not borne.shape[-2] or not borne.shape[-1]:
        raise ProblemError(f"burdens has shape {borne.shape}: it must be (..., T, m), with a round and an entity")
    return borne


def with_frames(program: Horizon, problem: Problem, frame: int, deviation: float, mirror: Mirror) -> Horizon:
    """The horizon program with (6) added: variables s_1..s_K last, rows last, sum s <= deviation the last of them.

    Deviation 0 becomes equations, an infinite one leaves the ceiling out.
    """
    c = clarabel()
    rounds, m, start = problem.horizon, program.m, program.n_x
    frames = rounds // frame
    impact = program.A[program.burden_rows, :start].tocoo()  # minus (A_1 ... A_T)
    entity, column = impact.row, impact.col
    scale = burden_weights(mirror, m)
    weight = -impact.data * (1.0 if deviation == 0.0 else scale[entity])
    which = column // (start // rounds) // frame
    width = program.A.shape[1]
    every, each = np.arange(frames), np.arange(m)
    exact = deviation == 0.0
    top = 0 if exact else 1  # Euclidean: row 0 of each cone is s_k
    mean = np.full(m, float(frame)) if exact else frame * scale
    if exact or mirror.order == 2.0:
        block = m + top
        sign = 1.0 if exact else -1.0
        row = np.concatenate([which * block + top + entity, (every[:, None] * block + top + each).reshape(-1)])
        col = np.concatenate([column, np.tile(start + each, frames)])
        value = np.concatenate([sign * weight, np.tile(-sign * mean, frames)])
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
        v = np.concatenate([weight, np.tile(-mean, frames)])
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
    return replace(
        program,
        P=sp.csc_matrix((P.data, P.indices, pointers), shape=(width + more, width + more)),
        q=np.concatenate([program.q, np.zeros(more)]),
        A=A,
        b=np.concatenate([program.b, bound]),
        cones=[*program.cones, *cones],
        above_frames=height,
    )


def frame_prices(
    z: Array, m: int, frames: int, deviation: float, exact: bool, mirror: Mirror
) -> tuple[FramePrices, Array]:
    """From the multipliers z of the rows that `with_frames` added: the prices, and mean p, which belongs to kappa.

    exact: they are those of equations, (6) with delta = 0.
    """
    price = _prices(z, m, frames, exact, mirror)
    mean = price.mean(axis=0)
    charge = deviation * size(price, mirror, dual=True).max()
    return FramePrices(price - mean, np.asarray(charge)), mean


def _prices(z: Array, m: int, frames: int, exact: bool, mirror: Mirror) -> Array:
    """p_k (K, m)."""
    if exact:
        return z.reshape(frames, m)
    scale = burden_weights(mirror, m)
    if mirror.order == 2.0:
        return -z[: frames * (m + 1)].reshape(frames, m + 1)[:, 1:] * scale
    both = z[: 2 * frames * m].reshape(2, frames, m)
    return (both[0] - both[1]) * scale


def linear(price: Array) -> Epigraph:
    """price . y as a cost of the mean burden y, in place of g: the inner problem of the dual bound (11)."""
    cone = [clarabel().NonnegativeConeT(1)]
    return Epigraph(np.ones(1), sp.csr_matrix(price[None, :]), sp.csr_matrix([[-1.0]]), np.zeros(1), cone)


def least_deviation(problem: Problem, frame: int, mirror: Mirror = Euclidean()) -> float:
    """The least delta of (6) that any feasible sequence attains, one episode: a sequence was found that attains it."""
    if problem.lead:
        raise ProblemError(f"least_deviation takes one episode, this problem has leading axes {problem.lead}")
    length = check_frame(frame, problem.horizon)
    units = measure(problem, alike=True).units
    return least_proved(rescaled(problem, units), length, mirror)[1] * float(units.burden[0])


def least_proved(view: Problem, frame: int, mirror: Mirror) -> tuple[float, float]:
    """What every sequence's deviation is proved to be at least, and what one attains; data of about one.

    For prices with ||p_k||_* <= 1, sum_k ||u_k|| >= sum_k p_k . u_k = sum_t (p_k(t) - mean p) . A_t x_t, which is
    minimised exactly over the sets.
    """
    m, frames = view.impact.entities, view.horizon // frame
    nothing = Quadratic(np.zeros((view.horizon, view.setting.initial.shape[0])))

    def alone(plain: Horizon) -> Horizon:
        program = with_frames(plain, view, frame, np.inf, mirror)
        q = np.zeros_like(program.q)
        q[program.n_x + program.m] = 1.0  # holds the unused epigraph variable at zero
        q[-frames:] = 1.0
        return replace(program, P=sp.csc_matrix(program.P.shape), q=q)

    limits = replace(view.setting, switching=view.setting.switching.moves.alone())
    bare = rebuild(view, {"cost": nothing, "setting": limits})
    program, answer = answered(bare, alone, linear(np.zeros(m)))
    x = restored(view, answer.x[: program.n_x].reshape(view.horizon, -1))
    reached = float(attained_deviation(view.impact.burden(x), frame, mirror))
    price = _prices(answer.z[program.above_frames :], m, frames, False, mirror)
    price = price / np.maximum(size(price, mirror, dual=True), 1.0)[:, None]
    above = np.repeat(price - price.mean(axis=0), frame, axis=0)
    _, held = forces_of(bare, program.moves, answer.z[program.moved_rows])
    return max(0.0, least_within(bare, view.impact.tilt(above), held)), reached


def framed(view: Problem, frame: int, deviation: float, mirror: Mirror, units: Units) -> Answer:
    """(R, delta)-OPT in units in which the data are of about one; delta in the user's.

    Raises InfeasibleError, naming the least delta, where every sequence is proved to attain more.
    """
    unit = float(units.burden[0])
    delta = deviation / unit
    answer = _tried(view, frame, delta, mirror)
    if answer is not None and _holds(view, answer, frame, delta, mirror):
        return answer
    low, reached = least_proved(view, frame, mirror)
    if delta >= low * (1.0 - EXACT):
        for share in SHARES:  # near the least there is little for a solver to move in, and it may stop short of an end
            room = max(delta, reached) * (1.0 + share * EXACT)
            answer = _tried(view, frame, room, mirror) or answer
            if answer is not None and _holds(view, answer, frame, room, mirror):
                return answer
        if delta >= reached and answer is not None:
            return answer
    raise InfeasibleError(
        f"no sequence has deviation {deviation:g} for frames of {frame} rounds: "
        f"the least is {_rounded_up(reached * unit):.6g}"
    )


def _rounded_up(value: float) -> float:
    """To six digits, so that the number printed can be asked for."""
    digit = 10.0 ** (np.floor(np.log10(value)) - 5.0) if value > 0.0 else 1.0
    return float(np.ceil(value / digit) * digit)


def _holds(view: Problem, answer: Answer, frame: int, delta: float, mirror: Mirror) -> bool:
    """Whether (6) is met and the answer is proved: data that leave no room are seen here."""
    burdens = view.impact.burden(answer.actions)
    reached = float(attained_deviation(burdens, frame, mirror))
    if not reached <= delta * (1.0 + EXACT) + ROUNDING * float(size(burdens, mirror).sum()):
        return False
    run = evaluate(view, answer.actions)
    away = run.cost.total - lower_bound_at(view, answer.actions, answer.kappa, answer.frames, run, answer.pushes)
    parts = np.abs(run.hitting.mean()) + run.switching.mean() + np.abs(run.cost.fairness)
    return bool(away <= EXACT * np.maximum(parts, 1e-4))


def _tried(view: Problem, frame: int, delta: float, mirror: Mirror) -> Answer | None:
    try:
        return _within(view, frame, delta, mirror)
    except (InfeasibleError, SolverError):
        return None


def _within(view: Problem, frame: int, delta: float, mirror: Mirror) -> Answer:
    """One solve. Its bound is charged for the deviation attained where rounding leaves that above delta."""
    program, answer = answered(view, lambda plain: with_frames(plain, view, frame, delta, mirror))
    found = unpacked(view, program, answer)
    reached = max(delta, float(attained_deviation(view.impact.burden(found.actions), frame, mirror)))
    exact = delta == 0.0
    prices, mean = frame_prices(
        answer.z[program.above_frames :], program.m, view.horizon // frame, reached, exact, mirror
    )
    return replace(found, kappa=found.kappa + mean, frames=prices)
