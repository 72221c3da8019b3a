"""A memory of one's own: nothing but the last burden, told without a kernel."""

from dataclasses import dataclass

import numpy as np

from evenhand.memory.recursion import Recursion


@dataclass(frozen=True)
class Latest:
    retention: float = 0.0

    def begin(self, m):
        return np.zeros(m)

    def add(self, held, burden):
        return burden + 0.0 * held

    def remembered(self, held):
        return held

    def recursion(self, held, rounds):
        nothing = np.zeros(rounds)
        return Recursion(nothing, np.ones(rounds), nothing, 1, np.zeros((rounds, held.shape[-1])))

    def in_units(self, units):
        return self
