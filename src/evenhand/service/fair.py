"""What fairness remembers of each entity, and the level that it is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.core import Fairness, FairnessMemory
from evenhand.fairness.blocks import Blocks
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.live.records import Controller, State
from evenhand.memory.half_life import HalfLife
from evenhand.memory.window import Window

__all__ = ["fair_levels", "remembered"]


def remembered(controller: Controller, round: int, burden: Array) -> Array | None:
    """Burden per round (m,) as fairness remembers it after so many rounds; burden: as a state holds it."""
    if not round:
        return None
    memory = controller.setting.memory
    return burden / round if memory is None else memory.remembered(burden)


def fair_levels(controller: Controller, state: State) -> dict[str, Any]:
    """`fair`, `fair_is` and `memory` of a state's answer."""
    setting, kinds = controller.setting, controller.sites.kinds
    n = len(controller.sites.names)
    held = remembered(controller, state.round, state.burden)
    parts = setting.fairness.parts if isinstance(setting.fairness, Blocks) else (setting.fairness,)
    if len(parts) != len(kinds):  # one cost of all kinds together, or blocks that are not the kinds
        parts = (None,) * len(kinds)
    told = [_level(part, None if held is None else held[b * n : (b + 1) * n], n) for b, part in enumerate(parts)]
    fair = None
    if all(level is not None for _, level in told):
        levels = np.concatenate([level for _, level in told if level is not None])
        fair = dict(zip(setting.entities, levels.tolist(), strict=True))
    kind_of = {kind: what for kind, (what, _) in zip(kinds, told, strict=True)}
    return {"fair": fair, "fair_is": kind_of, "memory": _words(setting.memory)}


def _level(fairness: Fairness | None, held: Array | None, n: int) -> tuple[str, Array | None]:
    if isinstance(fairness, Target):
        return "target", np.broadcast_to(fairness.target, (n,))
    if isinstance(fairness, Shortfall):  # what is received counts as a negative burden
        return "quota", -np.broadcast_to(fairness.quota, (n,))
    return "even", None if held is None else np.full(n, held.mean())


def _words(memory: FairnessMemory | None) -> str:
    match memory:
        case None:
            return "the mean of all rounds"
        case HalfLife():
            return f"half-life of {memory.rounds:g} rounds"
        case Window():
            return f"the last {memory.rounds} rounds"
        case _:
            return type(memory).__name__
