"""A recorded trace through a controller: what it would have decided, round after round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from evenhand.core import Problem
from evenhand.costs.unserved import Pooled
from evenhand.experiment import load
from evenhand.live.configure import configured, controller_of, observations_of
from evenhand.live.controller import decide, settle, start
from evenhand.live.observation import Observation
from evenhand.live.records import Controller, Decision, Settlement, State
from evenhand.own.config import Penalty
from evenhand.own.episodes import Own
from evenhand.policies.adaptive import AdaptiveFairOBD
from evenhand.registry import parse

__all__ = ["opened", "played"]


def opened(source: str, policy: str | None = None) -> tuple[Controller, Problem]:
    """The controller and the recorded rounds of a configuration, or of a scenario by name; policy: another one.

    Raises as `load`, and ProblemError for a scenario that is no live problem.
    """
    episodes = load(source)
    problem, scenario = episodes.problem, episodes.scenario
    chosen: Any = None if policy is None else parse("policies", policy)
    if not isinstance(scenario, Own):
        return controller_of(problem, AdaptiveFairOBD() if chosen is None else chosen, source), problem
    settings = scenario.settings
    if isinstance(problem.cost, Pooled):  # a price left out was taken from the data
        penalty = Penalty(price=float(problem.cost.price.flat[0]), curvature=float(problem.cost.weight.flat[0]))
        settings = settings.model_copy(update={"unserved": penalty})
    controller = configured(settings, source, problem.setting.actions)
    return (controller if chosen is None else replace(controller, policy=chosen)), problem


def played(controller: Controller, problem: Problem) -> Iterator[tuple[Observation, Decision, Settlement, State]]:
    """Every round of a trace: what was measured, its decision, its settlement as decided, and the state after it."""
    state = start(controller)
    for observation in observations_of(controller, problem):
        decision, state = decide(controller, state, observation)
        settlement, state = settle(controller, state)
        yield observation, decision, settlement, state
