"""A fleet: agents, what they have, what they may get, and what a resource is worth to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import numbers, owned, same
from evenhand.errors import InfeasibleError, ProblemError, UnknownNameError, listed
from evenhand.utilities.base import Utility, expect_utility
from evenhand.utilities.cobb_douglas import CobbDouglas

__all__ = ["Fleet", "capacities_by_name", "compact"]

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """n agents sharing one resource (any Utility) or K resources (CobbDouglas).

    onboard: what each agent has already, (n,) or (n, K), ≥ 0; weight: (n,), ≥ 0; lower, upper: bounds on the
    share, 0 ≤ lower ≤ upper ≤ inf; scalars serve every agent. names: n distinct labels; resources: K
    distinct names. After construction every array has its full shape (scalars are broadcast without copying)
    and is read-only.
    """

    utility: Utility | CobbDouglas
    onboard: Any = 0.0
    weight: Any = 1.0
    lower: Any = 0.0
    upper: Any = np.inf
    names: Sequence[str] | None = None
    resources: Sequence[str] = ()

    __eq__ = same

    def __post_init__(self) -> None:
        if not isinstance(self.utility, CobbDouglas):
            expect_utility("Fleet: utility", self.utility)
        several = self.utility.exponents.shape[1] if isinstance(self.utility, CobbDouglas) else 1
        raw = {k: owned(numbers(f"Fleet: {k}", getattr(self, k))) for k in ("onboard", "weight", "lower", "upper")}
        n = self._count(raw, several)
        for name, array in raw.items():
            shape = (n,) if name == "weight" or several == 1 else (n, several)
            object.__setattr__(self, name, self._check(name, array, shape))
        clash = compact(self.lower) > compact(self.upper)
        if np.any(clash):
            where = np.unravel_index(int(np.argmax(np.broadcast_to(clash, self.lower.shape))), self.lower.shape)
            raise ProblemError(
                f"Fleet: lower > upper for agent {self._label(int(where[0]))}: "
                f"{float(self.lower[where])!r} > {float(self.upper[where])!r}; swap or correct them"
            )
        if not np.any(compact(self.weight)):
            raise ProblemError("Fleet: every weight is 0, so every allocation is optimal; give at least one weight > 0")
        default = ("resource",) if several == 1 else tuple(f"resource{k + 1}" for k in range(several))
        resources = tuple(str(v) for v in listed("Fleet: resources", self.resources, "names in a list")) or default
        if len(resources) != several or len(set(resources)) != several:
            raise ProblemError(f"Fleet: resources = {resources!r} must be {several} distinct names")
        object.__setattr__(self, "resources", resources)

    def _count(self, raw: dict[str, Array], several: int) -> int:
        counts = {name: a.shape[0] for name, a in raw.items() if a.ndim and a.shape[0] != 1}
        if self.utility.n is not None:
            counts["utility"] = self.utility.n
        if self.names is not None:
            names = tuple(str(v) for v in listed("Fleet: names", self.names, "labels of the agents in a list"))
            object.__setattr__(self, "names", names)
            counts["names"] = len(names)
            if len(set(names)) != len(names):
                seen: set[str] = set()
                double = next(v for v in names if v in seen or seen.add(v))
                raise ProblemError(f"Fleet: agent {double!r} appears twice in names; merge or rename the duplicates")
        if 0 in counts.values():
            raise ProblemError("Fleet: no agents; give at least one")
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{k} {v}" for k, v in counts.items())
            raise ProblemError(
                f"Fleet: the arguments describe different numbers of agents ({told}); give equal lengths"
            )
        return next(iter(counts.values()), 1)

    def _check(self, name: str, array: Array, shape: tuple[int, ...]) -> Array:
        if len(shape) == 2 and array.ndim == 1:
            raise ProblemError(f"Fleet: {name} must be a scalar or (agents, resources) = {shape}, got {array.shape}")
        bad = ~(array >= 0.0) if name == "upper" else ~((array >= 0.0) & (array < np.inf))
        if np.any(bad):
            where = np.unravel_index(int(np.argmax(bad)), bad.shape)
            at = self._label(int(where[0])) if where else "every agent"
            rule = "give 0 or more" if name == "upper" else "give a finite number, 0 or more"
            raise ProblemError(f"Fleet: {name} of agent {at} = {float(array[where])!r}; {rule}")
        try:
            full = np.broadcast_to(array, shape)
        except ValueError as e:
            raise ProblemError(f"Fleet: {name} has shape {array.shape}, expected {shape} or a scalar") from e
        return full

    def _label(self, i: int) -> str:
        return repr(self.names[i]) if self.names is not None else str(i)

    @property
    def n(self) -> int:
        """Number of agents."""
        return self.onboard.shape[0]

    @property
    def k(self) -> int:
        """Number of resources."""
        return len(self.resources)

    def index(self, agent: int | str) -> int:
        """Position of an agent given by number or name."""
        if isinstance(agent, str) and self.names is not None:
            if agent not in self.names:
                raise UnknownNameError("agent", agent, self.names)
            return list(self.names).index(agent)
        if isinstance(agent, str) or not 0 <= agent < self.n:
            raise ProblemError(f"agent {agent!r} is not in the fleet; give 0 to {self.n - 1} or a name")
        return int(agent)

    def take(self, i: Any) -> Fleet:
        """The agents with index i (an index array or a slice)."""
        names = None if self.names is None else [self.names[int(k)] for k in np.arange(self.n)[i]]
        onboard, weight, lower, upper = (_cut(a, i) for a in (self.onboard, self.weight, self.lower, self.upper))
        utility = self.utility if self.utility.n is None else self.utility.take(i)
        return Fleet(utility, onboard, weight, lower, upper, names, self.resources)

    def capacities(self, capacity: float | Mapping[str, float] | Any) -> Array:
        """Capacity as (K,) in the fleet's order of resources; checked, and Σ lower ≤ capacity."""
        c = capacities_by_name(capacity, self.resources)
        needed = np.atleast_1d(np.sum(self.lower, axis=0))
        short = needed > c * (1.0 + 1e-12)
        if np.any(short):
            k = int(np.argmax(short))
            raise InfeasibleError(
                f"lower bounds of {self.resources[k]!r} add up to {float(needed[k])!r}, above the capacity "
                f"{float(c[k])!r}; raise the capacity or lower the bounds"
            )
        return c


def capacities_by_name(capacity: float | Mapping[str, float] | Any, resources: Sequence[str]) -> Array:
    """Capacity as (K,) in the order of resources: finite and ≥ 0, from numbers in that order or by name."""
    if isinstance(capacity, Mapping):
        for name in capacity:
            if name not in resources:
                raise UnknownNameError("resource in capacity", str(name), resources)
        missing = [r for r in resources if r not in capacity]
        if missing:
            raise ProblemError(f"capacity: no value for resource {missing[0]!r}; name every resource")
        capacity = [capacity[r] for r in resources]
    c = np.atleast_1d(numbers("capacity", capacity))
    if c.shape != (len(resources),):
        raise ProblemError(f"capacity: expected {len(resources)} number(s) for {list(resources)}, got {c.tolist()}")
    bad = ~((c >= 0.0) & (c < np.inf))
    if np.any(bad):
        k = int(np.argmax(bad))
        raise ProblemError(f"capacity of {resources[k]!r} = {float(c[k])!r}; give a finite number, 0 or more")
    return c


def compact(a: Any) -> Array:
    """A broadcast array without its repeated rows: (n, …) or (1, …)."""
    a = np.asarray(a)
    return a[:1] if a.ndim and a.strides[0] == 0 else a


def _cut(a: Any, i: Any) -> Array:
    a = np.asarray(a)
    if a.strides[0] == 0:
        count = len(range(*i.indices(a.shape[0]))) if isinstance(i, slice) else np.arange(a.shape[0])[i].size
        return np.broadcast_to(a[:1], (count, *a.shape[1:]))
    return a[i]
