"""What a configuration says of burdens (kinds, entities, signs, their fairness cost and its memory) and of moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evenhand.columns import Array
from evenhand.core import Fairness, FairnessMemory, Switching
from evenhand.fairness.blocks import Blocks
from evenhand.fairness.norm import Norm
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.memory.half_life import HalfLife
from evenhand.memory.window import Window
from evenhand.own.config import Burden, Move, OwnConfig, Signal
from evenhand.switching.limits import Limits
from evenhand.switching.linear import Linear
from evenhand.switching.ramp import RampDown, RampUp
from evenhand.switching.squared import Squared
from evenhand.switching.sum import Sum
from evenhand.switching.weighted import Weighted

__all__ = ["entities_of", "fairness_of", "kinds_of", "memory_of", "signs_of", "switching_of"]

#: (place, signal, least value) -> (n,)
Fixed = Callable[[str, Signal, float | None], Array]


def kinds_of(config: OwnConfig) -> tuple[str, ...]:
    """What each kind of burden is called."""
    burdens = enumerate(config.burdens)
    return tuple(b.name or b.signal.column or b.signal.file or f"burden {k + 1}" for k, b in burdens)


def entities_of(config: OwnConfig, sites: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the m = b n entities, kind by kind."""
    kinds = kinds_of(config)
    return sites if len(kinds) == 1 else tuple(f"{site} {kind}" for kind in kinds for site in sites)


def signs_of(config: OwnConfig) -> Array:
    """(b,): -1 for a kind whose signal is what a unit of x gives, for a quota prices what is missing of it."""
    return np.array([-1.0 if b.quota is not None else 1.0 for b in config.burdens])


def fairness_of(config: OwnConfig, n: int, fixed: Fixed) -> Fairness:
    """g of all burdens at n sites; ``fixed`` reads the targets and quotas."""
    parts = [_of(config, b, burden, fixed) for b, burden in enumerate(config.burdens)]
    return parts[0] if len(parts) == 1 else Blocks(tuple(parts), (n,) * len(parts))


def _of(config: OwnConfig, b: int, burden: Burden, fixed: Fixed) -> Fairness:
    mu = config.mu * burden.weight
    if burden.target is not None:
        return Target(mu, fixed(f"burdens.{b}.target", burden.target, None), burden.norm)
    if burden.quota is not None:
        return Shortfall(mu, fixed(f"burdens.{b}.quota", burden.quota, 0.0), burden.norm)
    return Norm(mu, burden.norm)


_PRICED = {"squared": Weighted, "weighted": Weighted, "linear": Linear, "ramp_up": RampUp, "ramp_down": RampDown}


def memory_of(config: OwnConfig) -> FairnessMemory | None:
    """What fairness remembers; None for the average of the whole episode."""
    memory = config.memory
    if memory is None:
        return None
    return HalfLife(memory.half_life) if memory.half_life is not None else Window(memory.window or 1)


def switching_of(config: OwnConfig, fixed: Fixed) -> Switching:
    """s, all that moving costs and its limits; ``fixed`` reads costs and limits."""
    if not config.switching:
        return Squared(config.beta)
    parts = [_moving(k, move, fixed) for k, move in enumerate(config.switching)]
    return parts[0] if len(parts) == 1 else Sum(*parts)


def _moving(k: int, move: Move, fixed: Fixed) -> Switching:
    def number(name: str) -> Array | float:
        signal = getattr(move, name)
        return np.inf if signal is None else fixed(f"switching.{k}.{name}", signal, 0.0)

    if move.kind == "limits":
        return Limits(number("rise"), number("fall"), move.from_start)
    if move.kind == "squared" and move.cost is not None and move.cost.constant is not None:
        return Squared(move.cost.constant)
    return _PRICED[move.kind](number("cost"))
