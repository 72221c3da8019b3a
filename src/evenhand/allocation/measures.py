"""How even an allocation is: Jain's index, max/min, Gini, the least advantaged tenth, envy
(`spec/allocation.md §5`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fairness", "gini", "jain", "least_advantaged", "measure"]

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Fairness:
    """Measures of the non-negative values v_i named by `of` (utilities, or total resources where a utility
    is negative).

    jain: (Σv)²/(n Σv²), 1 is equal, 1/n all to one; ratio: max v / min v (inf if the least has 0); gini: 0
    equal, 1 − 1/n all to one; least: the least advantaged 10 %'s part of Σv (0.1 is equal); lowest, mean,
    highest: of v; envy: the most any agent would gain in utility by having another agent's share in place of
    its own.
    """

    jain: float
    ratio: float
    gini: float
    least: float
    lowest: float
    mean: float
    highest: float
    envy: float
    of: str


def jain(v: Any) -> float:
    """Jain's index (Jain, Chiu, Hawe 1984); 1 for an all-zero vector."""
    v = np.asarray(v, dtype=np.float64)
    top = float(np.max(v))
    if top == 0.0:
        return 1.0
    v = v / top
    return float(np.sum(v) ** 2 / (v.size * np.sum(v * v)))


def gini(v: Any) -> float:
    """Gini coefficient: mean absolute difference over twice the mean; 0 for an all-zero vector."""
    v = np.sort(np.asarray(v, dtype=np.float64))
    total = float(np.sum(v))
    if total == 0.0:
        return 0.0
    n = v.size
    return float(np.sum((2.0 * np.arange(1, n + 1) - n - 1.0) * v) / (n * total))


def least_advantaged(v: Any, part: float = 0.1) -> float:
    """Share of the total that goes to the fraction `part` with the least (a fractional agent counts in
    part)."""
    v = np.sort(np.asarray(v, dtype=np.float64))
    total = float(np.sum(v))
    if total == 0.0:
        return part
    count = part * v.size
    whole = int(count)
    rest = (count - whole) * float(v[whole]) if whole < v.size else 0.0
    return (float(np.sum(v[:whole])) + rest) / total


def measure(v: Any, of: str = "utility", envy: float = float("nan")) -> Fairness:
    """All measures of values v (n,), v ≥ 0."""
    v = np.asarray(v, dtype=np.float64)
    low, high = float(np.min(v)), float(np.max(v))
    ratio = 1.0 if high == low else (high / low if low > 0.0 else float("inf"))
    return Fairness(jain(v), ratio, gini(v), least_advantaged(v), low, float(np.mean(v)), high, envy, of)
