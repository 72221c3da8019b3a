"""A causal forecast: what the same hour of earlier days did, and the round at hand. Never the future.

Demands are forecast in one of five ways. `held`: as they are now. `usual`: the phase's mean. `fading`: the mean plus
today's deviation, fading by ``BRISK`` a round. `level`: the mean at today's level. `peak`, prudent against a surge that
was not planned for: each hour to come is taken as the busiest seen at its phase, lifted when the hour at hand exceeds
what its phase ever asked. Signals (costs, impacts) are phase means plus today's deviation, fading by ``FADE`` a round,
in `fading` by ``BRISK``; in `usual`, which takes every round for itself, it is gone in the next. A phase never seen is
taken to be like the round at hand. None is best everywhere: on geo7, whose quiet weekend ends in a surge, `peak` is, on
the demand of another service `level` (benchmarks/adaptive.py prints both), on real clients `fading`, on rounds drawn
independently `usual`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from evenhand.columns import Array, layout, rebuild
from evenhand.core import Round, view
from evenhand.kernels import reduce
from evenhand.planning.history import History, tracked
from evenhand.sets import Budget

__all__ = ["Demand", "ahead", "fan", "within"]

#: what is left after one round of a deviation of costs or impacts from their usual value
FADE = 0.9
#: and of everything's deviation, demands' too, in `fading`
BRISK = 0.8

Demand = Literal["held", "usual", "fading", "level", "peak"]


def ahead(round: Round, before: History | None, after: History, length: int, demand: Demand) -> Round:
    """The round at hand and a forecast of the next ``length - 1``, as one Round with a time axis before the actions.

    ``before`` and ``after``: history without and with this round.
    """
    return _made(round, _guesses(round, before, after, length, (demand,)), (length,))


def fan(round: Round, before: History | None, after: History, length: int, demands: tuple[Demand, ...]) -> Round:
    """`ahead` of several kinds at once, with an axis (k) for them before time: (..., k, h, .)."""
    return _made(round, _guesses(round, before, after, length, demands), (len(demands), length))


def _guesses(
    round: Round, before: History | None, after: History, length: int, demands: tuple[Demand, ...]
) -> dict[tuple[str, str], Array]:
    """What each kind says of every column that varies: (..., k, h, *core)."""
    period = after.count.shape[-1]
    here = round.index % period
    steps = np.arange(length, dtype=np.float64)
    phases = (round.index + np.arange(length)) % period
    known = after.count[..., phases] > 0
    met = np.zeros(after.count.shape[:-1], dtype=np.bool_) if before is None else before.count[..., here] > 0
    paces = np.array([{"usual": 0.0, "fading": BRISK}.get(demand, FADE) for demand in demands])
    fade = paces[:, None] ** steps * np.where(met, 1.0, 0.0)[..., None, None]
    now = steps == 0
    guesses: dict[tuple[str, str], Array] = {}
    peaks = 0
    for k, (part, name, rank, varies) in enumerate(tracked(round)):
        value = getattr(getattr(round, part), name)
        rest, tail = (slice(None),) * rank, (...,) + (None,) * rank
        first, sure = now[(slice(None),) + (None,) * rank], known[tail]
        usual = after.means[k][(..., phases, *rest)]
        wide = np.expand_dims(value, value.ndim - rank)

        def faded(
            share: Array, k: int = k, rest: Any = rest, tail: Any = tail, rank: int = rank, value: Array = value
        ) -> Array:
            """Deviations from the mean as they fade, share (..., k, h)."""
            past = (before or after).means[k][(..., here, *rest)]
            off = np.expand_dims(value - past, (value - past).ndim - rank)
            return share[tail] * np.expand_dims(off, off.ndim - rank)

        if varies == "signal":
            sure, usual, wide = (np.expand_dims(part_, part_.ndim - rank - 1) for part_ in (sure, usual, wide))
            guess = np.where(sure, usual + faded(fade), wide)
            guess = np.where(first, wide, np.where((wide >= 0) & (guess < 0), 0.0, guess))
            guesses[part, name] = guess
            continue
        each: list[Array] = []
        for i, demand in enumerate(demands):
            if demand == "held":
                guess = _held(value, rank, (length,))
            elif demand == "fading":
                come = faded(fade[..., i : i + 1, :])[(..., 0, slice(None), *rest)]
                guess = np.where(sure, usual + come, wide)
                guess = np.where(first, wide, np.where((wide >= 0) & (guess < 0), 0.0, guess))
            else:
                prudent = demand == "peak"
                level = np.ones(met.shape + value.shape[value.ndim - rank :])
                if before is not None and demand != "usual":
                    past = (before.peaks[peaks] if prudent else before.means[k])[(..., here, *rest)]
                    level = np.divide(value, past, out=np.ones_like(level), where=met[tail] & (past > 0))
                    level = np.maximum(level, 1.0) if prudent else level
                seen = after.peaks[peaks][(..., phases, *rest)] if prudent else usual
                lifted = seen * np.expand_dims(level, level.ndim - rank)
                guess = np.where(first, wide, np.where(sure, lifted, wide))
            each.append(guess)
        guesses[part, name] = np.stack(np.broadcast_arrays(*each), axis=-(rank + 2))
        peaks += 1
    return guesses


def _made(round: Round, guesses: dict[tuple[str, str], Array], axes: tuple[int, ...]) -> Round:
    """The round with these axes before the core of its columns, (k, h) or (h,)."""
    parts: dict[str, Any] = {}
    for part in ("cost", "impact", "feasible"):
        record = getattr(round, part)
        change: dict[str, Array] = {}
        for name, rank in layout(type(record)):
            if rank is None:
                continue
            told = guesses.get((part, name))
            if told is None:
                told = _held(getattr(record, name), rank, axes)
            elif len(axes) == 1:
                told = told[(..., 0, slice(None), *(slice(None),) * rank)]
            change[name] = told
        parts[part] = rebuild(record, change)
    return view(round.index, parts["cost"], parts["impact"], within(parts["feasible"], parts["feasible"]))


def _held(value: Array, rank: int, axes: tuple[int, ...]) -> Array:
    """(..., *core) for every round: (..., *axes, *core), a view."""
    at = value.ndim - rank
    lead, core = value.shape[:at], value.shape[at:]
    wide = value.reshape(*lead, *(1,) * len(axes), *core)
    return np.broadcast_to(wide, (*lead, *axes, *core))


def within(feasible: Any, known: Any) -> Any:
    """A budget's forecast totals (..., h), kept between what the bounds allow; the first, that of the round at hand and
    of ``known``, as it is.
    """
    if not isinstance(feasible, Budget):
        return feasible
    floor, ceiling = reduce.total(feasible.lower), reduce.total(feasible.upper)
    total = np.minimum(np.maximum(feasible.total, floor), ceiling)
    total[..., 0] = known.total[..., 0]
    return rebuild(feasible, {"total": total})
