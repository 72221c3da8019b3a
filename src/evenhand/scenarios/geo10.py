"""geo10: ten sites on three continents, fair in two things at once, carbon and water. Source: spec/online.md §7.4.

Hourly electricity price, carbon and water intensity of ten sites and the power of one AI cluster, 457 hours from
2022-09-22T00:00Z: data and experiment of Li, Yang, Wierman, Ren, *Towards Environmentally Equitable AI via
Geographical Load Balancing* (e-Energy 2024; MIT License). **All of it is theirs**: ten gateways with that load each,
any site may serve any of them, every site holds one unit (1 MW), so 10 load_t units are placed each hour. The source
weighs the most burdened site's water with 60 and its carbon with 1500; with one unit at 1 MW that is $ per m3 and $
per t (its litres and kilograms per kWh are m3 and t per MWh). Hitting cost is the price alone: linear, nothing is paid
for moving, and some prices are negative. Imbalance and switching costs are options of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import Array, count, number, offers
from evenhand.core import Policy, Problem, Setting, Switching
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ParameterError
from evenhand.fairness.blocks import Blocks
from evenhand.fairness.norm import Norm
from evenhand.impacts import Stacked
from evenhand.mirror import Entropy
from evenhand.policies.adaptive import AdaptiveFairOBD
from evenhand.policies.adaptive_resolving import AdaptiveResolving
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.hitmin import HitMin
from evenhand.policies.proportional_share import ProportionalShare
from evenhand.policies.robd import ROBD
from evenhand.scenarios.shipped import columns_of
from evenhand.sets import Budget
from evenhand.switching.squared import Squared

__all__ = ["Geo10"]

HOURS = 457
KINDS = ("carbon", "water")
#: power of the source's cluster at full load (W)
FULL_LOAD = 2708.0
#: its notebook: electricity, water and carbon of the least total over 457 hours, and of the least electricity alone,
#: electricity as the sum over sites, the others at the most burdened site
_OPTIMUM = (10 * 33669.45105842025, 1818.734618500509, 118.5618431881312)
_CHEAPEST = (10 * 29169.8606287178, 2607.499995942185, 182.1356032921319)


@final
@dataclass(frozen=True, slots=True)
class Geo10:
    """Ten sites, one action each (MW): x_{i,t} in [0, capacity], sum_i x_{i,t} = 10 load_t (`Budget`).

    Fairness: mu (carbon ||avg carbon||_p + water ||avg water||_p), two `Blocks`; carbon ($/t), water ($/m3): their
    weights. alpha: imbalance penalty (alpha/2) x^2, 0 for the source's linear cost. beta: squared switching weight; or
    switching: a cost such as Linear(20.0) ($ per MW moved) in its place. length: rounds in a window, 457 for the
    source's one episode. Hitting cost per round: sum_i price_{i,t} x_i + alpha x_i^2 / 2 ($); burdens: carbon_{i,t} x_i
    (t) and water_{i,t} x_i (m3).
    """

    mu: float = 1.0
    carbon: float = 1500.0
    water: float = 60.0
    p: float = np.inf
    alpha: float = 0.0
    beta: float = 0.0
    switching: Any = None
    capacity: float = 1.0
    length: int = 72

    units: ClassVar[Mapping[str, str]] = {"cost": "$", "carbon": "t", "water": "m³"}
    title: ClassVar[str] = "ten sites on three continents, fair in carbon and in water"
    note: ClassVar[str] = (
        "Prices, carbon, water and load are the source's (457 hours); one unit is taken as 1 MW, so its weights are "
        "60 $ per m3 and 1500 $ per t."
    )

    def __post_init__(self) -> None:
        for name in ("mu", "carbon", "water", "alpha", "beta"):
            object.__setattr__(self, name, number(name, getattr(self, name), low=0.0))
        object.__setattr__(self, "capacity", number("capacity", self.capacity, low=0.0, open_low=True))
        object.__setattr__(self, "length", count("length", self.length, high=HOURS))
        object.__setattr__(self, "p", Norm(1.0, self.p).p)
        if self.switching is not None and self.beta:
            raise ParameterError(f"beta is {self.beta:g} and switching {self.switching!r}: give one, beta is squared")
        if self.switching is not None and not offers(type(self.switching), Switching):
            raise ParameterError(f"switching is {self.switching!r:.60}: give a cost such as Linear(20.0), or beta")

    def problem(self) -> Problem:
        """All 457 rounds."""
        price, carbon, water = (_signal(f"geo10_{name}.csv") for name in _SIGNALS)
        hours = columns_of("geo10_power_w.csv")
        load = np.array(hours["power_w"], dtype=np.float64) / FULL_LOAD
        n = len(_sites())
        setting = Setting(
            horizon=HOURS,
            switching=Squared(self.beta) if self.switching is None else self.switching,
            fairness=Blocks((Norm(self.mu * self.carbon, self.p), Norm(self.mu * self.water, self.p)), (n, n)),
            initial=np.zeros(n),
            actions=_sites(),
            entities=tuple(f"{site} {kind}" for kind in KINDS for site in _sites()),
        )
        return Problem(
            setting,
            Quadratic(price, self.alpha),
            Stacked(np.stack([carbon, water], axis=1)),
            Budget(n * load, np.full(n, self.capacity)),
            hours["timestamp"],
        )

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """HITMIN, ROBD, DMD, FairOBD with prices that stay in dom g*, by steps of one size and by factors (which suits
        two kinds of burden of different size), AdaptiveFairOBD, re-solving, and the load by capacity.
        """
        return {
            "HITMIN": HitMin(),
            "ROBD": ROBD(),
            "DMD(eta=1)": DMD(eta=1.0, domain="ball"),
            "FairOBD(eta=1, ball)": FairOBD(eta=1.0, domain="ball"),
            "FairOBD(eta=0.1, ball, entropy)": FairOBD(eta=0.1, domain="ball", mirror=Entropy()),
            "AdaptiveFairOBD": AdaptiveFairOBD(),
            "AdaptiveResolving": AdaptiveResolving(),
            "ProportionalShare": ProportionalShare(),
        }

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """The source's optimum and its least electricity, per round, for its one episode and its weights; else nothing.

        Its least electricity alone is many-valued where prices tie, so its burdens depend on the solver.
        """
        if self != Geo10(length=HOURS):
            return {}
        told = {"OPT": _OPTIMUM, "HITMIN": _CHEAPEST}
        parts = {k: (paid / HOURS, (60.0 * wet + 1500.0 * co2) / HOURS) for k, (paid, wet, co2) in told.items()}
        return {k: (paid, 0.0, unfair, paid + unfair) for k, (paid, unfair) in parts.items()}


_SIGNALS = ("price_usd_per_mwh", "carbon_kg_per_kwh", "water_l_per_kwh")


def _sites() -> tuple[str, ...]:
    return tuple(columns_of("geo10_price_usd_per_mwh.csv"))[1:]


def _signal(file: str) -> Array:
    """A shipped signal by hour and site: (457, 10)."""
    table = columns_of(file)
    return np.column_stack([np.array(table[site], dtype=np.float64) for site in _sites()])
