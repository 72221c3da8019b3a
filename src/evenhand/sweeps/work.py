"""One job, done anywhere: load the case, play or solve its chunk, give the three parts of the cost per episode."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from evenhand.columns import Array, rebuild, same, stretch
from evenhand.core import CostBreakdown, Policy, Problem
from evenhand.errors import InfeasibleError, ParameterError, ProblemError, SolverError, UnknownNameError
from evenhand.experiment import Episodes, load
from evenhand.offline.optimum import optimum
from evenhand.registry import from_plain, load_plugin, plugins
from evenhand.simulation import tally
from evenhand.sweeps.plan import Job

__all__ = ["Block", "run_job"]


@final
@dataclass(frozen=True, slots=True)
class Block:
    """What a job found: hitting, switching, fairness, each (points, windows), averages per round."""

    hitting: Array
    switching: Array
    fairness: Array

    __eq__ = same


def run_job(job: Job) -> Block:
    """Do the job in this process. Raises an EvenhandError that survives the way back from another process."""
    try:
        for path in job.plugins:
            if path not in plugins():
                load_plugin(path)
        episodes = _episodes(job.scenario, json.dumps(job.settings, sort_keys=True))
        batch = episodes.windows().select(job.windows)
        if job.entry < 0:
            return _block([_best(batch)], 1, len(job.windows))
        return _play(batch, job.policies)
    except UnknownNameError as error:  # its arguments do not survive pickling
        raise ParameterError(str(error)) from None


def _best(batch: Problem) -> CostBreakdown:
    """The cost of OPT; nan where it cannot be had (no conic form, nothing proved): the sweep goes on without ratios."""
    try:
        return optimum(batch).cost
    except (ProblemError, InfeasibleError, SolverError):
        none = np.full(batch.lead, np.nan)
        return CostBreakdown(none, none, none)


@functools.lru_cache(maxsize=4)
def _episodes(scenario: str, settings: str) -> Episodes:
    return load(scenario, **{k: from_plain(v) for k, v in json.loads(settings).items()})


def _play(batch: Problem, policies: Sequence[Mapping[str, Any]]) -> Block:
    """Points that differ only in parameters that broadcast are one batch; the bits are those of one by one."""
    groups: dict[str, list[int]] = {}
    for at, plain in enumerate(policies):
        names = getattr(type(from_plain(plain)), "broadcasts", ())
        alike = {k: v for k, v in plain.items() if k not in names}
        groups.setdefault(json.dumps(alike, sort_keys=True), []).append(at)
    found: dict[int, CostBreakdown] = {}
    for members in groups.values():
        group = [from_plain(policies[at]) for at in members]
        if len(group) == 1 or not _scalars(group):
            for at, policy in zip(members, group, strict=True):
                found[at] = tally(batch, policy).cost
            continue
        together = replace(
            group[0],
            **{name: np.array([getattr(p, name) for p in group])[:, None] for name in type(group[0]).broadcasts},
        )
        cost = tally(_lifted(batch, len(group)), together).cost
        for k, at in enumerate(members):
            found[at] = CostBreakdown(cost.hitting[k], cost.switching[k], cost.fairness[k])
    return _block([found[at] for at in range(len(policies))], len(policies), batch.lead[0])


def _scalars(group: Sequence[Policy[Any]]) -> bool:
    return all(np.ndim(getattr(p, name)) == 0 for p in group for name in getattr(type(p), "broadcasts", ()))


def _lifted(problem: Problem, count: int) -> Problem:
    """``count`` times the same problem along a new first axis, without a copy."""
    lead = (count, *problem.lead, problem.horizon)
    parts = {name: getattr(problem, name) for name in ("cost", "impact", "feasible")}
    return rebuild(problem, {name: stretch(part, lead, part.core) for name, part in parts.items()})


def _block(costs: Sequence[CostBreakdown], points: int, windows: int) -> Block:
    parts = (np.stack([getattr(c, name) for c in costs]) for name in ("hitting", "switching", "fairness"))
    return Block(*(np.ascontiguousarray(np.broadcast_to(p, (points, windows))) for p in parts))
