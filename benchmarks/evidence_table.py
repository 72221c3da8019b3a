"""What a table of docs/evidence.md is, and what all of them are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evenhand.core import Problem

#: the recommended default, and the same with a day's pattern
DEFAULT, DAILY = "AdaptiveFairOBD", "AdaptiveFairOBD(period=24)"
#: multiples of the rate L / (Z sqrt T) that stand for FairOBD's six, where the paper's do not fit the units
RATES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
#: weights of fairness on geo7, as multiples of the paper's
FACTORS = (1.0, 0.5, 2.0)
#: traces of real clients, and the cluster as a share of their mean demand
CLIENTS = [(trace, capacity) for trace in ("mmid", "msmall") for capacity in (0.7, 0.9)]


@dataclass(frozen=True)
class Table:
    """A title, what to know, a head and rows, notes below; short: what another page holds of it, where not all."""

    title: str
    about: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default_factory=tuple)
    short: Table | None = None


def ratio(total: Any, best: Any) -> float:
    return float(np.mean(total) / np.mean(best))


def told(value: float, target: float | None = None) -> str:
    """A ratio, and whether it reaches its target."""
    if target is None:
        return f"{value:.4f}"
    return f"{value:.4f} (≤ {target:g}: {'met' if round(value, 4) <= target else '**missed**'})"


def fixed(problem: Problem) -> Any:
    """FairOBD's six rates for a problem: (6,)."""
    high = np.maximum(np.abs(problem.setting.burden_upper), np.abs(problem.setting.burden_lower))
    lipschitz = problem.setting.fairness.lipschitz(high.shape[0])
    return lipschitz / (float(np.linalg.norm(high)) * problem.horizon**0.5) * np.array(RATES)
