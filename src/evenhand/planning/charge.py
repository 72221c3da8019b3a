"""What a plan charges for fairness: on its projected final burden, or, with a memory, on what is remembered as it goes.

    no memory   T g( (S + (R/h) sum_s b_s) / T ),  b_s = A_s x_s: one price kappa (m,), the same in every planned round
    a memory    sum_s e_s g(y_s),  y_s linear in what is held and b_1..b_s: prices kappa_s (h, m); round s then pays
                p_s = sum_{t >= s} w_{t,s} e_t kappa_t

e_s = 1, but for the last planned round, which stands for the rounds after it too: its e is 1 + gamma / (1 - gamma), the
mean age of the memory, for at round h + k the share gamma^k of what was remembered at h is left; where the horizon ends
before that, less. So a plan of any length prices its last rounds in full. Source: spec/online.md §10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evenhand.columns import Array
from evenhand.core import Setting
from evenhand.kernels import reduce

__all__ = ["Charge", "borne", "charge_of", "horizon_of"]

#: half-lives that are planned ahead: an eighth of what is remembered is left after them
HALF_LIVES = 3.0


class Charge(NamedTuple):
    """price: kappa -> what planned rounds pay (..., 1, m) or (..., h, m). project: their burdens (..., h, m) -> what
    kappa answers to, in its shape. weight: of g* for each kappa. stiffness: of what it projects, in units of the sum
    over rounds of how they answer to a price; above the true one. Both () or (..., h).
    """

    price: Callable[[Array], Array]
    project: Callable[[Array], Array]
    weight: Array
    stiffness: Array


def horizon_of(setting: Setting, round: int, reach: int) -> tuple[int, int]:
    """Rounds to plan, at most ``reach``, and the rounds that the plan stands for, from the round of that number on."""
    left = reach if setting.horizon is None else max(setting.horizon - round, 1)
    if setting.memory is None:
        return min(left, reach), left
    gamma = setting.memory.retention
    span = np.ceil(-HALF_LIVES / np.log2(gamma)) if 0.0 < gamma < 1.0 else (1.0 if gamma == 0.0 else np.inf)
    return int(min(left, reach, max(span, 1.0))), left


def borne(setting: Setting, before: Array | float, burden: Array) -> Array:
    """What a plan is told of the burdens so far, after one more (..., m): their sum, or what memory holds."""
    memory = setting.memory
    if memory is None:
        return before + burden
    return memory.add(before if isinstance(before, np.ndarray) else memory.begin(burden.shape[-1]), burden)


def charge_of(setting: Setting, burden: Array | float, index: int, length: int, left: int, m: int) -> Charge:
    """For a plan of ``length`` rounds that begins in round ``index`` and stands for ``left``.

    burden: as `borne` keeps it, 0.0 before the first round.
    """
    memory = setting.memory
    if memory is None:
        total = float(index + left)
        return Charge(
            lambda kappa: kappa[..., None, :],
            lambda burdens: burden + left * reduce.mean_rows(burdens),
            np.asarray(total),
            np.asarray(left / length),
        )
    recursion = memory.recursion(burden if isinstance(burden, np.ndarray) else memory.begin(m), length)
    gamma = memory.retention
    later = np.inf if setting.horizon is None else max(setting.horizon - index - length, 0)
    age = gamma / (1.0 - gamma) if gamma < 1.0 else np.inf
    weight = np.ones(length)
    weight[-1] += min(age, later, index + length)  # a memory without an end is as old as what it has seen
    fresh = replace(recursion, given=np.zeros((length, 1))).follow(np.ones((length, 1)))[..., 0]
    most = recursion.weigh(weight[:, None])[..., 0].max(axis=-1)[..., None]
    return Charge(
        lambda kappa: recursion.weigh(weight[:, None] * kappa),
        lambda burdens: weight[:, None] * recursion.follow(burdens),
        weight,
        # |sum_t w_{t,s} e_t k_t|^2 <= (sum_t w_{t,s} e_t) sum_t w_{t,s} e_t |k_t|^2, summed over s
        most * weight * fresh / length,
    )
