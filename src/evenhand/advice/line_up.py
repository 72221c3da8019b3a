"""The policies that an adviser tries on a trace, and how each is written in a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import numpy as np

from evenhand.core import Policy, Problem
from evenhand.costs.unserved import Unserved
from evenhand.errors import EvenhandError
from evenhand.experiment import Episodes
from evenhand.own.episodes import Own
from evenhand.planning.history import remember
from evenhand.policies.adaptive import AdaptiveFairOBD
from evenhand.policies.adaptive_resolving import AdaptiveResolving
from evenhand.policies.greedy import Greedy
from evenhand.policies.practice import practice
from evenhand.policies.proportional_share import ProportionalShare
from evenhand.policies.receding import RecedingHorizon
from evenhand.registry import parse
from evenhand.sets import Budget

__all__ = ["BLIND", "configured", "sensible", "spelled", "warm"]

#: the policy that pays for moves and not for fairness
BLIND = "Greedy"
#: a longer trace is not read twice to learn what was before its windows
LEARNED = 20_000


def configured(scenario: Any) -> str:
    """The policy that a user's configuration names; empty for a scenario."""
    inner = getattr(scenario, "scenario", scenario)
    return inner.settings.policy if isinstance(inner, Own) else ""


def sensible(episodes: Episodes, period: int | None) -> dict[str, Policy[Any]]:
    """By label: plans with and without a period, re-solving, the scenario's line-up, what schedulers do where demand
    is everybody's own, the load by capacity where it is not, and what the configuration names.
    """
    problem, out = episodes.problem, dict[str, Policy[Any]]()

    def add(label: str, policy: Policy[Any]) -> None:
        if policy not in out.values():
            out[label] = policy

    add(BLIND, Greedy())
    add("AdaptiveFairOBD", AdaptiveFairOBD())
    if period is not None:
        add(f"AdaptiveFairOBD(period={period})", AdaptiveFairOBD(period=period))
        add(f"RecedingHorizon(period={period})", RecedingHorizon(period=period))
    add("AdaptiveResolving", AdaptiveResolving())
    for label, policy in episodes.scenario.line_up().items():
        add(label, policy)
    if isinstance(problem.cost, Unserved):
        for label, policy in practice().items():
            if label not in out:
                add(label, policy)
    elif isinstance(problem.feasible, Budget):
        add("ProportionalShare", ProportionalShare())
    text = configured(episodes.scenario)
    if text:
        add(text, parse("policies", text))
    return out


def spelled(policy: Policy[Any]) -> str:
    """The policy as a configuration has it, ``Name(parameter=value)``; empty where text cannot say it."""
    try:
        text = _spelled(policy)
        return text if parse("policies", text) == policy else ""
    except (EvenhandError, TypeError):
        return ""


def _spelled(record: Any) -> str:
    told: list[str] = []
    for f in fields(record):
        if not f.init:
            continue
        value = getattr(record, f.name)
        default = f.default if f.default_factory is MISSING else f.default_factory()
        if default is MISSING or not _alike(value, default):
            told.append(f"{f.name}={_value(value)}")
    name = vars(type(record)).get("known_as", type(record).__name__)
    return f"{name}({', '.join(told)})" if told else name


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)


def _value(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return f"{_spelled(value)}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else repr(value)


def warm(policies: Mapping[str, Policy[Any]], problem: Problem, starts: Sequence[int]) -> dict[str, Policy[Any]]:
    """The same for windows at ``starts``; those that learn have seen the rounds before, as in a running system."""
    out = dict(policies)
    if problem.horizon > LEARNED:
        return out
    for label, policy in policies.items():
        known: Any = policy
        if getattr(known, "history", 0) is None and hasattr(known, "period"):
            out[label] = replace(known, history=remember(problem, known.period or 1, starts))
    return out
