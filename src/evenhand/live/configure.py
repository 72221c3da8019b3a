"""A controller of a problem at hand; of a user's configuration see `own`."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.core import Policy, Problem
from evenhand.costs.unserved import Pooled
from evenhand.errors import ProblemError
from evenhand.impacts import Stacked
from evenhand.live.observation import Observation, seconds
from evenhand.live.records import Controller
from evenhand.live.sites import Sites

__all__ = ["controller_of", "observations_of"]


def controller_of(problem: Problem, policy: Policy[Any], name: str = "", **more: Any) -> Controller:
    """The controller that plays a recorded problem live, such as a scenario's: one site an action, all measured.

    The horizon is dropped where the policy does without. more: staleness, bounds, held, prices.
    Raises ProblemError for a problem that is not of this kind.
    """
    setting = problem.setting
    n = setting.initial.shape[0]
    impact, cost = problem.impact, problem.cost
    b = impact.weight.shape[-2] if isinstance(impact, Stacked) else 1
    penalty = np.array([cost.price.flat[0], cost.weight.flat[0]]) if isinstance(cost, Pooled) else None
    kinds = ("burden",) if b == 1 else tuple(f"burden-{k}" for k in range(1, b + 1))
    sites = Sites(setting.actions, kinds, np.full(1 + (3 + b) * n, np.nan), np.ones(b), penalty)
    if problem.lead:
        raise ProblemError(f"a live controller plays one episode, this problem has leading axes {problem.lead}")
    sites.signals_of(problem.rounds[0])
    return Controller(name or "live", sites, setting, policy, **more)


def observations_of(controller: Controller, problem: Problem) -> list[Observation]:
    """Every round of a problem as it would be measured, one second apart where the problem does not say when."""
    out: list[Observation] = []
    for round in problem.rounds:
        value = controller.sites.signals_of(round)
        text = problem.times[round.index] if problem.times else str(round.index)
        now = seconds("time", text if problem.times else round.index)
        out.append(Observation(now, text, value, np.full_like(value, now)))
    return out
