"""From a configuration and its tables to arrays on one grid of times and sites, checked on the way.

Long tables have one row per time and site, wide ones one row per time and one column per site (or one value for all).
Rows may come in any order. Source: spec/scenarios.md, "own".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.errors import ProblemError, UnknownNameError
from evenhand.own.config import OwnConfig, Signal
from evenhand.own.source import Source, Times, open_source
from evenhand.own.store import Store
from evenhand.own.times import regular, scan

__all__ = ["Reader", "fixed", "open_reader"]

Fill = Callable[[Array], None]


@final
@dataclass(frozen=True, slots=True)
class Reader:
    """The grid (times (T,), sites (n,)) and the way to read any signal on it."""

    config: OwnConfig
    where: str
    folder: Path
    frames: Mapping[str, Any]
    store: Store
    sources: Mapping[str, Source]
    how: Times
    times: NDArray[np.int64]
    sites: tuple[str, ...]

    __eq__ = same

    def key(self, name: str, *parts: Any) -> str:
        """What an array in the cache was made from."""
        path = self.folder / name
        state = path.stat() if path.is_file() else None
        stamp = (state.st_size, state.st_mtime_ns) if state else ()
        ends = (len(self.times), int(self.times[0]), int(self.times[-1]))
        return repr((str(path.resolve()), stamp, self.config.time, self.config.site, self.sites, ends, parts))

    def per_site(self, place: str, signal: Signal, low: float | None) -> Array:
        """A signal for every site: (n,) where it does not change, (T, 1) where sites share it, else (T, n)."""
        n = len(self.sites)
        if signal.constant is not None or signal.sites is not None:
            return self.fixed(place, signal, low)
        source, column = self.table_of(place, signal)
        shared = column is not None and self.config.site not in source.columns
        shape = (len(self.times), 1 if shared else n)
        return self._kept(shape, self.key(source.name, column, shape), lambda out: self._fill(source, column, low, out))

    def stacked(self, places: list[tuple[str, Signal]]) -> Array:
        """Several signals for every site in one array: (T, b, n), or (b, n) where none of them changes."""
        n = len(self.sites)
        if all(s.constant is not None or s.sites is not None for _, s in places):
            return np.stack([self.fixed(p, s, None) for p, s in places])
        shape = (len(self.times), len(places), n)
        found = [None if s.constant is not None or s.sites is not None else self.table_of(p, s) for p, s in places]
        names = [repr(s) if f is None else self.key(f[0].name, f[1]) for (_, s), f in zip(places, found, strict=True)]

        def fill(out: Array) -> None:
            for b, ((place, signal), pair) in enumerate(zip(places, found, strict=True)):
                if pair is None:
                    out[:, b, :] = self.fixed(place, signal, None)
                elif pair[1] is not None and self.config.site not in pair[0].columns:
                    one = np.empty((shape[0], 1))
                    self._fill(pair[0], pair[1], None, one)
                    out[:, b, :] = one
                else:
                    self._fill(pair[0], pair[1], None, out[:, b, :])

        return self._kept(shape, repr((names, shape)), fill)

    def per_round(self, place: str, signal: Signal) -> Array:
        """A signal with one value a round: (T,) or a number. A wide file without a column is summed over its sites."""
        if signal.sites is not None:
            raise ProblemError(f"{self.where}: {place} is one number per round: give a column or a number, not sites")
        if signal.constant is not None:
            return self.fixed(place, signal, 0.0)[0]
        source, column = self.table_of(place, signal)
        if column is None:
            self._refuse_unknown(source, place)
        out = np.empty((len(self.times), len(self.sites) if column is None else 1))
        if column is not None and self.config.site in source.columns:
            self._fill_repeated(source, column, out[:, 0])
        else:
            self._fill(source, column, 0.0, out)
        return out.sum(axis=1)

    def fixed(self, place: str, signal: Signal, low: float | None = None) -> Array:
        """A signal that may not change over time: (n,)."""
        return fixed(self.where, self.sites, place, signal, low)

    def table_of(self, place: str, signal: Signal) -> tuple[Source, str | None]:
        """The table a signal stands in, and its column, None for a wide one. Raises ProblemError where neither is."""
        name = signal.file or self.config.data
        if name is None:
            raise ProblemError(
                f"{self.where}: {place} names column {signal.column!r}, but no data: add data, or a file to it"
            )
        source = self.sources[name]
        if signal.column is not None:
            source.require(signal.column)
        elif self.config.site in source.columns:
            raise ProblemError(f"{self.where}: {place} names file {name!r}, which is long: add the column to read")
        return source, signal.column

    def _refuse_unknown(self, source: Source, place: str) -> None:
        """ProblemError for a column of a wide file that is no site: it would be left out without a word."""
        strange = [c for c in source.columns if c != self.config.time and c not in self.sites]
        if strange:
            raise ProblemError(
                f"{source.name}, column {strange[0]!r} is no site of {place}, known are {', '.join(self.sites):.200}: "
                f"add it to sites, remove it, or name the one column to read"
            )

    def _kept(self, shape: tuple[int, ...], key: str, fill: Fill) -> Array:
        found = self.store.find(key)
        if found is not None:
            return found
        out = self.store.make(shape, key)
        fill(out)
        return self.store.keep(out, key)

    def _rounds(self, source: Source, start: int, values: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Round of each row, and which rows lie in the horizon; ProblemError for a time the grid does not have."""
        when, _ = source.times(start, self.config.time, values, self.how)
        at = np.searchsorted(self.times, when)
        inside = when <= self.times[-1]
        lost = inside & (self.times[np.minimum(at, len(self.times) - 1)] != when)
        if lost.any():
            k = int(np.argmax(lost))
            raise ProblemError(
                f"{source.name}, {source.row(start + k)}: {self.how.text(int(when[k]))} is no round of the other data: "
                "all files must have the same times"
            )
        return at, inside

    def _fill(self, source: Source, column: str | None, low: float | None, out: Array) -> None:
        """Write a long column, a wide file (column None) or a column shared by all sites into out (T, n or 1)."""
        config, n = self.config, out.shape[1]
        if column is None:
            if config.sites is None:  # a list of sites in the configuration may be a choice among those of the file
                self._refuse_unknown(source, "the other data")
            seen = np.zeros(len(self.times), dtype=np.bool_)
            for start, (t, *values) in source.batches([config.time, *self.sites]):
                at, inside = self._rounds(source, start, t)
                self._once(source, start, at, inside, seen, lambda k: "")
                for i, (site, v) in enumerate(zip(self.sites, values, strict=True)):
                    out[at[inside], i] = source.numbers(start, site, v, low)[inside]
            self._whole(source, seen, lambda k: "")
            return
        long = n > 1 or config.site in source.columns
        seen = np.zeros(len(self.times) * n, dtype=np.bool_)
        place = {site: i for i, site in enumerate(self.sites)}

        def named(k: int) -> str:
            return f"site {self.sites[k % n]!r} at " if long else ""

        for start, (t, *s, v) in source.batches([config.time, *([config.site] if long else []), column]):
            at, inside = self._rounds(source, start, t)
            which = np.zeros_like(at)
            if long:
                labels, codes = source.labels(start, config.site, s[0])
                which = np.array([place.get(label, -1) for label in labels], dtype=np.int64)[codes]
                if config.sites is None and (strange := inside & (which < 0)).any():
                    k = int(np.argmax(strange))
                    raise ProblemError(
                        f"{source.name}, {source.row(start + k)}: {labels[codes[k]]!r} is no site of the other data: "
                        "add it there, or list the sites to take under sites"
                    )
                inside = inside & (which >= 0)
            numbers = source.numbers(start, column, v, low)
            self._once(source, start, at * n + which, inside, seen, named, n)
            out[at[inside], which[inside]] = numbers[inside]
        self._whole(source, seen, named, n)

    def _fill_repeated(self, source: Source, column: str, out: Array) -> None:
        """A per-round value in a long table: it stands at every site and must be the same."""
        out[:] = np.nan
        for start, (t, v) in source.batches([self.config.time, column]):
            at, inside = self._rounds(source, start, t)
            numbers = source.numbers(start, column, v, 0.0)
            fresh = inside & np.isnan(out[np.minimum(at, len(out) - 1)])
            out[at[fresh][::-1]] = numbers[fresh][::-1]
            off = inside & (out[np.minimum(at, len(out) - 1)] != numbers)
            if off.any():
                k = int(np.argmax(off))
                when = self.how.text(int(self.times[at[k]]))
                raise ProblemError(
                    f"{source.name}, {source.row(start + k)}, column {column!r} is {numbers[k]:g}, but another site "
                    f"has {out[at[k]]:g} at {when}: write one number at all sites of a round"
                )
        self._whole(source, ~np.isnan(out), lambda k: "")

    def _once(self, source: Source, start: int, flat: Any, inside: Any, seen: Any, named: Any, n: int = 1) -> None:
        """Mark cells as read; ProblemError for the first that was read before."""
        cells = flat[inside]
        first, index = np.unique(cells, return_index=True)
        again = seen[first].any() or len(first) < len(cells)
        if again:
            new = np.zeros(len(cells), dtype=np.bool_)
            new[index] = ~seen[first]
            k = int(np.argmax(~new))
            row = int(np.flatnonzero(inside)[k])
            when = self.how.text(int(self.times[cells[k] // n]))
            raise ProblemError(
                f"{source.name}, {source.row(start + row)}: {named(int(cells[k]))}{when} stands twice: keep one row"
            )
        seen[first] = True

    def _whole(self, source: Source, seen: Any, named: Any, n: int = 1) -> None:
        if not seen.all():
            k = int(np.argmin(seen))
            when = self.how.text(int(self.times[k // n]))
            more = int((~seen).sum()) - 1
            raise ProblemError(
                f"{source.name} has no row for {named(k)}{when}" + (f" (and {more} more)" if more else "") + ": add it"
            )


def fixed(where: str, sites: tuple[str, ...], place: str, signal: Signal, low: float | None = None) -> Array:
    """A signal that may not change over time: (n,). Raises ProblemError, UnknownNameError for a site not known."""
    if signal.constant is None and signal.sites is None:
        raise ProblemError(f"{where}: {place} may not change over time: give a number, or sites: {{name: number}}")
    if signal.sites is None:
        out = np.full(len(sites), signal.constant)
    else:
        for name in signal.sites:
            if name not in sites:
                raise UnknownNameError(f"site in {where}, {place}", name, sites)
        lost = [s for s in sites if s not in signal.sites]
        if lost:
            raise ProblemError(f"{where}: {place} has no number for site {lost[0]!r}: add it")
        out = np.array([signal.sites[s] for s in sites])
    if low is not None and (out < low).any():
        raise ProblemError(f"{where}: {place} is {out[out < low][0]:g}: it must be at least {low:g}")
    return out


def open_reader(config: OwnConfig, where: str, folder: Path, frames: Mapping[str, Any]) -> Reader:
    """Open all tables, find times and sites, and check that no round is missing. Raises ProblemError."""
    signals = [config.demand, config.capacity, config.linear, config.curvature, *(b.signal for b in config.burdens)]
    names = [config.data, *(s.file or (config.data if s.column else None) for s in signals)]
    wanted = list(dict.fromkeys(n for n in names if n is not None))
    if not wanted:
        raise ProblemError(f"{where}: nothing is read from a file: name data, or a file for a signal")
    for name in frames:
        if name not in wanted:
            raise UnknownNameError("frame", name, wanted)
    sources = {name: open_source(folder, name, frames.get(name), config.csv.form()) for name in wanted}
    how, times, sites = None, None, config.sites
    for name in wanted:
        source = sources[name]
        source.require(config.time)
        long = config.site in source.columns
        wide = any(s.file == name and s.column is None and s is not config.demand for s in signals)
        if times is None or (sites is None and long):
            how, times, labels = scan(source, config, long)
            sites = sites or (labels if long else None)
        if sites is None and wide:
            sites = tuple(c for c in source.columns if c != config.time)
    if sites is None:
        named = next((s.sites for s in signals if s.sites), None)
        if named is None:
            raise ProblemError(f"{where}: no file has a column {config.site!r}: name the site column, or list sites")
        sites = tuple(named)
    if len(set(sites)) < len(sites) or not sites:
        raise ProblemError(
            f"{where}: sites must name every site once, and at least one; it has {', '.join(sites)!r:.200}"
        )
    assert how is not None
    assert times is not None
    regular(sources[wanted[0]].name, config, how, times)
    if config.horizon is not None:
        if config.horizon > len(times):
            raise ProblemError(f"{where}: horizon is {config.horizon}: the data have {len(times)} rounds")
        times = times[: config.horizon]
    store = Store(None if frames else folder / ".evenhand-cache")
    return Reader(config, where, folder, frames, store, sources, how, times, sites)
