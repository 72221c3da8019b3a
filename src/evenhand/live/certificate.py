"""How far a stretch of rounds was from the best in hindsight, proved: what was measured, and what was applied.

`Settlement.bound` is kept up to date at no cost, from a few fixed prices and without the switching term; this one
solves for the best price of the stretch, with all terms. Source: spec/online.md §5 (11), §11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from evenhand.columns import Array, same
from evenhand.core import CostBreakdown, Problem
from evenhand.errors import ProblemError
from evenhand.live.records import Controller, Settlement
from evenhand.offline.bound import lower_bound
from evenhand.offline.remembered import unfairness

__all__ = ["Hindsight", "hindsight", "recorded"]


@final
@dataclass(frozen=True, slots=True)
class Hindsight:
    """A stretch of rounds: what it cost a round, the proved least cost of any sequence, and the price it is at, (m,) or
    with a memory (T, m).
    """

    rounds: int
    cost: CostBreakdown
    bound: float
    kappa: Array

    __eq__ = same

    @property
    def gap(self) -> float | None:
        """How far the cost is at most above the best in hindsight, relative, proved; None for a bound of 0 or less."""
        return None if self.bound <= 0.0 else float(self.cost.total) / self.bound - 1.0


def recorded(controller: Controller, settlements: Sequence[Settlement]) -> Problem:
    """Consecutive rounds as a problem that begins at the action before them.

    Raises ProblemError for none, or for rounds that do not follow each other.
    """
    numbers = [settlement.round for settlement in settlements]
    if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise ProblemError(f"rounds are {numbers!r:.60}: give at least one, each once and in order")
    setting = replace(
        controller.setting, horizon=len(numbers), initial=settlements[0].previous, burden_lower=None, burden_upper=None
    )
    return Problem(setting, *controller.sites.parts(np.stack([s.signals for s in settlements])))


def hindsight(controller: Controller, settlements: Sequence[Settlement]) -> Hindsight:
    """Certify a stretch of rounds, decided or missed; its fairness is that of its own burdens, as measured,
    so a memory begins with it.

    Raises ProblemError as `recorded`, SolverError where the horizon problem has no accurate answer.
    """
    problem = recorded(controller, settlements)
    count = len(settlements)
    hitting, switching = (sum(getattr(s, name) for s in settlements) / count for name in ("hitting", "switching"))
    fairness = unfairness(problem, np.stack([s.burden for s in settlements]))
    proved = lower_bound(problem)
    cost = CostBreakdown(np.asarray(hitting), np.asarray(switching), np.asarray(fairness))
    return Hindsight(count, cost, float(proved.value), proved.kappa)
