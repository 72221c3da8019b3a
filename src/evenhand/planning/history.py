"""What was seen of the rounds so far: for every phase of a period, how often, the largest and the mean of each column.

Any cost, impact and set takes part by the columns it declares as `demand` or `signal` (`columns.column`). Never the
future: a history holds only rounds that were revealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same, varying
from evenhand.core import Problem, Round, Setting
from evenhand.errors import ParameterError
from evenhand.kernels import reduce

__all__ = ["History", "observe", "pooled", "remember", "tracked", "visits"]

#: visits to a phase that count in a system without an end: a month of days
VISITS = 32.0


@final
@dataclass(frozen=True, slots=True)
class History:
    """What was seen at each of p phases; phase 0 is that of the episode's round 0.

    count (..., p), float; means: one array (..., p, *core) for each tracked column of a round, in the order of
    `tracked`; peaks: the largest seen, for the demands among them.
    """

    count: Array
    means: tuple[Array, ...]
    peaks: tuple[Array, ...]

    __eq__ = same


def tracked(round: Round) -> list[tuple[str, str, int, str]]:
    """(part, column, rank, demand or signal) of what varies in a round."""
    return [
        (part, name, rank, varies)
        for part in ("feasible", "cost", "impact")
        for name, rank, varies in varying(type(getattr(round, part)))
    ]


def visits(setting: Setting) -> float:
    """How many visits to a phase count: all of an episode, the last ones of a system that forgets or has no end."""
    return np.inf if setting.memory is None and setting.horizon is not None else VISITS


def observe(history: History | None, round: Round, period: int, count_to: float = np.inf) -> History:
    """The history after one more round.

    count_to: visits to a phase that count; from then on means fade by 1 / count_to a visit, and peaks towards them.
    """
    if period < 1:
        raise ParameterError(f"period is {period}: it must be at least one round")
    columns = tracked(round)
    values = [getattr(getattr(round, part), name) for part, name, _, _ in columns]
    leads = [value.shape[: value.ndim - rank] for value, (_, _, rank, _) in zip(values, columns, strict=True)]
    lead = np.broadcast_shapes(round.feasible.bounds[0].shape[:-1], *leads)
    if history is None:
        blanks = [
            np.zeros((*lead, period, *value.shape[value.ndim - rank :]))
            for value, (_, _, rank, _) in zip(values, columns, strict=True)
        ]
        most = tuple(blank for blank, column in zip(blanks, columns, strict=True) if column[3] == "demand")
        history = History(np.zeros((*lead, period)), tuple(blanks), most)
    lead = np.broadcast_shapes(lead, history.count.shape[:-1])
    phase = round.index % period
    count = np.broadcast_to(history.count, (*lead, period)).copy()
    before = count[..., phase].copy()
    count[..., phase] = before + 1.0
    means: list[Array] = []
    peaks: list[Array] = []
    for old, new, (_, _, rank, varies) in zip(history.means, values, columns, strict=True):
        spot = (..., phase) + (slice(None),) * rank
        tail = (...,) + (None,) * rank
        kept = _copy(old, lead, rank)
        usual = kept[spot].copy()
        kept[spot] += (new - usual) * (1.0 / np.minimum(before + 1.0, count_to))[tail]
        means.append(kept)
        if varies == "demand":
            top = _copy(history.peaks[len(peaks)], lead, rank)
            highest = top[spot] if count_to == np.inf else top[spot] + (usual - top[spot]) / count_to
            top[spot] = np.where((before > 0)[tail], np.maximum(highest, new), new)
            peaks.append(top)
    return History(count, tuple(means), tuple(peaks))


def _copy(old: Array, lead: tuple[int, ...], rank: int) -> Array:
    return np.broadcast_to(old, (*lead, *old.shape[old.ndim - rank - 1 :])).copy()


def pooled(history: History | None, count_to: float = np.inf) -> History | None:
    """The same without phases: one for all rounds, with the mean and the largest of everything seen.

    count_to: visits to a phase that count, as in `observe`.
    """
    if history is None or history.count.shape[-1] == 1:
        return history
    count = np.minimum(history.count, count_to)
    total = reduce.total(count)[..., None]
    share = np.divide(count, total, out=np.zeros_like(count), where=total > 0)
    lead = history.count.ndim - 1
    means: list[Array] = []
    for mean in history.means:
        rank = mean.ndim - lead - 1
        flat = np.ascontiguousarray(mean).reshape(*mean.shape[: lead + 1], -1)
        means.append(
            reduce.apply_transposed(flat, share).reshape(*mean.shape[:lead], 1, *mean.shape[mean.ndim - rank :])
        )
    return History(total, tuple(means), tuple(peak.max(axis=lead, keepdims=True) for peak in history.peaks))


def remember(problem: Problem, period: int, starts: Sequence[int]) -> History | None:
    """The histories of windows that start at rounds ``starts`` of one long episode: only rounds before each start.

    Leading axis: the windows, in the order of ``starts``. None when no window has a past.
    """
    if problem.lead:
        raise ParameterError(f"remember needs one episode, this problem has leading axes {problem.lead}")
    if not len(starts) or min(starts) < 0 or max(starts) > problem.horizon:
        raise ParameterError(f"starts must lie in [0, {problem.horizon}], and there must be one")
    past: list[History | None] = [None]
    for round in problem.rounds:
        past.append(observe(past[-1], round, period))
    some = past[1]
    if some is None or max(starts) == 0:
        return None
    blank = History(
        np.zeros_like(some.count),
        tuple(np.zeros_like(a) for a in some.means),
        tuple(np.zeros_like(a) for a in some.peaks),
    )
    chosen = [past[start] or blank for start in starts]

    def turned(pick: Any) -> Array:
        return np.stack([np.roll(pick(h), -(s % period), axis=0) for h, s in zip(chosen, starts, strict=True)])

    return History(
        turned(lambda h: h.count),
        tuple(turned(lambda h, k=k: h.means[k]) for k in range(len(some.means))),
        tuple(turned(lambda h, k=k: h.peaks[k]) for k in range(len(some.peaks))),
    )
