"""SpareTheWorst: whoever has borne most so far is spared most.

Compare it:  evenhand --plugin examples/spare_the_worst.py compare geo7 --policies SpareTheWorst,FairOBD --windows 0
"""

from dataclasses import dataclass, replace

import numpy as np

from evenhand.columns import kept
from evenhand.kernels.reduce import total
from evenhand.policies.turn import deciding, settling
from evenhand.proximal import moved


@dataclass(frozen=True, slots=True)
class SpareTheWorstState:
    """Rounds seen, the last action, burdens so far; a frozen record, so that a run goes to JSON and on from there."""

    round: int
    action: np.ndarray
    borne: np.ndarray | float = 0.0
    open: bool = False


@dataclass(frozen=True, slots=True)
class SpareTheWorst:
    """The weight of fairness as a price, split among entities by (burden so far / the largest) ** sharpness."""

    sharpness: float = 3.0

    def init(self, setting):
        """Where it starts."""
        return SpareTheWorstState(0, setting.initial)

    def decide(self, setting, state, round):
        """What it does: the exact minimiser of the round, tilted by the price of each entity's burden."""
        deciding(state, SpareTheWorstState, setting, round)
        borne = np.broadcast_to(state.borne, (*np.shape(state.action)[:-1], round.impact.entities))
        top = np.maximum(borne.max(axis=-1, keepdims=True), 1e-300)
        share = np.maximum(borne / top, 1e-9) ** self.sharpness
        price = setting.fairness.lipschitz(round.impact.entities) * share / total(share)[..., None]
        return moved(setting, round, state.action, round.impact.tilt(price)), replace(state, open=True)

    def settle(self, setting, state, round, applied, burden):
        """What it makes of what really happened."""
        settling(state, SpareTheWorstState, burden)
        return SpareTheWorstState(state.round + 1, kept(applied), state.borne + burden)
