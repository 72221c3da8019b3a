"""The rounds of a user's data: which times there are, and that none is missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenhand.errors import ProblemError, shown
from evenhand.own.config import OwnConfig
from evenhand.own.source import Source, Times

__all__ = ["regular", "scan"]


def scan(source: Source, config: OwnConfig, long: bool) -> tuple[Times, NDArray[np.int64], tuple[str, ...]]:
    """How times are written, all times in order, and the sites of a long table in order of appearance."""
    how: Times | None = None
    parts: list[NDArray[np.int64]] = []
    labels: dict[str, None] = {}
    for start, (t, *s) in source.batches([config.time, *([config.site] if long else [])]):
        when, how = source.times(start, config.time, t, how)
        parts.append(np.unique(when))
        if long:
            labels.update(dict.fromkeys(source.labels(start, config.site, s[0])[0]))
    if how is None:
        raise ProblemError(f"{source.name} has no rows: add some below the header")
    return how, np.unique(np.concatenate(parts)), tuple(labels)


def regular(name: str, config: OwnConfig, how: Times, times: NDArray[np.int64]) -> None:
    """ProblemError for a gap between rounds. every: the distance, None for the most common one, "any" for no check."""
    if int(times[-1]) - int(times[0]) >= 1 << 63:
        raise ProblemError(
            f"{name} has times from {how.text(int(times[0]))} to {how.text(int(times[-1]))}: correct them"
        )
    steps = np.diff(times)
    if config.every == "any" or len(steps) == 0:
        return
    if config.every is None:
        sizes, counts = np.unique(steps, return_counts=True)
        every = int(sizes[np.argmax(counts)])
    else:
        every = _distance(config.every, how)
    off = steps != every
    if off.any():
        k = int(np.argmax(off))
        if steps[k] > every:
            more = int((steps[off] // every - 1).clip(0).sum()) - 1
            told = f"has no rows for {how.text(int(times[k] + every))}" + (
                f" (and {more} more rounds)" if more > 0 else ""
            )
        else:
            told = f"has {how.text(int(times[k + 1]))} only {how.spacing(int(steps[k]))} after the round before"
        raise ProblemError(
            f"{name} {told}; rounds come every {how.spacing(every)}: add them, set every, or accept it with every: any"
        )


def _distance(every: str | int, how: Times) -> int:
    if not how.instants:
        if isinstance(every, int) and 0 < every < 1 << 62:
            return every
        raise ProblemError(f"every is {shown(every)}: the times are whole numbers, so give a whole number from 1")
    import pandas as pd

    try:
        distance = int(pd.Timedelta(every if isinstance(every, str) else f"{every}s").as_unit("ns").value)
    except (ValueError, OverflowError):
        distance = 0
    if distance <= 0:
        raise ProblemError(f"every is {shown(every)}: write a distance such as 1h, 15min or 1d, or any")
    return distance
