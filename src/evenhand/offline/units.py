"""An episode in units of its own, so that the solver always sees numbers of about one. Source: spec/online.md §1.

What becomes of the data, every family says itself (`evenhand.units`). Units are powers of two: to divide by them and to
multiply again changes no digit, and what is feasible in them is feasible. Which units: `offline/sizes.py`.
"""

from __future__ import annotations

from dataclasses import replace

from evenhand.columns import rebuild
from evenhand.core import Problem
from evenhand.impacts import Dense
from evenhand.units import Units, in_units

__all__ = ["rescaled"]


def rescaled(problem: Problem, units: Units) -> Problem:
    """The episode in other units. Raises ProblemError for a family that does not say how."""
    setting, impact = problem.setting, problem.impact
    if not hasattr(impact, "in_units"):  # a user's own: what it does is linear, so its matrices tell all
        impact = Dense.of(impact)
    return rebuild(
        problem,
        {
            "cost": in_units(problem.cost, units),
            "impact": in_units(impact, units),
            "feasible": in_units(problem.feasible, units),
            "setting": replace(
                setting,
                switching=setting.switching.moves.in_units(units.action, units.money),
                fairness=in_units(setting.fairness, units),
                memory=None if setting.memory is None else in_units(setting.memory, units),
                initial=setting.initial / units.action,
                burden_lower=None if setting.burden_lower is None else setting.burden_lower / units.burden,
                burden_upper=None if setting.burden_upper is None else setting.burden_upper / units.burden,
            ),
        },
    )
