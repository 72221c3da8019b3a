"""OPT, (R, delta)-OPT and FairOPT: the best sequences in hindsight, with a duality gap that does not trust the solver.

Every episode is solved in units of its own (`offline/units.py`), and what comes back is checked in the user's: the
sets, the deviation (6), the gap. Source: spec/online.md §3, §4, §5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.core import CostBreakdown, Mirror, Problem
from evenhand.costs.convex import Convex
from evenhand.errors import EvenhandError, ParameterError, ProblemError, SolverError, called, expect, shown
from evenhand.mirror import Euclidean
from evenhand.notebook import glance
from evenhand.offline.chained import chained, speaks_of
from evenhand.offline.duality import lower_bound_at
from evenhand.offline.fair import fairest
from evenhand.offline.frames import burden_weights, check_frame, framed
from evenhand.offline.moves import refuse_unreachable
from evenhand.offline.program import Answer, restored, whole
from evenhand.offline.served import serving
from evenhand.offline.sizes import Sizes, each_measured, measure
from evenhand.offline.units import rescaled
from evenhand.trajectory import Trajectory, evaluate, excess_of_moves

__all__ = ["Optimum", "fair_optimum", "lower_bound_at", "optimum"]

#: gaps: what an answer is refused above, what better units are tried above, what of a negative one is rounding
LIMIT, RETRY, ROUNDING = 1e-6, 1e-7, 1e-9
#: numbers of actions that are solved together
CHUNK = 10_000
#: how often an episode is solved, each time in the units of the answer before
TRIES = 4

#: the episode, its sizes, and whether the general solver is wanted
Solve = Callable[[Problem, Sizes, bool], Answer]


@final
@dataclass(frozen=True, slots=True)
class Optimum:
    """A hindsight optimum: its trajectory, the multiplier kappa (..., m) of the burdens,
    with a memory (..., T, m), of what is remembered in each round, and a proved lower bound (...).

    least (...): a size of the problem in money, below which nothing is told apart; it matters where the optimum costs
    next to nothing.
    """

    trajectory: Trajectory
    kappa: Array
    lower_bound: Array
    iterations: NDArray[np.int64]
    least: Array

    __eq__ = same

    @property
    def cost(self) -> CostBreakdown:
        """The three parts of (1), recomputed from the actions."""
        return self.trajectory.cost

    @property
    def gap(self) -> Array:
        """(cost - lower bound) / size >= 0 but for rounding: how far from optimal the answer can be, proved.

        The size is that of the cost's parts, in absolute value, or ``least``: the gap is the same in every unit.
        """
        cost = self.cost
        size = np.maximum(np.abs(cost.hitting) + np.abs(cost.switching) + np.abs(cost.fairness), self.least)
        away = cost.total - self.lower_bound
        return np.divide(away, size, out=np.where(away == 0.0, 0.0, np.inf), where=size > 0.0)

    def _repr_html_(self) -> str:
        run, cost = self.trajectory, self.cost.mean()
        facts = {"rounds": run.problem.horizon, "episodes": self.lower_bound.size, "gap, at most": self.gap.max()}
        row = ["mean cost per round", cost.hitting, cost.switching, cost.fairness, cost.total, self.lower_bound.mean()]
        return glance("Optimum", facts, ("", "hitting", "switching", "fairness", "total", "proved at least"), [row])


def optimum(
    problem: Problem,
    *,
    frame: int | None = None,
    deviation: float = np.inf,
    mirror: Mirror = Euclidean(),
    progress: Callable[[], None] | None = None,
) -> Optimum:
    """OPT: the minimiser of (1), all rounds known; each leading element on its own, ``progress`` called after each.

    With ``frame`` R and ``deviation`` delta >= 0, (R, delta)-OPT: the minimiser of (1) under (6), burdens measured in
    the norm of ``mirror``: Euclidean, or l_inf for ``Entropy()``. Its lower bound then holds for every
    (R, delta)-feasible sequence. OPT is (R, delta)-OPT with an infinite delta.

    Gives an Optimum whose actions satisfy the sets to rounding and whose lower bound comes from weak duality
    (`lower_bound_at`), not from the solver. Raises ParameterError where R does not divide T or delta < 0, ProblemError
    for frames of a Convex cost, InfeasibleError (naming the least delta where there is one) or SolverError (gap above
    1e-6, or below zero).
    """
    expect("problem", problem, Problem, 'a Problem, such as load("geo7").window(0)')
    called("progress", progress, "a function without arguments, or None")
    expect("deviation", deviation, (int, float, np.number), "delta, in [0, inf]")
    if not deviation >= 0.0:
        raise ParameterError(f"deviation is {shown(deviation)}: delta must lie in [0, inf]")
    if frame is None and deviation != np.inf:
        raise ParameterError(f"deviation is {deviation!r} without a frame: give frame=R, a divisor of the rounds")
    if frame is None:
        return _best(problem, progress)
    if problem.setting.memory is not None:
        raise ParameterError(
            f"frame is {frame!r}, but (R, delta)-OPT is about the average of the whole episode, and fairness here "
            f"remembers {problem.setting.memory!r}: leave frame out"
        )
    length = check_frame(frame, problem.horizon)
    burden_weights(mirror, problem.impact.entities)
    if deviation == np.inf:
        return _best(problem, progress)
    if isinstance(problem.cost, Convex):
        raise ProblemError(
            f"frame is {frame!r}, but a Convex cost has no conic form, which the multipliers of (6) are read from: "
            "write the cost with a method conic (docs/extending.md), or leave frame out"
        )
    delta = float(deviation)

    def within(view: Problem, sizes: Sizes, _: bool) -> Answer:
        return framed(view, length, delta, mirror, sizes.units)

    return _each(problem, within, LIMIT, progress, True)


def fair_optimum(problem: Problem, *, progress: Callable[[], None] | None = None) -> Optimum:
    """FairOPT: least fairness cost g, and among those the least total cost (lexicographic: g alone has many
    minimisers).

    Where demand may go unserved, as much as can be is served first (`offline/served.py`): who serves nobody burdens
    nobody. "Least" holds to 1e-5 relative, proved by weak duality; SolverError otherwise (1e-6 is typical).

    Its lower bound is OPT's kind of bound and says how far FairOPT's total is from the best total. Raises as `optimum`.
    """
    expect("problem", problem, Problem, 'a Problem, such as load("geo7").window(0)')
    called("progress", progress, "a function without arguments, or None")
    return _each(problem, lambda view, sizes, general: fairest(serving(view), sizes, general), np.inf, progress)


def _each(
    problem: Problem, solve: Solve, limit: float, progress: Callable[[], None] | None, alike: bool = False
) -> Optimum:
    found: list[Optimum] = []
    for index in np.ndindex(*problem.lead):
        found.append(_one(problem.episode(index) if problem.lead else problem, solve, limit, alike))
        if progress is not None:
            progress()
    return _joined(problem, found)


def _joined(problem: Problem, found: list[Optimum]) -> Optimum:
    """One Optimum of all episodes."""
    if not problem.lead:
        return found[0]

    def join(parts: list[Array]) -> Array:
        return np.reshape(np.stack(parts), (*problem.lead, *np.shape(parts[0])))

    run = evaluate(problem, join([one.trajectory.actions for one in found]))
    iterations = np.array([int(one.iterations) for one in found], dtype=np.int64).reshape(problem.lead)
    kappa, bound, least = (join([getattr(o, name) for o in found]) for name in ("kappa", "lower_bound", "least"))
    return Optimum(run, kappa, bound, iterations, least)


def _best(problem: Problem, progress: Callable[[], None] | None) -> Optimum:
    """OPT, by the method that knows the chain for as many episodes at once as fit, where it speaks of them."""
    found: list[Optimum] = []
    lead = problem.lead
    fast = speaks_of(problem)
    size = max(1, CHUNK // (problem.horizon * problem.setting.initial.shape[0])) if fast else 1
    episodes = list(np.ndindex(*lead))
    for start in range(0, len(episodes), size):
        here = episodes[start : start + size]
        batch = problem if not lead else problem.select(range(start, start + len(here))) if len(lead) == 1 else None
        quick = _quick(batch) if fast and batch is not None else [None] * len(here)
        for index, known in zip(here, quick, strict=True):
            one = known or _one(problem.episode(index) if lead else problem, _general, LIMIT, False)
            found.append(one)
            if progress is not None:
                progress()
    return _joined(problem, found)


def _general(view: Problem, _: Sizes, general: bool) -> Answer:
    return whole(view, general=general)


def _quick(problem: Problem) -> list[Optimum | None]:
    """OPT of every episode, each proved; None where the quick method is not enough. No leading axis, or one."""
    moves = problem.setting.switching.moves
    sizes = each_measured(problem)
    answer = None if moves.limited else chained(problem, [one.units for one in sizes])
    if answer is None:
        return [None] * len(sizes)
    lead = problem.lead
    actions = restored(problem, answer.actions.reshape(*lead, *answer.actions.shape[1:]))
    kappa, push = answer.kappa.reshape(*lead, -1), answer.push.reshape(actions.shape) if moves.kinked else None
    run = evaluate(problem, actions)
    least = np.array([one.least for one in sizes]).reshape(lead)
    one = Optimum(
        run, kappa, lower_bound_at(problem, actions, kappa, None, run, push), answer.steps.reshape(lead), least
    )
    outside = problem.feasible.violation(actions).max(axis=-1)
    fine = answer.fine.reshape(lead) & (np.abs(one.gap) <= RETRY) & (outside <= ROUNDING)
    if not lead:
        return [one if fine else None]
    parts = (one.kappa, one.lower_bound, one.iterations, one.least)
    return [
        Optimum(run.episode(i), *(np.asarray(part[i]) for part in parts)) if fine[i] else None for i in range(lead[0])
    ]


def _one(problem: Problem, solve: Solve, limit: float, alike: bool) -> Optimum:
    """One episode, solved in units of its own; where the gap is not small, again in those of the answer."""
    best: Optimum | None = None
    failure: EvenhandError | None = None
    refuse_unreachable(problem)
    sizes = measure(problem, alike=alike)
    for attempt in range(TRIES):
        units = sizes.units
        try:
            answer = solve(rescaled(problem, units), sizes, attempt > 0).back(units.action, units.money, units.burden)
        except SolverError as error:
            failure = error
            break
        one = _proved(problem, answer, sizes.least)
        if best is None or abs(float(one.gap)) < abs(float(best.gap)):
            best = one
        again = measure(problem, answer.actions, alike=alike)
        if abs(float(best.gap)) <= min(limit, RETRY) or limit == np.inf or (attempt > 0 and again.units.same(units)):
            break
        sizes = again
    if best is None:
        raise failure or SolverError("no optimum was found")
    _check(best, limit)
    return best


def _proved(problem: Problem, answer: Answer, least: float) -> Optimum:
    run = evaluate(problem, answer.actions)
    bound = lower_bound_at(problem, answer.actions, answer.kappa, answer.frames, run, answer.pushes)
    return Optimum(run, answer.kappa, bound, np.asarray(answer.iterations), np.asarray(least))


def _check(one: Optimum, limit: float) -> None:
    """Whatever the solver said: inside the sets, and neither far above the bound nor below it."""
    run = one.trajectory
    outside = float(run.problem.feasible.violation(run.actions).max())
    if not outside <= ROUNDING:
        raise SolverError(f"the optimum leaves an action set by {outside:.1e} (relative): no answer")
    beyond = float(excess_of_moves(run.problem.setting, run.actions).max())
    if not beyond <= ROUNDING:
        raise SolverError(f"the optimum moves beyond a limit by {beyond:.1e} (relative): no answer")
    gap = float(one.gap)
    if gap == np.inf and limit < np.inf:
        raise SolverError(
            "nothing is proved about the optimum, its lower bound is -inf: give every action finite bounds"
        )
    if not gap >= -ROUNDING:
        raise SolverError(f"the optimum's duality gap is {gap:.1e}, below zero: the bound or the answer is wrong")
    if not gap <= limit:
        raise SolverError(f"the optimum's duality gap is {gap:.1e}, above {limit:.0e}")
