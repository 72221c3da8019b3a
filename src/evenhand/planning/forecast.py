"""A causal forecast: what the same hour of earlier days did, and the round at hand. Never the future.

Per phase of the period a `Memory` keeps how often it was seen, the largest demand, and the mean costs and impacts.
Demand is forecast in one of two ways. `level`: the phase's mean at today's level. `peak`, prudent against a surge that
was not planned for: each hour to come is taken as the busiest seen at its phase, lifted
when the hour at hand exceeds what its phase ever asked. Costs and impacts are phase means plus today's deviation,
fading by ``FADE`` a round. A phase never seen is taken to be like the round at hand. `peak` was chosen on
geo7, whose quiet weekend ends in a surge; on the demand of another service it costs more than no forecast
(benchmarks/adaptive.py prints both), where `level` gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from evenhand.columns import Array, layout, rebuild
from evenhand.core import Problem, Round
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ParameterError
from evenhand.kernels import reduce
from evenhand.sets import Box, Budget

__all__ = ["Memory", "ahead", "chained", "observe", "remember"]

#: what is left after one round of a deviation of costs or impacts from their usual value
FADE = 0.9


@final
@dataclass(frozen=True, slots=True)
class Memory:
    """What was seen at each of p phases; phase 0 is that of the episode's round 0.

    count (..., p), float; peak, mean: demand (..., p); linear (..., p, n); impact (..., p, *core).
    """

    count: Array
    peak: Array
    mean: Array
    linear: Array
    impact: Array


def chained(round: Round) -> bool:
    """Whether the horizon can be planned by the chain kernel: a diagonal quadratic over a budget or a box."""
    return isinstance(round.cost, Quadratic) and isinstance(round.feasible, Budget | Box) and _column(round) is not None


def _column(round: Round) -> tuple[str, int] | None:
    """The one column of the impact, and its rank."""
    columns = [(name, rank) for name, rank in layout(type(round.impact)) if rank is not None]  # pyright: ignore[reportArgumentType]
    return columns[0] if len(columns) == 1 else None


def _demand(round: Round) -> Array:
    """The total to place (...), 0 for a box."""
    if isinstance(round.feasible, Budget):
        return round.feasible.total
    return np.zeros(round.feasible.bounds[0].shape[:-1])


def observe(memory: Memory | None, round: Round, period: int) -> Memory:
    """The memory after one more round."""
    if period < 1:
        raise ParameterError(f"period is {period}: it must be at least one round")
    name, rank = _column(round) or ("", 0)
    total, linear, impact = _demand(round), round.cost.linear, getattr(round.impact, name)  # pyright: ignore[reportAttributeAccessIssue]
    lead = np.broadcast_shapes(total.shape, linear.shape[:-1], impact.shape[: impact.ndim - rank])
    if memory is None:
        memory = Memory(
            np.zeros((*lead, period)),
            np.zeros((*lead, period)),
            np.zeros((*lead, period)),
            np.zeros((*lead, period, linear.shape[-1])),
            np.zeros((*lead, period, *impact.shape[impact.ndim - rank :])),
        )
    lead = np.broadcast_shapes(lead, memory.count.shape[:-1])
    phase = round.index % period
    at = (..., phase)
    count = np.broadcast_to(memory.count, (*lead, period)).copy()
    before = count[at].copy()
    count[at] = before + 1.0

    def averaged(old: Array, new: Array, rank: int) -> Array:
        kept = np.broadcast_to(old, (*lead, *old.shape[old.ndim - rank - 1 :])).copy()
        spot = (..., phase) + (slice(None),) * rank
        weight = (1.0 / (before + 1.0))[(...,) + (None,) * rank]
        kept[spot] += (new - kept[spot]) * weight
        return kept

    peak = np.broadcast_to(memory.peak, (*lead, period)).copy()
    peak[at] = np.where(before > 0, np.maximum(peak[at], total), total)
    return Memory(
        count,
        peak,
        averaged(memory.mean, total, 0),
        averaged(memory.linear, linear, 1),
        averaged(memory.impact, impact, rank),
    )


def remember(problem: Problem, period: int, starts: Sequence[int]) -> Memory | None:
    """The memories of windows that start at rounds ``starts`` of one long episode: only rounds before each start.

    Leading axis: the windows, in the order of ``starts``. None when no window has a past.
    """
    if problem.lead:
        raise ParameterError(f"remember needs one episode, this problem has leading axes {problem.lead}")
    if not len(starts) or min(starts) < 0 or max(starts) > problem.horizon:
        raise ParameterError(f"starts must lie in [0, {problem.horizon}], and there must be one")
    past: list[Memory | None] = [None]
    for round in problem.rounds:
        past.append(observe(past[-1], round, period))
    some = past[1]
    if some is None or max(starts) == 0:
        return None
    blank = Memory(*(np.zeros_like(getattr(some, name)) for name, _ in layout(Memory)))
    chosen = [past[start] or blank for start in starts]
    return Memory(
        *(
            np.stack([np.roll(getattr(m, name), -(s % period), axis=0) for m, s in zip(chosen, starts, strict=True)])
            for name, _ in layout(Memory)
        )
    )


def ahead(
    round: Round, before: Memory | None, after: Memory, length: int, demand: Literal["held", "peak", "level"]
) -> Round:
    """The round at hand and a forecast of the next ``length - 1``, as one Round with a time axis before the actions.

    ``before`` and ``after``: memory without and with this round. ``demand``: `peak`, the busiest of the phase, lifted;
    `level`, the mean of the phase scaled to today's level; `held`, the total at hand.
    """
    cost, feasible = round.cost, round.feasible
    name, rank = _column(round) or ("", 0)
    assert isinstance(cost, Quadratic)
    linear, impact, total = cost.linear, getattr(round.impact, name), _demand(round)
    period = after.count.shape[-1]
    here = round.index % period
    phases = (round.index + np.arange(length)) % period
    known = after.count[..., phases] > 0
    met = np.zeros(after.count.shape[:-1], dtype=np.bool_) if before is None else before.count[..., here] > 0
    fade = FADE ** np.arange(length) * np.where(met, 1.0, 0.0)[..., None]

    def spread(now: Array, mean: str, rank: int) -> Array:
        """(..., *core) -> (..., length, *core): phase means plus a fading deviation, the round at hand first."""
        wide = np.expand_dims(now, now.ndim - rank)
        wide = np.broadcast_to(wide, (*wide.shape[: wide.ndim - rank - 1], length, *wide.shape[wide.ndim - rank :]))
        usual = getattr(after, mean)[(..., phases) + (slice(None),) * rank]
        past = getattr(before or after, mean)[(..., here) + (slice(None),) * rank]
        tail = (...,) + (None,) * rank
        off = np.expand_dims(now - past, now.ndim - rank)
        guess = np.where(known[tail], usual + fade[tail] * off, wide)
        guess = np.where((wide >= 0) & (guess < 0), 0.0, guess)
        first = (np.arange(length) == 0)[(slice(None),) + (None,) * rank]
        return np.where(first, wide, guess)

    lower, upper = (spread_constant(end, length) for end in feasible.bounds)
    if isinstance(feasible, Box):
        ends: Any = rebuild(feasible, {"lower": lower, "upper": upper})
    else:
        wide = np.broadcast_to(total[..., None], (*total.shape, length))
        if demand != "held":
            prudent = demand == "peak"
            level = np.ones(met.shape)
            if before is not None:
                usual = (before.peak if prudent else before.mean)[..., here]
                level = np.divide(total, usual, out=np.ones(met.shape), where=met & (usual > 0))
                level = np.maximum(level, 1.0) if prudent else level
            seen = (after.peak if prudent else after.mean)[..., phases]
            wide = np.where(known, seen * level[..., None], wide)
        floor, ceiling = reduce.total(lower), reduce.total(upper)
        wide = np.where(np.arange(length) == 0, total[..., None], np.minimum(np.maximum(wide, floor), ceiling))
        ends = rebuild(feasible, {"total": wide, "lower": lower, "upper": upper})
    bend = spread_constant(cost.curvature, length)
    return Round(
        round.index,
        rebuild(cost, {"linear": spread(linear, "linear", 1), "curvature": bend}),
        rebuild(round.impact, {name: spread(impact, "impact", rank)}),
        ends,
    )


def spread_constant(now: Array, length: int) -> Array:
    """(..., n) held for ``length`` rounds: (..., length, n), a view."""
    return np.broadcast_to(now[..., None, :], (*now.shape[:-1], length, now.shape[-1]))
