"""What to run: every sensible policy on the first part of a trace, the cheapest of them reported on the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from evenhand.advice.line_up import BLIND, sensible, spelled, warm
from evenhand.advice.parts import Parts, daily, in_parts
from evenhand.columns import whole
from evenhand.core import Policy
from evenhand.errors import EvenhandError, ParameterError, called, expect
from evenhand.experiment import Comparison, Episodes, Row, compare
from evenhand.policies.greedy import Greedy
from evenhand.simulation import simulate
from evenhand.trajectory import Trajectory, moved_from

__all__ = ["FACTORS", "Advice", "Point", "advise", "moved_share"]

#: multiples of the user's weight of fairness at which the chosen policy is played; 0 is BLIND
FACTORS = (0.0, 0.5, 1.0, 2.0)
#: a policy that was better by less on the rest is no reason to doubt the choice
CLOSE = 0.002


@final
@dataclass(frozen=True, slots=True)
class Point:
    """The chosen policy played with fairness weighed ``factor`` times: what serving and moving cost, and what its
    burdens cost at the user's own weight. Means per round over the windows of the rest.
    """

    factor: float
    running: float
    unfair: float


@final
@dataclass(frozen=True, slots=True)
class Advice:
    """What to run, on what it was chosen, and how it did on the rest.

    chosen: its label; text: as a configuration has it, empty where text cannot say it; first, rest: all policies and
    OPT on the windows of each part; moves: of all policies on the rest, the share of the load that a round takes from
    some actions and gives to others;
    left_out: policies that this trace cannot be played by, and why; notes: warnings.
    """

    parts: Parts
    period: int | None
    chosen: str
    text: str
    first: Comparison
    rest: Comparison
    pareto: tuple[Point, ...]
    moves: Mapping[str, float]
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()

    @property
    def row(self) -> Row:
        """The chosen policy on the rest."""
        return row_of(self.rest, self.chosen)

    def at_most(self, label: str) -> float:
        """How far its mean cost on the rest is at most above the best in hindsight, proved; nan without OPT."""
        return row_of(self.rest, label).ratio / (1.0 - self.rest.gap) - 1.0


def row_of(comparison: Comparison, label: str) -> Row:
    """The row of that policy."""
    return next(row for row in comparison.rows if row.policy == label)


def advise(
    episodes: Episodes,
    policies: Mapping[str, Policy[Any]] | None = None,
    period: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Advice:
    """Replay a trace under the sensible line-up, or ``policies``; choose on its first half, report on its second.

    period: rounds in a pattern that policies may learn; found from the times when left out, where they tell a day.
    progress is called with (label, parts done, parts in all). Raises ParameterError where no policy can play the trace.
    """
    expect("episodes", episodes, Episodes, 'what load("geo7") gives')
    if policies is not None:
        expect("policies", policies, Mapping, 'policies by label, such as {"mine": FairOBD()}')
    called("progress", progress, "a function of a label, parts done and parts in all, or None")
    period = daily(episodes.problem) if period is None else whole("period", period)
    parts = in_parts(episodes, period)
    tried = dict(sensible(parts.episodes, period) if policies is None else policies)
    tried.setdefault(BLIND, Greedy())
    steps, done = 2 * (len(tried) + 1) + len(FACTORS) - 2, 0

    def tell(label: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(label, done, steps)

    left_out = dict[str, str]()
    first = _played(parts, parts.first, tried, left_out, tell)
    rest = _played(parts, parts.rest, {k: v for k, v in tried.items() if k not in left_out}, left_out, tell)
    online = [row for row in first.rows if row.policy in tried and row.policy not in left_out]
    if not online:
        raise ParameterError(f"no policy can play this trace: {next(iter(left_out.values()), 'none was named')}")
    chosen = min(online, key=lambda row: row.total).policy
    pareto = _pareto(rest, chosen, tell)
    moves = {label: moved_share(run) for label, run in rest.trajectories.items()}
    notes = (*parts.notes, *_doubts(rest, chosen, tried))
    return Advice(
        parts, period, chosen, spelled(tried[chosen]), first, rest, pareto, moves, left_out, notes
    )  # fmt: skip


def _played(
    parts: Parts,
    starts: tuple[int, ...],
    tried: Mapping[str, Policy[Any]],
    left_out: dict[str, str],
    tell: Callable[[str], None],
) -> Comparison:
    """OPT and every policy on these windows; one that cannot play them is left out, and ``left_out`` says why."""
    episodes = parts.episodes
    batch = episodes.windows().select(starts)
    told = False

    def once(label: str, _: int) -> None:
        nonlocal told
        if not told:
            tell(label)
            told = True

    result = compare(episodes, {BLIND: Greedy()}, starts, ("OPT",), once)
    rows, runs = [row for row in result.rows if row.policy == "OPT"], dict(result.trajectories)
    blind = runs.pop(BLIND)
    best = rows[0].total if rows else 0.0
    for label, policy in warm(tried, episodes.problem, starts).items():
        try:
            run = blind if policy == Greedy() else simulate(batch, policy)
        except EvenhandError as error:
            left_out[label] = str(error)
            continue
        finally:
            tell(label)
        runs[label] = run
        mean = run.cost.mean()
        hitting, switching, fairness = (float(v) for v in (mean.hitting, mean.switching, mean.fairness))
        total = float(mean.total)
        ratio = total / best if best else np.nan
        rows.append(Row(label, hitting, switching, fairness, total, ratio, None, None))
    return replace(result, rows=tuple(rows), trajectories=runs)


def _pareto(rest: Comparison, chosen: str, tell: Callable[[str], None]) -> tuple[Point, ...]:
    """The chosen policy on the rest, fairness weighed by each factor in its own eyes."""
    out: list[Point] = []
    for factor in FACTORS:
        run = rest.trajectories[BLIND if factor == 0.0 else chosen]
        if factor not in (0.0, 1.0):
            try:
                run = _weighed(run, factor)
            except EvenhandError:
                continue
            finally:
                tell(f"fairness x {factor:g}")
        mean = run.cost.mean()
        out.append(Point(factor, float(mean.hitting + mean.switching), float(mean.fairness)))
    return tuple(out)


def _weighed(run: Trajectory, factor: float) -> Trajectory:
    """The same policy in a problem whose fairness weighs ``factor`` times as much, priced by the problem as it is."""
    problem = run.problem
    scaled: Any = problem.setting.fairness
    other = replace(problem, setting=replace(problem.setting, fairness=scaled.scaled(factor)))
    assert run.policy is not None
    return replace(simulate(other, run.policy), problem=problem)


def moved_share(run: Trajectory) -> float:
    """What moves from one action to another in a round, beyond what the load as a whole does, as a share of the load:
    mean of (sum |x_i - x_i'| - |sum x_i - sum x_i'|) / 2 from the second round on, over the mean sum of |x_i|.
    """
    load = float(np.abs(run.actions).sum(axis=-1).mean())
    if run.actions.shape[-2] < 2 or load == 0.0:
        return 0.0
    change = (run.actions - moved_from(run.problem.setting, run.actions))[..., 1:, :]
    return float((np.abs(change).sum(axis=-1) - np.abs(change.sum(axis=-1))).mean()) / (2.0 * load)


def _doubts(rest: Comparison, chosen: str, tried: Mapping[str, Policy[Any]]) -> list[str]:
    """Where the ranking did not hold, or nothing is proved."""
    own = row_of(rest, chosen)
    best = min((row for row in rest.rows if row.policy in tried), key=lambda row: row.total)
    notes: list[str] = []
    if best.total < own.total * (1.0 - CLOSE):
        notes.append(
            f"The ranking did not hold: on the rest {best.policy} was {100 * (1 - best.total / own.total):.1f} % "
            "cheaper than the choice. Take either, and look again with a longer trace."
        )
    if rest.no_opt:
        notes.append(f"Nothing is proved, for there is no OPT: {rest.no_opt}")
    return notes
