"""Action sets as a user writes them: a budget that imitates `Budget`, and a ball, which is curved."""

from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.columns import column, rebuild
from evenhand.conic import Curved, SetForm, cone


@final
@dataclass(frozen=True, slots=True)
class Shared:
    """0 <= x <= upper and sum x = total."""

    total: np.ndarray = column(0)
    upper: np.ndarray = column(1)

    @property
    def actions(self):
        return self.upper.shape[-1]

    @property
    def core(self):
        return {"total": (), "upper": self.upper.shape[-1:]}

    @property
    def bounds(self):
        return np.zeros_like(self.upper), self.upper

    def violation(self, x):
        off = np.abs(x.sum(axis=-1) - self.total) / np.maximum(self.total, 1e-300)
        return np.maximum(off, np.maximum(-x, x - self.upper).max(axis=-1) / self.upper.max(axis=-1))

    def support(self, direction):
        """The cheapest first, until the total is spent."""
        way, upper = np.broadcast_arrays(direction, self.upper)
        order = np.argsort(way, axis=-1)
        room = np.take_along_axis(upper, order, axis=-1)
        before = np.cumsum(room, axis=-1) - room
        x = np.clip(np.asarray(self.total)[..., None] - before, 0.0, room)
        return (np.take_along_axis(way, order, axis=-1) * x).sum(axis=-1)

    def in_units(self, units):
        return rebuild(self, {"total": self.total / units.action, "upper": self.upper / units.action})

    def conic(self):
        total = np.asarray(self.total)[..., None]
        return SetForm(np.ones((1, self.actions)), total, total)


@final
@dataclass(frozen=True, slots=True)
class Disc:
    """|x| <= radius, the Euclidean norm."""

    radius: np.ndarray = column(0)
    n: int = 2

    @property
    def actions(self):
        return self.n

    @property
    def core(self):
        return {"radius": ()}

    @property
    def bounds(self):
        end = np.broadcast_to(np.asarray(self.radius)[..., None], (*np.shape(self.radius), self.n))
        return -end, end

    def violation(self, x):
        return np.maximum(np.linalg.norm(x, axis=-1) / self.radius - 1.0, 0.0)

    def support(self, direction):
        return -self.radius * np.linalg.norm(direction, axis=-1)

    def in_units(self, units):
        return rebuild(self, {"radius": self.radius / units.action})

    def conic(self):
        """(radius, x) in the second-order cone: offset - on_x x with a first row of zeros."""
        none, lead = np.zeros((0, self.n)), np.shape(self.radius)
        on_x = -np.vstack([np.zeros((1, self.n)), np.eye(self.n)])
        offset = np.concatenate([np.asarray(self.radius)[..., None], np.zeros((*lead, self.n))], axis=-1)
        curved = Curved(on_x, np.zeros((self.n + 1, 0)), offset, [cone("second-order", self.n + 1)])
        return SetForm(none, np.zeros(0), np.zeros(0), curved)
