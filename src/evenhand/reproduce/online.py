"""Tables 1 to 4 and a figure of costs over time of the FairOBD paper. Source: spec/scenarios.md, geo7.

Published values live in `evenhand.scenarios.geo7`; here they are only set beside ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.core import Policy
from evenhand.experiment import Comparison, compare, load
from evenhand.registry import catalogue
from evenhand.scenarios.shipped import columns_of
from evenhand.trajectory import Trajectory

__all__ = [
    "FACTORS",
    "PARTS",
    "WEIGHTS",
    "Cell",
    "Checks",
    "Path",
    "Site",
    "cells",
    "checks",
    "extra",
    "paths",
    "sites",
    "tables",
]

#: number of the paper's table -> weight of fairness as a multiple of mu
FACTORS: Mapping[int, float] = {2: 1.0, 3: 0.5, 4: 2.0}
WEIGHTS = {1.0: "μ", 0.5: "μ / 2", 2.0: "2 μ"}
PARTS = ("hitting", "switching", "fairness", "total", "ratio")
#: how far a ratio to OPT may be from the published one (spec/scenarios.md, geo7)
NEAR = 0.03

Progress = Callable[[str, int], None]


@final
@dataclass(frozen=True, slots=True)
class Site:
    """One line of Table 1: electricity price, PUE, and the week's mean health price ($/MWh) of the hourly data used."""

    site: str
    electricity_price: float
    pue: float
    health_price: float


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """One value of Tables 2 to 4: ours, the published one, and ours - published (None where not published)."""

    table: int
    mu_factor: float
    policy: str
    part: str
    ours: float
    published: float | None
    difference: float | None


@final
@dataclass(frozen=True, slots=True)
class Checks:
    """What the spec expects of a right implementation, and what was found.

    farthest: (table, policy, distance) of the FairOBD or ROBD ratio farthest from the published one; rankings: by
    table, our and the published order of the online policies, cheapest first.
    """

    farthest: tuple[int, str, float]
    rankings: Mapping[int, tuple[tuple[str, ...], tuple[str, ...]]]

    @property
    def near(self) -> bool:
        """Whether every such ratio is within `NEAR`."""
        return self.farthest[2] <= NEAR

    @property
    def same_order(self) -> bool:
        """Whether the ranking of Table 2 is the published one; the spec asks for no more."""
        ours, published = self.rankings[2]
        return ours == published


@final
@dataclass(frozen=True, slots=True)
class Path:
    """A policy on one window, costs so far: after round t, averages over rounds 0 .. t, each (T,).

    operating: hitting + switching; fairness: g of the mean burden so far; worst: its largest entry's entity burden.
    """

    policy: str
    operating: Array
    fairness: Array
    worst: Array

    __eq__ = same

    @property
    def total(self) -> Array:
        """Operating + fairness."""
        return self.operating + self.fairness


def sites() -> tuple[Site, ...]:
    """Table 1, as the data that ship hold it."""
    table = columns_of("geo7_sites.csv")
    health = columns_of("geo7_health_price_usd_per_mwh.csv")
    return tuple(
        Site(name, float(price), float(pue), float(np.mean(np.array(health[name], dtype=np.float64))))
        for name, price, pue in zip(table["site"], table["electricity_price_usd_per_mwh"], table["pue"], strict=True)
    )


def extra() -> dict[str, Policy[Any]]:
    """Policies of ours that the paper does not have, where they exist."""
    found = catalogue("policies")
    return {name: found[name]() for name in ("AdaptiveFairOBD",) if name in found}


def tables(windows: Sequence[int] | None = None, progress: Progress | None = None) -> dict[int, Comparison]:
    """Tables 2, 3 and 4: every policy of the paper, and ours, on the windows (None: all 97)."""
    found: dict[int, Comparison] = {}
    base = load("geo7").scenario
    for number, factor in FACTORS.items():
        episodes = load("geo7", mu=factor * base.mu)  # pyright: ignore[reportAttributeAccessIssue]
        found[number] = compare(episodes, {**episodes.scenario.line_up(), **extra()}, windows, progress=progress)
    return found


def cells(comparisons: Mapping[int, Comparison]) -> tuple[Cell, ...]:
    """Every value of the tables, in the paper's order."""
    found: list[Cell] = []
    for number, comparison in comparisons.items():
        for row in comparison.rows:
            paper = None if row.published is None else dict(zip(PARTS[:4], row.published, strict=True))
            for part in PARTS:
                ours = float(getattr(row, part))
                known = {**(paper or {}), "ratio": row.published_ratio}
                published = known.get(part)
                gap = None if published is None else ours - published
                found.append(Cell(number, FACTORS[number], row.policy, part, ours, published, gap))
    return tuple(found)


def checks(comparisons: Mapping[int, Comparison]) -> Checks:
    """Ratios of FairOBD and ROBD against the published ones, and the rankings of the online policies."""
    apart: list[tuple[int, str, float]] = []
    rankings: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for number, comparison in comparisons.items():
        online = [r for r in comparison.rows if r.published is not None and r.policy not in ("OPT", "FairOPT")]
        for row in online:
            if row.policy.startswith(("FairOBD", "ROBD")) and row.published_ratio is not None:
                apart.append((number, row.policy, abs(row.ratio - row.published_ratio)))
        ours = sorted(online, key=lambda r: r.total)
        theirs = sorted(online, key=lambda r: r.published_ratio or 0.0)
        rankings[number] = tuple(r.policy for r in ours), tuple(r.policy for r in theirs)
    return Checks(max(apart, key=lambda item: item[2]), rankings)


def paths(comparison: Comparison, at: int = 0) -> tuple[Path, ...]:
    """Costs so far on the window at position ``at`` of a comparison, for every policy."""
    return tuple(_path(label, run.episode(at)) for label, run in comparison.trajectories.items())


def _path(label: str, run: Trajectory) -> Path:
    rounds = np.arange(1, run.hitting.shape[-1] + 1)
    mean = np.cumsum(run.burdens, axis=0) / rounds[:, None]
    operating = np.cumsum(run.hitting + run.switching) / rounds
    return Path(label, operating, run.problem.setting.fairness.value(mean), mean.max(axis=-1))
