"""A reference function as a user writes it: h = sum a_i kappa_i^2 / 2 for the domain `free`."""

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True, slots=True)
class Paced:
    """Entity i learns at its own rate, eta / a_i. Imitates `WeightedEuclidean`, without a projection of its own."""

    a: tuple[float, ...]

    order = 2.0
    positive = False

    @property
    def burden_weights(self):
        return 1.0 / np.sqrt(self.a)

    def modulus(self, largest):
        return np.ones_like(largest)

    def step(self, kappa, direction, eta, fairness, ball):
        if ball:
            raise NotImplementedError("Paced is for domain='free'")
        return kappa - eta * direction / np.array(self.a)

    def divergence(self, kappa, start):
        return 0.5 * (np.array(self.a) * (kappa - start) ** 2).sum(axis=-1)
