"""How far a round may move: an operator's guard around any policy, with the least change to what it decided.

The policy decides on the true round; what leaves the bounds is projected on them inside the action set, so demand is
still served. Where demand itself needs a larger move, the bounds give way as little as possible, and it is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, number, same
from evenhand.core import Round, view
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ParameterError
from evenhand.live.staleness import Note
from evenhand.proximal import proximal
from evenhand.sets import Budget
from evenhand.switching.moves import Moves

__all__ = ["Bounds", "within"]

#: relative rounding of a move that is not called a move beyond the bound
ROUNDING = 1e-9


@final
@dataclass(frozen=True, slots=True)
class Bounds:
    """Largest move of a site in a round, a number or (n,), and of all sites together (sum of |moves|); inf: none."""

    site: Any = np.inf
    total: float = np.inf
    active: bool = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        site = as_array("site", self.site, finite=False, low=0.0)
        if site.ndim > 1:
            raise ParameterError(f"site has shape {site.shape}: give a number, or one for each site (n,)")
        total = self.total if self.total == np.inf else number("total", self.total, low=0.0)
        object.__setattr__(self, "site", site)
        object.__setattr__(self, "total", float(total))
        object.__setattr__(self, "active", bool(np.isfinite(site).any() or np.isfinite(total)))


def within(
    bounds: Bounds, round: Round, moves: Moves, names: tuple[str, ...], before: Array, wanted: Array
) -> tuple[Array, tuple[Note, ...]]:
    """The action nearest to ``wanted`` that moves no farther than the bounds from ``before``, and what to say.

    moves: the setting's in this round, whose hard limits never give way. Bit for bit ``wanted`` where no bound binds.
    """
    if not bounds.active:
        return wanted, ()
    notes: list[Note] = []
    action = wanted
    low, high = round.feasible.bounds
    low, high = np.clip(before - moves.fall, low, high), np.clip(before + moves.rise, low, high)
    limit = np.broadcast_to(bounds.site, wanted.shape)
    off = np.abs(wanted - before) > limit * (1.0 + ROUNDING)
    if off.any():
        least, most = np.clip(before - limit, low, high), np.clip(before + limit, low, high)
        action, gave_way = _nearest(round, (low, high), (least, most), wanted)
        where = tuple(s for s, o in zip(names, off, strict=True) if o)
        notes.append(Note("bound", f"the bound on moves binds at {', '.join(where)}", "", where))
        if gave_way:
            notes.append(Note("gave_way", "demand needs larger moves than the bounds allow: they gave way", "", ()))
    moved = float(np.abs(action - before).sum())
    if moved > bounds.total * (1.0 + ROUNDING):
        nearest, _ = _nearest(round, (low, high), (low, high), before)
        needed = float(np.abs(nearest - before).sum())
        share = 0.0 if needed >= bounds.total else (bounds.total - needed) / (moved - needed)
        action = nearest + share * (action - nearest)
        notes.append(Note("bound", f"the bound on all moves together, {bounds.total:g}, binds: {moved:g} were wanted"))
        if needed > bounds.total * (1.0 + ROUNDING):
            notes.append(Note("gave_way", f"demand needs moves of {needed:g} together: the bound gave way"))
    return action, tuple(notes)


def _nearest(round: Round, outer: tuple[Array, Array], inner: tuple[Array, Array], target: Array) -> tuple[Array, bool]:
    """The action of the round's set in the inner box that is nearest to ``target``.

    Where demand does not fit into it, the box gives way: the action in the outer one that is nearest to its end.
    """
    feasible, (low, high) = round.feasible, inner
    if not (isinstance(feasible, Budget) and feasible.equal):
        return np.clip(target, low, high), False
    total = float(feasible.total)
    flat = Quadratic(np.zeros_like(low))
    least, most = float(low.sum()), float(high.sum())
    slack = ROUNDING * max(abs(total), abs(least), abs(most))
    if least <= total <= most:
        return proximal(view(round.index, flat, round.impact, Budget(total, high, low)), 0.0, 1.0, target), False
    end = high if most < total else low
    gave_way = not least - slack <= total <= most + slack
    wide = Budget(total, outer[1], outer[0])
    return proximal(view(round.index, flat, round.impact, wide), 0.0, 1.0, end), gave_way
