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

__all__ = ["Demand", "ahead", "within"]

#: what is left after one round of a deviation of costs or impacts from their usual value
FADE = 0.9
#: and of everything's deviation, demands' too, in `fading`
BRISK = 0.8

Demand = Literal["held", "usual", "fading", "level", "peak"]


def ahead(round: Round, before: History | None, after: History, length: int, demand: Demand) -> Round:
    """The round at hand and a forecast of the next ``length - 1``, as one Round with a time axis before the actions.

    ``before`` and ``after``: history without and with this round.
    """
    period = after.count.shape[-1]
    here = round.index % period
    phases = (round.index + np.arange(length)) % period
    known = after.count[..., phases] > 0
    met = np.zeros(after.count.shape[:-1], dtype=np.bool_) if before is None else before.count[..., here] > 0
    fade = {"usual": 0.0, "fading": BRISK}.get(demand, FADE) ** np.arange(length) * np.where(met, 1.0, 0.0)[..., None]
    now = np.arange(length) == 0
    guesses: dict[tuple[str, str], Array] = {}
    demands = 0
    for k, (part, name, rank, varies) in enumerate(tracked(round)):
        value = getattr(getattr(round, part), name)
        wide = _held(value, rank, length)
        tail, first = (...,) + (None,) * rank, now[(slice(None),) + (None,) * rank]
        if varies == "signal" or demand == "fading":
            usual = after.means[k][(..., phases) + (slice(None),) * rank]
            past = (before or after).means[k][(..., here) + (slice(None),) * rank]
            off = np.expand_dims(value - past, value.ndim - rank)
            guess = np.where(known[tail], usual + fade[tail] * off, wide)
            guesses[part, name] = np.where(first, wide, np.where((wide >= 0) & (guess < 0), 0.0, guess))
            continue  # `demands` counts for level and peak alone
        if demand != "held":
            prudent = demand == "peak"
            level = np.ones(met.shape + value.shape[value.ndim - rank :])
            if before is not None and demand != "usual":
                usual = (before.peaks[demands] if prudent else before.means[k])[(..., here) + (slice(None),) * rank]
                level = np.divide(value, usual, out=np.ones_like(level), where=met[tail] & (usual > 0))
                level = np.maximum(level, 1.0) if prudent else level
            seen = (after.peaks[demands] if prudent else after.means[k])[(..., phases) + (slice(None),) * rank]
            wide = np.where(first, wide, np.where(known[tail], seen * np.expand_dims(level, level.ndim - rank), wide))
        guesses[part, name] = wide
        demands += 1
    parts = {part: _wide(getattr(round, part), part, guesses, length) for part in ("cost", "impact", "feasible")}
    return view(round.index, parts["cost"], parts["impact"], within(parts["feasible"], parts["feasible"]))


def _held(value: Array, rank: int, length: int) -> Array:
    """(..., *core) for ``length`` rounds: (..., length, *core), a view."""
    wide = np.expand_dims(value, value.ndim - rank)
    at = wide.ndim - rank - 1
    return np.broadcast_to(wide, (*wide.shape[:at], length, *wide.shape[at + 1 :]))


def _wide(record: Any, part: str, guesses: dict[tuple[str, str], Array], length: int) -> Any:
    columns = ((name, rank) for name, rank in layout(type(record)) if rank is not None)
    return rebuild(
        record,
        {
            name: guesses[part, name] if (part, name) in guesses else _held(getattr(record, name), rank, length)
            for name, rank in columns
        },
    )


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
