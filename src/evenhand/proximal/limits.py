"""Hard ramp limits in a round: the bounds cut by what can be reached, and who is to blame where nothing is left.

Source: spec/online.md §9.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array, layout, rebuild
from evenhand.core import Round, Setting
from evenhand.errors import InfeasibleError
from evenhand.kernels import reduce
from evenhand.sets import ROUNDING, Budget, Polytope
from evenhand.switching.moves import Moves

__all__ = ["blame", "cut", "cuttable", "reach"]


def cuttable(feasible: Any) -> bool:
    """Whether the set has bounds as columns of its own, which a limit can cut."""
    return {"lower", "upper"} <= {name for name, rank in layout(type(feasible)) if rank == 1}


def reach(moves: Moves, low: Array, high: Array) -> tuple[Array, Array]:
    """The least and the largest action that the limits allow after one in [low, high]: two (..., n), maybe infinite."""
    return low - moves.terms[4], high + moves.terms[3]


def cut(setting: Setting, round: Round, low: Array, high: Array, moves: Moves) -> Any:
    """The round's set with its bounds cut to what can be reached from an action in [low, high], (..., n) both.

    A cut that misses the set by rounding is its nearest bound. Raises InfeasibleError, naming round, site and limit,
    for an empty one, also where the total of a Budget is out of reach.
    """
    feasible: Any = round.feasible
    least, most = reach(moves, low, high)
    lower, upper = np.broadcast_arrays(np.maximum(feasible.lower, least), np.minimum(feasible.upper, most))
    crossed = lower > upper
    if crossed.any():
        size = np.maximum(np.abs(low), np.abs(high)) + np.maximum(np.abs(lower), np.abs(upper))
        if (bad := lower - upper > ROUNDING * size).any():
            raise _unreached(setting, round, low, high, moves, tuple(np.argwhere(bad)[0]))
        own = np.broadcast_to(feasible.lower, lower.shape)
        meet = np.where(own > most, own, np.minimum(lower, feasible.upper))
        lower, upper = np.where(crossed, meet, lower), np.where(crossed, meet, upper)
    inner = rebuild(feasible, {"lower": lower, "upper": upper})
    if isinstance(feasible, Budget):
        _total(setting, round, inner, moves)
    return inner


def _total(setting: Setting, round: Round, inner: Budget, moves: Moves) -> None:
    floor, ceiling = reduce.total(inner.lower), reduce.total(inner.upper)
    total, floor, ceiling = np.broadcast_arrays(inner.total, floor, ceiling)
    for end, off, word in ((floor, floor - total, "fall"), (ceiling, total - ceiling, "rise")):
        bad = off > ROUNDING * np.maximum(np.abs(total), np.abs(end))
        if word == "rise" and not inner.equal:
            continue
        if bad.any():
            at = tuple(np.argwhere(bad)[0])
            mine, own = (part.bounds[0 if word == "fall" else 1] for part in (inner, round.feasible))
            tightest = int(np.argmax(np.abs(np.broadcast_to(mine - own, (*total.shape, mine.shape[-1]))[at])))
            limit = np.broadcast_to(getattr(moves, word), mine.shape[-1:])[tightest]
            side = "below the least" if word == "fall" else "above the most"
            raise InfeasibleError(
                f"{_place(round, at)}: total is {total[at]:g}, {side} that moves can reach, {end[at]:g}; "
                f"{word} = {limit:g} holds {_site(setting, tightest)} back most: raise it, or change the total"
            )


def _unreached(
    setting: Setting, round: Round, low: Array, high: Array, moves: Moves, at: tuple[Any, ...]
) -> InfeasibleError:
    shape = np.broadcast_shapes(low.shape, round.feasible.bounds[0].shape)
    *lead, site = (int(i) for i in at)
    rise, fall = (float(np.broadcast_to(v, shape[-1:])[site]) for v in (moves.rise, moves.fall))
    least, most, floor, ceiling = (float(np.broadcast_to(v, shape)[at]) for v in (low, high, *round.feasible.bounds))
    text = f"{_place(round, tuple(lead))}: {_site(setting, site)} moves from"
    if floor > most + rise:
        text += f" {most:g} to at most {most + rise:g} (rise = {rise:g}), below its least, {floor:g}"
    else:
        text += f" {least:g} to at least {least - fall:g} (fall = {fall:g}), above its most, {ceiling:g}"
    return InfeasibleError(f"{text}: raise the limit, or move earlier")


def blame(setting: Setting, round: Round, previous: Array, moves: Moves) -> InfeasibleError:
    """The error for a polytope that the limits leave empty: whose limit has to give most, by a linear program."""
    from scipy.optimize import LinearConstraint, milp

    feasible: Any = round.feasible
    box = Polytope.around(feasible)
    k, n = box.rows.shape[-2:]
    parts = [(box.rows, 2), (box.low, 1), (box.high, 1), (box.lower, 1), (box.upper, 1), (previous, 1)]
    lead = np.broadcast_shapes(*(part.shape[: part.ndim - rank] for part, rank in parts))
    eye, none = np.eye(n), np.zeros((k, n))
    for index in np.ndindex(*lead):
        rows, low, high, lower, upper, start = (
            np.broadcast_to(part, (*lead, *part.shape[part.ndim - rank :]))[index] for part, rank in parts
        )
        least, most = reach(moves, start, start)
        table = np.block([[rows, none], [eye, -eye], [eye, eye]])
        far = np.full(n, np.inf)
        found = milp(
            np.append(np.zeros(n), np.ones(n)),
            constraints=LinearConstraint(table, [*low, *-far, *least], [*high, *most, *far]),  # pyright: ignore[reportArgumentType]
            bounds=([*lower, *np.zeros(n)], [*upper, *far]),  # pyright: ignore[reportArgumentType]
        )
        if found.status == 0 and found.fun > ROUNDING * float(np.abs(start).max(initial=1.0)):
            site = int(np.argmax(found.x[n:]))
            word = "rise" if found.x[site] > start[site] else "fall"
            limit = float(np.broadcast_to(getattr(moves, word), (n,))[site])
            return InfeasibleError(
                f"{_place(round, index)}: no action within the limits satisfies the rows; {word} = {limit:g} of "
                f"{_site(setting, site)} lacks {found.x[n + site]:g}: raise it"
            )
    return InfeasibleError(f"{_place(round, ())}: no action satisfies the set and the limits of the moves")


def _site(setting: Setting, site: int) -> str:
    return repr(setting.actions[site]) if setting.actions else f"action {site}"


def _place(round: Round, lead: tuple[int, ...]) -> str:
    return f"round {round.index}" + (f" of episode {', '.join(str(int(i)) for i in lead)}" if lead else "")
