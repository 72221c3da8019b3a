"""The last rounds seen, one by one, as one Round with a time axis: a sample of those to come. Never the future."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array, kept, layout, rebuild
from evenhand.core import Round, view

__all__ = ["more", "sampled"]

_PARTS = ("cost", "impact", "feasible")


def _columns(round: Round) -> list[tuple[str, str, int]]:
    """(part, column, rank) of every column of a round."""
    found: list[tuple[str, str, int]] = []
    for part in _PARTS:
        names = layout(type(getattr(round, part)))
        found += [(part, name, rank) for name, rank in names if rank is not None]
    return found


def more(seen: tuple[Array, ...], round: Round, most: int) -> tuple[Array, ...]:
    """The columns of the last ``most`` rounds with this one, (..., k, *core) each; ``seen``: those before it, or ()."""
    out: list[Array] = []
    for k, (part, name, rank) in enumerate(_columns(round)):
        value = getattr(getattr(round, part), name)
        now = np.expand_dims(value, value.ndim - rank)
        if seen:
            axis = -1 - rank
            old = seen[k]
            old = old[(..., slice(max(0, old.shape[axis] + 1 - most), None), *(slice(None),) * rank)]
            lead = np.broadcast_shapes(old.shape[:axis], now.shape[:axis])
            now = np.concatenate([np.broadcast_to(a, (*lead, *a.shape[axis:])) for a in (old, now)], axis=axis)
        out.append(kept(now))
    return tuple(out)


def sampled(seen: tuple[Array, ...], round: Round, last: int) -> Round:
    """The last rounds of the sample, at most ``last``, as one Round of the kind of ``round`` with a time axis."""
    change: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
    for value, (part, name, rank) in zip(seen, _columns(round), strict=True):
        change[part][name] = value[(..., slice(-last, None), *(slice(None),) * rank)]
    cost, impact, feasible = (rebuild(getattr(round, part), change[part]) for part in _PARTS)
    return view(round.index, cost, impact, feasible)
