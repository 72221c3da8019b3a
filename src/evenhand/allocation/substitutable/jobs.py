"""Jobs that run on any of several kinds of resource, each at its own speed (`spec/allocation.md §11`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import Fleet, capacities_by_name
from evenhand.columns import numbers, owned, same
from evenhand.errors import ParameterError, ProblemError, UnknownNameError, listed
from evenhand.utilities.base import Utility, expect_utility
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.piecewise import PiecewiseLinear

__all__ = ["Jobs"]

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Jobs:
    """n jobs, each on any of K kinds of resource; one is worth U(onboard + Σ_k throughput_k x_k).

    throughput (n, K): speed on each kind, 0 where a job cannot run, at least one above 0 in each row. x_ik is the
    part of the time that job i holds its workers on kind k: Σ_k x_ik ≤ 1 and x_ik ≤ limit_ik (0 to 1, (n, K), (K,)
    or a number). workers (n,): units of a kind it holds then, > 0. utility: of the total speed; None is the speed
    itself. weight, onboard: (n,), ≥ 0 (onboard in units of speed). names: n distinct labels; resources: K names.
    After construction weight and onboard have their full shape and everything is read-only.
    """

    throughput: Any
    utility: Utility | None = None
    workers: Any = 1.0
    weight: Any = 1.0
    onboard: Any = 0.0
    limit: Any = 1.0
    names: Sequence[str] | None = None
    resources: Sequence[str] = ()
    agents: Fleet = field(init=False, repr=False)
    own: Utility = field(init=False, repr=False)

    __eq__ = same

    def __post_init__(self) -> None:
        rate = owned(numbers("Jobs: throughput", self.throughput))
        if rate.ndim != 2 or rate.size == 0:
            raise ProblemError(f"Jobs: throughput has shape {rate.shape}; give one row a job, one column a kind")
        given: Any = self.utility
        if isinstance(given, CobbDouglas):
            raise ParameterError("Jobs: utility is CobbDouglas; give a utility of the speed alone, such as Log()")
        if self.utility is not None:
            expect_utility("Jobs: utility", self.utility)
        n, kinds = rate.shape
        weight = numbers("Jobs: weight", self.weight)
        weight = np.broadcast_to(weight, (n,)) if weight.ndim == 0 or weight.shape == (1,) else weight
        if self.utility is None:
            most = max(2.0 * (float(np.max(rate)) + float(np.max(numbers("Jobs: onboard", self.onboard)))), 1.0)
            ends = np.array([0.0, most])
            object.__setattr__(self, "own", PiecewiseLinear(ends, ends))  # as far as speed goes
        else:
            object.__setattr__(self, "own", self.utility)
        try:
            agents = Fleet(self.own, self.onboard, weight, names=self.names)
        except (ProblemError, ParameterError) as error:
            raise type(error)(str(error).replace("Fleet: ", "Jobs: ").replace("agent", "job")) from None
        if agents.n != n:
            raise ProblemError(f"Jobs: throughput has {n} rows, the other arguments describe {agents.n} jobs")
        for name, value in (("agents", agents), ("weight", agents.weight), ("onboard", agents.onboard)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "names", agents.names)
        object.__setattr__(self, "throughput", rate)
        default = tuple(f"kind{k + 1}" for k in range(kinds))
        resources = tuple(str(v) for v in listed("Jobs: resources", self.resources, "names in a list")) or default
        if len(resources) != kinds or len(set(resources)) != kinds:
            raise ProblemError(f"Jobs: resources = {resources!r} must be {kinds} distinct names, one a column")
        object.__setattr__(self, "resources", resources)
        self._whole("throughput", rate, (rate >= 0.0) & (rate < np.inf), "give a finite speed, 0 where it cannot run")
        workers = self._spread("workers", self.workers, (n,))
        self._whole("workers", workers, (workers > 0.0) & (workers < np.inf), "give a finite number above 0")
        limit = self._spread("limit", self.limit, (n, kinds))
        self._whole("limit", limit, (limit >= 0.0) & (limit <= 1.0), "give a part of the time, 0 to 1")
        useful = np.any(rate > 0.0, axis=1) if np.all(limit > 0.0) else np.any((rate > 0.0) & (limit > 0.0), axis=1)
        if not np.all(useful):
            i = int(np.argmin(useful))
            raise ProblemError(
                f"Jobs: job {self.label(i)} can run nowhere: its throughput is 0 wherever its limit is above 0; "
                "give it a kind to run on, or leave it out"
            )

    def _spread(self, name: str, value: Any, shape: tuple[int, ...]) -> Array:
        array = owned(numbers(f"Jobs: {name}", value))
        try:
            full = np.broadcast_to(array, shape)
        except ValueError:
            raise ProblemError(f"Jobs: {name} has shape {array.shape}, expected {shape} or a scalar") from None
        object.__setattr__(self, name, full)
        return full

    def _whole(self, name: str, array: Any, good: Any, rule: str) -> None:
        if not np.all(good):
            at = [int(v) for v in np.unravel_index(int(np.argmin(good)), np.shape(good))]
            on = f" on {self.resources[at[1]]}" if len(at) > 1 else ""
            seen = float(np.asarray(array)[tuple(at)])
            raise ProblemError(f"Jobs: {name} of job {self.label(at[0])}{on} = {seen!r}; {rule}")

    def label(self, i: int) -> str:
        """How messages call job i."""
        return repr(self.names[i]) if self.names is not None else str(i)

    @property
    def n(self) -> int:
        """Number of jobs."""
        return self.throughput.shape[0]

    @property
    def k(self) -> int:
        """Number of kinds."""
        return self.throughput.shape[1]

    def index(self, job: int | str) -> int:
        """Position of a job given by number or name."""
        if isinstance(job, str) and self.names is not None and job not in self.names:
            raise UnknownNameError("job", job, self.names)
        return self.agents.index(job)

    def take(self, i: Any) -> Jobs:
        """The jobs with index i (an index array or a slice)."""
        part = self.agents.take(i)
        workers, limit = (np.asarray(a)[i] for a in (self.workers, self.limit))
        rate = self.throughput[i]
        utility = self.utility if self.utility is None or self.utility.n is None else self.utility.take(i)
        return Jobs(rate, utility, workers, part.weight, part.onboard, limit, part.names, self.resources)

    def capacities(self, capacity: float | Mapping[str, float] | Any) -> Array:
        """Capacity as (K,) in the order of the kinds, checked: units of each kind."""
        return capacities_by_name(capacity, self.resources)

    def speed(self, x: Any) -> Array:
        """Σ_k throughput x (n,) of times x (n, K)."""
        return np.einsum("ik,ik->i", self.throughput, np.asarray(x, dtype=np.float64))
