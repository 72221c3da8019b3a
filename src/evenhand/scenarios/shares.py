"""A cluster divided among those who ask for it, fair in the long-term share against quota: what `tenants` and `clients`
have in common. Source: spec/scenarios.md, tenants.

Round t: i asks for d_i and holds x_i, both in percent of the cluster; 0 <= x_i <= most quota_i, sum x = 100. Hitting
cost: sum_i (penalty / quota_i) max(d_i - x_i, 0)^2 / 2 + strain x_i^2 / 2, so that the same relative lack costs in
proportion to the quota. What i receives is measured in tenths of its quota, r_i = avg_t 10 x_{i,t} / quota_i.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evenhand.columns import Array, number
from evenhand.core import Fairness, Problem, Setting, Switching
from evenhand.costs.unserved import Unserved
from evenhand.errors import ParameterError
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.impacts import Diagonal
from evenhand.sets import Budget

__all__ = ["CLUSTER", "check", "cluster"]

CLUSTER = 100.0
TENTHS = 10.0


def check(scenario: Any) -> None:
    """Raise ParameterError for a form, weight or price that is none; mu, p, beta, penalty, strain, form are read."""
    if scenario.form not in ("shortfall", "target"):
        raise ParameterError(f"form is {scenario.form!r}: it must be shortfall or target")
    number("penalty", scenario.penalty, low=0.0)
    number("strain", scenario.strain, low=0.0, open_low=True)
    number("beta", scenario.beta, low=0.0)
    _fairness(scenario)


def _fairness(scenario: Any) -> Fairness:
    """mu max_i max(0, 10 - r_i) (`shortfall`) or mu max_i |r_i - 10| (`target`); p replaces the maximum."""
    return (Shortfall if scenario.form == "shortfall" else Target)(scenario.mu, TENTHS, scenario.p)


def cluster(
    scenario: Any, quota: Array, asks: Array, names: Sequence[str], switching: Switching, most: float
) -> Problem:
    """The problem above: quota (n,), asks (T, n); the scenario brings form, mu, p, penalty and strain. x_0 = quota."""
    setting = Setting(
        horizon=asks.shape[0],
        switching=switching,
        fairness=_fairness(scenario),
        initial=quota,
        actions=names,
        entities=names,
    )
    return Problem(
        setting,
        Unserved(asks, scenario.penalty / quota, curvature=scenario.strain),
        Diagonal((-TENTHS if scenario.form == "shortfall" else TENTHS) / quota),
        Budget(CLUSTER, np.minimum(CLUSTER, most * quota)),
    )
