"""What a sweep will do, as plain data: cases (scenario, settings, seed), entries (policy, points), and jobs.

A job is a chunk of windows of one case under some points of one policy, or OPT on a chunk of windows. Its name is the
hash of everything its numbers depend on, so a finished job is recognised whoever ran it, and never run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, final

import numpy as np

from evenhand import __version__
from evenhand.columns import Array, layout, same
from evenhand.core import Policy, Problem
from evenhand.errors import ParameterError, UnknownNameError
from evenhand.experiment import Episodes, load, windows_of
from evenhand.registry import parse, plugins, to_plain
from evenhand.sweeps import grid as grids

__all__ = ["Case", "Entry", "Job", "Plan", "fingerprint", "make_plan", "parameters_of"]

#: windows of OPT in one job; episodes and numbers of an action array in one job of a policy
_OPT_WINDOWS, _EPISODES, _NUMBERS = 16, 512, 4_000_000


@final
@dataclass(frozen=True, slots=True)
class Case:
    """What one OPT belongs to: a scenario with settings and a seed, its chosen windows, and a hash of its data.

    given: the settings of the grid as named by the user; settings: all that is set, the seed included.
    """

    scenario: str
    given: Mapping[str, Any]
    settings: Mapping[str, Any]
    seed: int
    windows: tuple[int, ...]
    data: str

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """A policy under its label, and its points: values of the grid's parameters that this policy has."""

    label: str
    policy: Policy[Any]
    points: tuple[Mapping[str, Any], ...]

    __eq__ = same

    def at(self, point: int, seed: int) -> Policy[Any]:
        """The policy of one point; its ``seed``, if it has one and the grid does not name it, is the case's."""
        change = dict(self.points[point])
        if "seed" in parameters_of(type(self.policy)) and "seed" not in change:
            change["seed"] = seed
        return replace(self.policy, **change) if change else self.policy  # pyright: ignore[reportArgumentType]


@final
@dataclass(frozen=True, slots=True)
class Job:
    """One unit of work, all plain data, and where its rows belong: case, entry (-1: OPT), points, windows."""

    key: str
    case: int
    entry: int
    points: tuple[int, ...]
    windows: tuple[int, ...]
    scenario: str
    settings: Mapping[str, Any]
    policies: tuple[Any, ...]
    plugins: tuple[str, ...]

    __eq__ = same

    @property
    def episodes(self) -> int:
        """How many episodes it plays, or solves."""
        return max(1, len(self.points)) * len(self.windows)


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """Cases, entries and jobs; ``key`` names the sweep, the same whenever the same numbers are asked for."""

    cases: tuple[Case, ...]
    entries: tuple[Entry, ...]
    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Hash of all jobs, in order."""
        return _hash([job.key for job in self.jobs])

    @property
    def episodes(self) -> int:
        """Rows of the result."""
        return sum(job.episodes for job in self.jobs if job.entry >= 0)


def make_plan(
    scenarios: Sequence[str],
    policies: Sequence[str],
    grid: Mapping[str, Sequence[Any]],
    settings: Mapping[str, Sequence[Any]],
    seeds: int,
    windows: str,
) -> Plan:
    """Load every case, build every policy once (so that a bad value is refused now), and cut the work into jobs.

    Raises ParameterError and UnknownNameError for what does not exist or is out of range.
    """
    grids.count("seeds", seeds, grids.MOST)
    for name, axis in [*grid.items(), *settings.items()]:
        if not len(axis):
            raise ParameterError(f"the grid of {name!r} is empty: give at least one value")
    entries = _entries(policies, grid)
    drawn = [e.label for e in entries if "seed" in parameters_of(type(e.policy))]
    cases: list[Case] = []
    sizes: list[int] = []
    notes: list[str] = []
    for scenario in scenarios:
        for given in grids.product(settings):
            first = load(scenario, **given)
            seeded = "seed" in parameters_of(type(first.scenario)) and "seed" not in given
            for seed in range(seeds if seeded or drawn else 1):
                full = {**given, "seed": seed} if seeded else given
                episodes = load(scenario, **full) if seeded else first
                cases.append(
                    Case(
                        scenario,
                        given,
                        full,
                        seed,
                        tuple(dict.fromkeys(windows_of(episodes, windows))),
                        fingerprint(episodes),
                    )
                )
                sizes.append(episodes.scenario.length * episodes.problem.setting.initial.shape[0])
        if seeds > 1 and cases[-1].seed == 0:
            notes.append(f"{scenario} and these policies draw nothing at random: one seed is played, not {seeds}")
    return Plan(tuple(cases), entries, tuple(_jobs(cases, sizes, entries)), tuple(notes))


def _entries(policies: Sequence[str], grid: Mapping[str, Sequence[Any]]) -> tuple[Entry, ...]:
    bases = {text: parse("policies", text) for text in policies}
    if not bases:
        raise ParameterError("no policy is named: give at least one, such as FairOBD")
    known = {name for base in bases.values() for name in parameters_of(type(base))}
    for name in grid:
        if name not in known:
            raise UnknownNameError(f"parameter of {', '.join(bases)}", name, known)
    entries: list[Entry] = []
    for label, base in bases.items():
        own = {k: v for k, v in grid.items() if k in parameters_of(type(base))}
        entry = Entry(label, base, grids.product(own))
        for point in range(len(entry.points)):
            entry.at(point, 0)
        entries.append(entry)
    return tuple(entries)


def _jobs(cases: Sequence[Case], sizes: Sequence[int], entries: Sequence[Entry]) -> list[Job]:
    """OPT first (its jobs are the longest), then the policies; the cut does not depend on who runs them."""
    files = plugins()
    sources = [hashlib.blake2b(Path(f).read_bytes(), digest_size=16).hexdigest() for f in files]
    jobs: list[Job] = []

    def add(case: int, entry: int, points: Sequence[int], windows: Sequence[int], policies: list[Any]) -> None:
        where = cases[case]
        settings = {name: to_plain(value) for name, value in where.settings.items()}
        content = [__version__, where.scenario, settings, where.data, list(windows), policies, sources]
        jobs.append(
            Job(
                _hash(content),
                case,
                entry,
                tuple(points),
                tuple(windows),
                where.scenario,
                settings,
                tuple(policies),
                files,
            )
        )

    for c, case in enumerate(cases):
        for windows in _chunks(case.windows, _OPT_WINDOWS):
            add(c, -1, (), windows, [])
    for c, (case, size) in enumerate(zip(cases, sizes, strict=True)):
        room = int(np.clip(_NUMBERS // size, 1, _EPISODES))
        for e, entry in enumerate(entries):
            plain = [to_plain(entry.at(p, case.seed)) for p in range(len(entry.points))]
            for windows in _chunks(case.windows, room):
                for points in _chunks(range(len(plain)), max(1, room // len(windows))):
                    add(c, e, points, windows, [plain[p] for p in points])
    return jobs


def _chunks(items: Sequence[int], most: int) -> list[Sequence[int]]:
    """Cut into equal parts of at most ``most``."""
    parts = -(-len(items) // most)
    ends = [round(k * len(items) / parts) for k in range(parts + 1)]
    return [items[a:b] for a, b in pairwise(ends)]


def parameters_of(kind: type) -> list[str]:
    """The parameters that a class of ours takes."""
    return [f.name for f in fields(kind) if f.init] if is_dataclass(kind) else []


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def fingerprint(episodes: Episodes) -> str:
    """Hash of a scenario's numbers: every column without its repetitions, the setting, the length of a window."""
    problem: Problem = episodes.problem
    digest = hashlib.blake2b(digest_size=16)
    setting = problem.setting
    parts: list[Any] = [episodes.scenario.length, *(getattr(setting, f.name) for f in fields(setting))]
    for record in (problem.cost, problem.impact, problem.feasible):
        parts.append(type(record).__name__)
        parts.extend(getattr(record, name) for name, _ in layout(type(record)))
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.shape}{part.dtype}".encode())
            digest.update(np.ascontiguousarray(_compact(part)).data)
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()


def _compact(array: Array) -> Array:
    """Without the repetitions of axes with zero strides."""
    return array[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in array.strides)]
