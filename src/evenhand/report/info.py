"""What a scenario is, in words and numbers: its story, settings, size, who plays it and what it says of itself."""

from __future__ import annotations

import inspect
import sys
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from evenhand.experiment import Episodes
from evenhand.report.text import plain

__all__ = ["about"]


def about(scenario: Any, episodes: Episodes | None = None) -> str:
    """A scenario described, for the terminal; ``episodes`` are what it loads as, None where it is one-shot.

    The story is the docstring of its module, the meaning of settings that of its class; a setting that is not at its
    default is marked.
    """
    kind = type(scenario)
    lines = [_story(kind), "", "Settings (--set name=value):"]
    for field in fields(scenario):
        if field.init and field.repr:
            value = getattr(scenario, field.name)
            changed = field.default is not MISSING and field.default is not None and value != field.default
            lines.append(f"  {field.name} = {plain(value, 80)}{'  (changed)' if changed else ''}")
    lines += ["", inspect.cleandoc(kind.__doc__ or "")]
    if episodes is not None:
        lines += ["", *_size(episodes)]
    note = getattr(scenario, "note", "")
    return "\n".join([*lines, "", note] if note else lines)


def _story(kind: type) -> str:
    return inspect.cleandoc(sys.modules[kind.__module__].__doc__ or "")


def _size(episodes: Episodes) -> list[str]:
    problem, length = episodes.problem, episodes.scenario.length
    setting = problem.setting
    count = len(episodes) if episodes.starts is None else len(episodes.starts)
    when = f", {problem.times[0]} to {problem.times[-1]}" if problem.times else ""
    parts = (problem.cost, problem.feasible, problem.impact, setting.fairness, setting.switching)
    lines = [
        f"{problem.horizon} rounds{when}; {count} window{'s' * (count != 1)} of {length}",
        f"{len(setting.actions)} actions: {_names(setting.actions)}",
        f"{len(setting.entities)} burdens: {_names(setting.entities)}",
        f"cost, set, impact, fairness, switching: {', '.join(type(part).__name__ for part in parts)}",
    ]
    total = getattr(problem.feasible, "total", None)
    demand = getattr(problem.cost, "demand", None)
    for name, value in (("total to place", total), ("demand", None if demand is None else _summed(demand))):
        if value is not None:
            low, mean, high = (f"{v:.4g}" for v in (np.min(value), np.mean(value), np.max(value)))
            lines.append(f"{name} a round: {low} to {high}, mean {mean}")
    units = getattr(episodes.scenario, "units", {})
    if units:
        lines.append("units: " + ", ".join(f"{name} in {unit}" for name, unit in units.items()))
    lines.append(f"line-up: {', '.join(episodes.scenario.line_up())}")
    published = episodes.scenario.published()
    if published:
        lines.append(f"published for these settings: {', '.join(published)}")
    if setting.memory is not None:
        lines.append(f"fairness remembers: {setting.memory!r}")
    return lines


def _summed(demand: Any) -> Any:
    return demand.sum(axis=-1) if demand.ndim > 1 else demand


def _names(names: tuple[str, ...]) -> str:
    shown = [plain(name) for name in (names if len(names) <= 8 else (*names[:6], "…", names[-1]))]
    return ", ".join(shown)
