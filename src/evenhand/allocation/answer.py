"""What `allocate` returns: the shares, their prices, and everything that follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.certificate import Certificate, certify, concave, gradient
from evenhand.allocation.explain import explain, rounded_up
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.measures import Fairness, measure
from evenhand.allocation.objective import objective
from evenhand.columns import same
from evenhand.interchange import dataset, from_pandas, to_polars
from evenhand.notebook import SHOWN, glance
from evenhand.utilities.base import Utility
from evenhand.utilities.cobb_douglas import CobbDouglas

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Allocation"]

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """Shares x, (n,) for one resource and (n, K) for several, and their prices (K,).

    level: fairness level α of the objective Σ w φ_α(U); inf is max-min. method: the solver's name. steps:
    its passes, iterations or sweeps. unit: the utility that prices and objective are measured in, 1 unless
    they would leave the range of floats (fairness levels of hundreds). bounding: where the problem is not concave, the
    prices (K,) at which its dual function is least, and bounds every allocation. Everything else is computed from the
    problem on each access: keep it if you need it twice.
    """

    fleet: Fleet
    capacity: Array
    x: Array
    prices: Array
    level: float = 0.0
    method: str = "water-filling"
    steps: int = 0
    unit: float = 1.0
    bounding: Array | None = None

    __eq__ = same

    @property
    def price(self) -> Any:
        """The price: a number for one resource, (K,) for several."""
        return float(self.prices[0]) if self.fleet.k == 1 else self.prices

    @property
    def objective_utility(self) -> Utility | CobbDouglas:
        """The utility whose weighted sum is maximised: φ_α(U) for one resource, U for several or max-min; in `unit`."""
        return objective(self.fleet, self.level, self.unit)

    @property
    def utility(self) -> Array:
        """U_i(onboard + x), (n,): the agents' own utilities, without weight and fairness transform."""
        r = self.fleet.onboard + self.x
        return np.broadcast_to(self.fleet.utility.value(r), (self.fleet.n,))

    @property
    def marginal(self) -> Array:
        """Weighted marginal utilities w ∂φ_α(U)/∂r, (n,) or (n, K); equal to the price for agents inside
        their bounds."""
        alpha = self.level if isinstance(self.fleet.utility, CobbDouglas) and np.isfinite(self.level) else 0.0
        m = gradient(self.fleet, self.objective_utility, self._shares, alpha)[0]
        return m.reshape(self.x.shape)

    @property
    def _shares(self) -> Array:
        return self.x.reshape(self.fleet.n, self.fleet.k)

    @property
    def used(self) -> Array:
        """How much of each resource is given out (K,)."""
        return np.sum(self._shares, axis=0)

    @property
    def binding(self) -> NDArray[np.str_]:
        """What binds each share: "lower", "upper", "fixed" (lower = upper) or "" (inside), like x."""
        f = self.fleet
        low, high = self.x <= f.lower, self.x >= f.upper
        return np.select([low & high, low, high], ["fixed", "lower", "upper"], "")

    @property
    def certificate(self) -> Certificate:
        """Residuals and gap, recomputed from the problem. For max-min, of the α = 0 problem: it is not its
        optimum."""
        level = self.level if np.isfinite(self.level) else 0.0
        return certify(self.fleet, self.capacity, self.x, self.prices, level, unit=self.unit, bounding=self.bounding)

    @property
    def status(self) -> Literal["certified", "certified if concave", "bounded", "local"]:
        """certified: concave, feasible, stationary and the gap below 1e-6 (max-min: by construction).

        certified if concave: the same, where concavity is the claim of a `Custom` utility. bounded: not
        concave, and no allocation is better by more than the certificate's percent. local: no proof.
        """
        return self.verdict(self.certificate)

    def verdict(self, proof: Certificate) -> Literal["certified", "certified if concave", "bounded", "local"]:
        """The status that its certificate gives it."""
        if not (proof.proves() if self.level < np.inf else self.fleet.k == 1 and proof.primal <= 1e-9):
            return "bounded" if self.level < np.inf and np.isfinite(proof.percent) else "local"
        return "certified if concave" if proof.claimed else "certified"

    @property
    def fairness(self) -> Fairness:
        """Fairness measures of the utilities (of the total resource, where a utility is negative)."""
        u = self.utility
        if np.all(u >= 0.0):
            return measure(u, "utility", self.envy)
        return measure(self.fleet.onboard + self.x, "resource", self.envy)

    @property
    def envy(self) -> float:
        """The most an agent would gain in utility with another's share (several resources: the 256 largest
        shares)."""
        f = self.fleet
        if f.k == 1:
            other = f.utility.value(f.onboard + float(np.max(self.x)))
            return _largest(other, self.utility)
        largest = np.argsort(-np.sum(self.x / np.where(self.capacity > 0, self.capacity, 1.0), axis=1), kind="stable")
        return max(_largest(f.utility.value(f.onboard + self.x[j]), self.utility) for j in largest[:256])

    def to_frame(self) -> pd.DataFrame:
        """One row an agent: agent, share, utility, marginal utility, binding bound (per resource if
        several)."""
        import pandas as pd

        f = self.fleet
        columns: dict[str, Any] = {"agent": list(f.names) if f.names is not None else np.arange(f.n)}
        x, m, b = (np.asarray(a).reshape(f.n, f.k) for a in (self.x, self.marginal, self.binding))
        tail = [""] if f.k == 1 else [f"_{name}" for name in f.resources]
        for k, name in enumerate(tail):
            columns["x" + name] = x[:, k]
        columns["utility"] = self.utility
        for k, name in enumerate(tail):
            columns["marginal" + name] = m[:, k]
        for k, name in enumerate(tail):
            columns["binding" + name] = b[:, k]
        return pd.DataFrame(columns)

    def to_arrow(self) -> Any:
        """`to_frame` as an Arrow table."""
        return from_pandas(self.to_frame())

    def to_polars(self) -> Any:
        """`to_frame` as a polars frame (extra ``frames``)."""
        return to_polars(self.to_arrow())

    def to_xarray(self) -> Any:
        """An xarray Dataset: x, marginal, binding (agent, resource), utility (agent), price (resource)
        (extra ``frames``).
        """
        f = self.fleet
        both = {name: (("agent", "resource"), np.reshape(getattr(self, name), (f.n, f.k)))
                for name in ("x", "marginal", "binding")}  # fmt: skip
        names = np.arange(f.n) if f.names is None else list(f.names)
        values = {**both, "utility": (("agent",), self.utility), "price": (("resource",), self.prices)}
        about = {"level": self.level, "method": self.method}
        return dataset(values, {"agent": names, "resource": list(f.resources)}, about)

    def _repr_html_(self) -> str:
        f, proof = self.fleet, self.certificate
        facts: dict[str, object] = {"agents": f.n, "status": self.verdict(proof), "gap": proof.gap}
        facts |= {f"price of {name}": price for name, price in zip(f.resources, self.prices, strict=True)}
        names = f.names if f.names is not None else range(f.n)
        rows = list(zip(names[:SHOWN], *self._shares[:SHOWN].T, self.utility[:SHOWN], strict=True))
        return glance("Allocation", facts, ("agent", *f.resources, "utility"), rows, f.n)

    def explain(self, agent: int | str) -> str:
        """Why this agent got this much, in a sentence or two (agent: number or name)."""
        told = explain(
            self.fleet, self.objective_utility, self._shares, self.prices,
            self.marginal.reshape(self._shares.shape),
            self.level, self.fleet.index(agent),
        )  # fmt: skip
        if self.level == np.inf or concave(self.fleet, self.capacity, self.level):
            return told
        percent = self.certificate.percent
        return told if np.isnan(percent) else f"{told} No split of all is better by more than {rounded_up(percent)} %."


def _largest(other: Array, own: Array) -> float:
    with np.errstate(invalid="ignore"):
        gain = np.where(other > own, other - own, 0.0)
    return float(np.max(gain))
