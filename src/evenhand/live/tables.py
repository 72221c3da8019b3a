"""The newest rows of a user's tables as observations: what a cron job sees.

The time of the tables is the clock: a round is a time at which any signal has a row, and a signal that has none there
is as old as its newest row. Empty cells were not measured. Nothing is read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array
from evenhand.errors import ProblemError
from evenhand.live.configure import configured, signals_of
from evenhand.live.observation import Observation
from evenhand.live.records import Controller
from evenhand.own.config import Signal, read_config
from evenhand.own.read import Reader, open_reader
from evenhand.own.source import Times

__all__ = ["open_tables", "rows_since"]


def open_tables(config: Any) -> tuple[Controller, Reader]:
    """The controller of a configuration and its tables, opened. Raises as `controller_from`, and as `load_own`."""
    settings, folder, where = read_config(config, {})
    loose = settings.model_copy(update={"every": "any", "horizon": None})
    reader = open_reader(loose, where, folder, {})
    return configured(settings, where, reader.sites), reader


def rows_since(controller: Controller, reader: Reader, since: float | None) -> list[Observation]:
    """One observation for each time after ``since``, in order; None: the newest row of every signal, as one.

    Where a signal has two rows for a time, the later row counts. Raises ProblemError naming file, row, column, value.
    """
    size = controller.sites.fixed.shape[0]
    rows: list[tuple[NDArray[np.int64], NDArray[np.int64], Array]] = []
    for field, signal in zip(controller.sites.fields, signals_of(reader.config).values(), strict=True):
        if signal.constant is not None or signal.sites is not None:
            continue
        part = controller.sites.part(field)
        for when, which, value in _cells(reader, field, signal):
            each = range(part.start, part.stop) if which is None else (None,)
            for k in each:
                at = np.full(len(when), k) if which is None else part.start + which
                late = _seconds(when, reader.how) > (-np.inf if since is None else since)
                late &= ~np.isnan(value)
                rows.append((when[late], at[late], value[late]))
    when, at, value = (np.concatenate([row[k] for row in rows]) for k in range(3)) if rows else (np.empty(0),) * 3
    order = np.argsort(when, kind="stable")  # so that later times, and later rows, are written last
    when, at, value = when[order].astype(np.int64), at[order].astype(np.int64), value[order]
    if since is None:
        newest, taken = np.full(size, np.nan), np.full(size, np.nan)
        newest[at], taken[at] = value, _seconds(when, reader.how)
        return [_observation(reader.how, int(when[-1]), newest, taken)] if len(when) else []
    out: list[Observation] = []
    for one in np.unique(when):
        here = when == one
        newest = np.full(size, np.nan)
        newest[at[here]] = value[here]
        out.append(_observation(reader.how, int(one), newest, None))
    return out


def _cells(
    reader: Reader, field: str, signal: Signal
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64] | None, Array]]:
    """(times, sites, values) of one signal's cells, batch by batch; sites None: the value is that of all of them."""
    config, demand = reader.config, field == "demand"
    low = None if field == "linear" or field.startswith("burdens.") else 0.0
    source, column = reader.table_of(field, signal)
    if column is None:
        sites = [c for c in source.columns if c != config.time] if demand else list(reader.sites)
        for start, (t, *values) in source.batches([config.time, *sites]):
            when, _ = source.times(start, config.time, t, reader.how)
            numbers = [source.numbers(start, s, v, low, gaps=True) for s, v in zip(sites, values, strict=True)]
            if demand:
                yield when, None, np.sum(numbers, axis=0)
                continue
            for i, value in enumerate(numbers):
                yield when, np.full(len(when), i), value
        return
    long = config.site in source.columns and not demand
    place = {site: i for i, site in enumerate(reader.sites)}
    for start, (t, *s, v) in source.batches([config.time, *([config.site] if long else []), column]):
        when, _ = source.times(start, config.time, t, reader.how)
        value = source.numbers(start, column, v, low, gaps=True)
        if not long:
            yield when, None, value
            continue
        labels, codes = source.labels(start, config.site, s[0])
        which = np.array([place.get(label, -1) for label in labels], dtype=np.int64)[codes]
        if config.sites is None and (which < 0).any():
            k = int(np.argmax(which < 0))
            raise ProblemError(
                f"{source.name}, {source.row(start + k)}: {labels[codes[k]]!r} is no site of the other data: "
                "add it there, or list the sites to take under sites"
            )
        known = which >= 0
        yield when[known], which[known], value[known]


def _seconds(when: Any, how: Times) -> Array:
    return np.asarray(when) / 1e9 if how.instants else np.asarray(when, dtype=np.float64)


def _observation(how: Times, when: int, value: Array, at: Array | None) -> Observation:
    now = float(_seconds(when, how))
    taken = np.where(np.isnan(value), np.nan, now) if at is None else at
    return Observation(now, str(how.text(when)), value, taken)
