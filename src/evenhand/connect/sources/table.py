"""The newest rows of a CSV or Parquet file that another program appends to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as given
from typing import ClassVar, final

import numpy as np
from pydantic import ConfigDict

from evenhand.connect.link import Link
from evenhand.connect.records import Reading
from evenhand.errors import ProblemError
from evenhand.own.config import Writing
from evenhand.own.source import open_source

__all__ = ["Table"]


@final
@dataclass(frozen=True, slots=True)
class Table:
    """``column`` of a long table with a column of sites, or of one without (one number for all sites, or demand);
    without ``column`` a wide table, one column a site.

    sites: the file's name -> site. csv: how it is written, where that cannot be guessed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    known_as: ClassVar[str] = "table"
    field: str
    file: str
    column: str | None = None
    time: str = "time"
    site: str = "site"
    sites: Mapping[str, str] = given(default_factory=dict)
    csv: Writing = Writing()

    def gather(self, link: Link, sites: tuple[str, ...], now: float) -> list[Reading]:
        """The newest number of each site up to ``now``. Raises ProblemError naming file, row, column and value."""
        source = open_source(link.folder, self.file, None, self.csv.form())
        names = {name: self.sites.get(name, name) for name in (self.sites or sites)}
        newest: dict[str | None, tuple[int, float]] = {}
        how = None
        long = self.column is not None and self.site in source.columns
        wide = [name for name in names if name in source.columns] if self.column is None else [self.column]
        if not wide:
            raise ProblemError(f"{self.file} has no column of a site: name a column, or the sites")
        for start, (t, *cells) in source.batches([self.time, *([self.site] if long else []), *wide]):
            when, how = source.times(start, self.time, t, how)
            if not how.instants:
                raise ProblemError(f"{self.file}, column {self.time!r} counts rounds: connections need times")
            labels, codes = source.labels(start, self.site, cells[0]) if long else ([], None)
            where = [names.get(label) for label in labels]
            for name, column in zip(wide, cells[1:] if long else cells, strict=True):
                value = source.numbers(start, name, column, None, gaps=True)
                fresh = ~np.isnan(value) & (when <= round(now * 1e9))
                site = names.get(name) if self.column is None else None
                for code in range(len(labels)) if long else (None,):
                    rows = np.flatnonzero(fresh & (codes == code)) if code is not None else np.flatnonzero(fresh)
                    key = site if code is None else where[code]
                    if not len(rows) or (code is not None and key is None):
                        continue
                    k = rows[len(rows) - 1 - int(np.argmax(when[rows][::-1]))]  # the later row of the same time
                    if key not in newest or when[k] >= newest[key][0]:
                        newest[key] = (int(when[k]), float(value[k]))
        return [Reading(value, site, at / 1e9) for site, (at, value) in newest.items()]
