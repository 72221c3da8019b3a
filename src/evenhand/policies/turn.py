"""Whose turn it is: the checks that every policy makes of the state and round it is given. Source: spec/online.md §11.

A state counts the rounds settled and says whether one is decided and open; deciding twice, settling what was not
decided, a state of another policy or of another size are refused before they can become a wrong number.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evenhand.columns import Array, kept
from evenhand.core import Round, Setting
from evenhand.errors import ProblemError

__all__ = ["deciding", "held", "settling"]


def deciding(state: Any, kind: type, setting: Setting, round: Round) -> None:
    """Raise ProblemError where ``state`` cannot decide this round."""
    if type(state) is not kind:
        raise ProblemError(f"state is a {type(state).__name__}: give what init or settle of this policy returned")
    if state.open:
        raise ProblemError(f"round {state.round} is decided and not settled: settle it before the next is decided")
    n = setting.initial.shape[0]
    if round.feasible.actions != n:  # the parts of a Round agree
        raise ProblemError(f"the round has {round.feasible.actions} actions, initial has {n}: they must agree")
    last = getattr(state, "action", None)
    if last is not None and last.shape[-1] != n:
        raise ProblemError(f"state has an action of {last.shape[-1]} numbers, initial has {n}: of another setting")
    kappa, m = getattr(state, "kappa", None), round.impact.entities
    if kappa is not None and kappa.shape[-1] != m:
        raise ProblemError(f"state has prices of {kappa.shape[-1]} entities, the round has {m}: they must agree")


def held(setting: Setting, action: Array) -> Array | None:
    """What a policy that ignores switching costs keeps of an action: nothing, unless moves have limits."""
    return kept(action) if setting.switching.moves.limited else None


def settling(state: Any, kind: type, burden: Array) -> None:
    """Raise ProblemError where ``state`` has nothing to settle, or what happened is not a number."""
    if type(state) is not kind:
        raise ProblemError(f"state is a {type(state).__name__}: give what decide of this policy returned")
    if not state.open:
        raise ProblemError(f"no round is open after {state.round} rounds: decide before you settle, and settle once")
    known = math.isfinite(burden.dot(burden)) if burden.ndim == 1 else False
    if not known and not np.isfinite(burden).all():
        raise ProblemError(
            f"burden is {burden!r:.80}: where nothing was measured, settle with the burden of the action"
        )
