"""What `allocate` returns for jobs: the times on each kind, the prices, and everything that follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.certificate import Certificate
from evenhand.allocation.measures import Fairness, measure
from evenhand.allocation.substitutable.certificate import certify_jobs, hours, marginals
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.allocation.substitutable.posed import aim_of
from evenhand.columns import same

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JobsAllocation"]

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class JobsAllocation:
    """Times x (n, K), the part of its time that a job holds its workers on each kind, and prices (K,) of the kinds.

    A price is what one more unit of a kind is worth (for max-min: with all capacities worth 1); the ratio of two is
    their rate of exchange. level: fairness level
    of the objective Σ w φ_α(U). unit, bounding: 1 and None, as `Allocation` has them. method: the solver's name; steps:
    its passes over the jobs. Everything else is computed from the problem on each access: keep it if you need it twice.
    """

    fleet: Jobs
    capacity: Array
    x: Array
    prices: Array
    level: float = 0.0
    method: str = "prices of kinds"
    steps: int = 0
    unit: float = 1.0
    bounding: Array | None = None

    __eq__ = same

    @property
    def throughput(self) -> Array:
        """Σ_k throughput_k x_k (n,): what each job gets, without what it has on board."""
        return self.fleet.speed(self.x)

    @property
    def used(self) -> Array:
        """Units of each kind given out (K,)."""
        return np.asarray(self.fleet.workers @ self.x)

    @property
    def utility(self) -> Array:
        """U_i (n,): the jobs' own utilities, without weight and fairness transform."""
        value = self.fleet.own.value(self.fleet.onboard + self.throughput)
        return np.broadcast_to(value, (self.fleet.n,))

    @property
    def worth(self) -> Array:
        """What a unit of speed is worth to each job (n,), weight counted: w ∂φ_α(U), from the right; ∂U for max-min."""
        level = self.level if np.isfinite(self.level) else 0.0
        return marginals(self.fleet, aim_of(self.fleet, level), self.x)[0]

    @property
    def marginal(self) -> Array:
        """What one more unit of each kind would be worth to each job (n, K): its price wherever the job runs; nan for
        max-min."""
        if not np.isfinite(self.level):
            return np.full(self.x.shape, np.nan)
        worth, jobs = self.worth, self.fleet
        nu = hours(jobs.throughput, jobs.workers, jobs.limit, self.x, worth, self.prices)
        return (worth[:, None] * jobs.throughput - nu[:, None]) / jobs.workers[:, None]

    @property
    def binding(self) -> NDArray[np.str_]:
        """ "time" where a job runs all the time, else "" (n,)."""
        return np.where(np.sum(self.x, axis=1) >= 1.0 - 1e-9, "time", "")

    @property
    def certificate(self) -> Certificate:
        """Residuals and gap, recomputed from the problem."""
        return certify_jobs(self.fleet, self.capacity, self.x, self.prices, self.level)

    @property
    def status(self) -> Literal["certified", "certified if concave", "local"]:
        """certified: feasible, stationary, gap below 1e-6; certified if concave: so claims a `Custom` utility."""
        return self.verdict(self.certificate)

    def verdict(self, proof: Certificate) -> Literal["certified", "certified if concave", "local"]:
        """The status that its certificate gives it."""
        if not proof.proves():
            return "local"
        return "certified if concave" if proof.claimed else "certified"

    @property
    def fairness(self) -> Fairness:
        """Fairness measures of the utilities, of the total speed where one is negative; envy is not measured."""
        u = self.utility
        if np.all(u >= 0.0):
            return measure(u, "utility")
        return measure(self.fleet.onboard + self.throughput, "throughput")

    def to_frame(self) -> pd.DataFrame:
        """One row a job: job, time on each kind, throughput, utility, worth of a unit of speed, what binds."""
        import pandas as pd

        jobs = self.fleet
        columns: dict[str, Any] = {"job": list(jobs.names) if jobs.names is not None else np.arange(jobs.n)}
        for k, name in enumerate(jobs.resources):
            columns[f"x_{name}"] = self.x[:, k]
        columns |= {"throughput": self.throughput, "utility": self.utility, "worth": self.worth}
        columns["binding"] = self.binding
        return pd.DataFrame(columns)

    def explain(self, agent: int | str) -> str:
        """Why this job runs where it runs, in a sentence or two (job: number or name)."""
        jobs, i = self.fleet, self.fleet.index(agent)
        name = jobs.names[i] if jobs.names is not None else f"job {i}"
        x, rate, d = self.x[i], jobs.throughput[i], float(jobs.workers[i])
        on = [k for k in np.argsort(-x) if x[k] > 1e-9]
        placed = ", ".join(f"{100.0 * x[k]:.4g} % of the time on {jobs.resources[k]}" for k in on) or "nowhere"
        said = f"{name} runs {placed} and gets a throughput of {float(rate @ x):.6g}"
        worth = float(self.worth[i])
        end = "its time is used up" if self.binding[i] == "time" else "more time would cost what it is worth"
        if self.level == np.inf:
            full = "it cannot have more" if self.binding[i] == "time" else "the prices of the kinds hold the level"
            return f"{said}: max-min raises the least utility first, whatever the price; {full}."
        told = [f"a unit of throughput is worth {worth:.6g} to it"]
        for k in range(jobs.k):
            if rate[k] == 0.0:
                told.append(f"it cannot run on {jobs.resources[k]}")
            else:
                cost = d * float(self.prices[k])
                told.append(f"an hour on {jobs.resources[k]} brings {worth * rate[k]:.6g} for {cost:.6g}")
        return f"{said}: {'; '.join(told)}; {end}."
