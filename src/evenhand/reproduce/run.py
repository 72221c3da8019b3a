"""Everything `evenhand reproduce` reports, computed in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

from evenhand.experiment import Comparison
from evenhand.one_shot import SplitComparison
from evenhand.reproduce import fleets, online

__all__ = ["STEPS", "Reproduction", "reproduce"]

#: every how many windows, and random fleets per size, in a quick run
_QUICK_STEP, _QUICK_DRAWS, _DRAWS = 12, 5, 20
#: windows and cases that progress counts: full, quick
STEPS = (3 * 97 * 9 + 4 * (86 + 12 * _DRAWS), 3 * 9 * 9 + 4 * (86 + 12 * _QUICK_DRAWS))

Progress = Callable[[str, int], None]


@final
@dataclass(frozen=True, slots=True)
class Reproduction:
    """Ours, with the published values beside it.

    tables: Tables 2 to 4 as comparisons; cells: every value of them; paths: costs over time on the first window of
    Table 2, ``times`` its hours; splits, means: FairSynergy's cases and their means; quick: fewer windows and draws.
    """

    sites: tuple[online.Site, ...]
    tables: Mapping[int, Comparison]
    cells: tuple[online.Cell, ...]
    checks: online.Checks
    paths: tuple[online.Path, ...]
    times: tuple[str, ...]
    splits: SplitComparison
    means: tuple[fleets.Mean, ...]
    quick: bool
    seconds: float


def reproduce(quick: bool = False, progress: Progress | None = None) -> Reproduction:
    """Compute all of it: under a minute; ``quick`` uses every twelfth window and a quarter of the random fleets.

    progress is called with (what, how many windows or cases are done).
    """
    start = time.perf_counter()
    tell = progress or (lambda what, done: None)
    windows = range(0, 97, _QUICK_STEP) if quick else None
    tables = online.tables(windows, tell)
    first = tables[2]
    found = fleets.splits(_QUICK_DRAWS if quick else _DRAWS, tell)
    return Reproduction(
        online.sites(),
        tables,
        online.cells(tables),
        online.checks(tables),
        online.paths(first),
        first.episodes.window(first.windows[0]).times,
        found,
        fleets.summary(found),
        quick,
        time.perf_counter() - start,
    )
