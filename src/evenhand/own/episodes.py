"""own: a user's own sites and signals, from one YAML or TOML file and the CSV or Parquet files (or frames) it names.

Model: spec/online.md §7.1 with the user's columns. Round t: x_i in [0, capacity_i], sum_i x_i = demand_t; hitting
cost sum_i linear_i x_i + curvature_i x_i^2 / 2; burden of kind b at site i: signal_{b,i} x_i, priced by
mu weight_b ||average||_p.
With ``unserved``, x_i in [0, capacity_i] only, and u = max(demand - sum x, 0) costs price u + curvature u^2 / 2.
Units are the user's; ``units`` in the configuration states them. How to write one: docs/own-data.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.core import Policy, Problem, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.costs.unserved import Pooled
from evenhand.errors import ProblemError
from evenhand.impacts import Diagonal, Stacked
from evenhand.own import template
from evenhand.own.config import OwnConfig, Penalty, read_config
from evenhand.own.read import Reader, open_reader
from evenhand.own.terms import entities_of, fairness_of, kinds_of, memory_of, signs_of, switching_of
from evenhand.policies.adaptive import AdaptiveFairOBD
from evenhand.policies.adaptive_resolving import AdaptiveResolving
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.hitmin import HitMin
from evenhand.policies.proportional_share import ProportionalShare
from evenhand.policies.robd import ROBD
from evenhand.sets import Box, Budget

__all__ = ["Own"]

#: rounds looked at together when a whole column is summed or bounded
CHUNK = 1 << 16
#: up to so many rounds, times are kept as text in the problem
NAMED = 100_000


@final
@dataclass(frozen=True, slots=True)
class Own:
    """A user's own data. config: path of a YAML or TOML file, a folder with one, or a mapping; None: the sample data.

    frames: tables of any dataframe library by the file name they stand for. changes: top-level keys of the
    configuration to replace. folder: where the files of a mapping are, by default the working folder. Reads and checks
    everything at construction; raises ProblemError naming file, row, column and value.
    """

    config: Any = None
    frames: Mapping[str, Any] | None = field(default=None, repr=False)
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    folder: str | Path = ""
    settings: OwnConfig = field(init=False, repr=False, compare=False)
    loaded: Problem = field(init=False, repr=False, compare=False)
    name: str = field(init=False, repr=False, compare=False)
    place: Path = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        config, frames = self.config, self.frames
        if config is None:
            config, frames = template.sample()
        settings, folder, where = read_config(config, self.changes, self.folder)
        reader = open_reader(settings, where, folder, frames or {})
        object.__setattr__(self, "settings", settings)
        object.__setattr__(self, "place", folder)
        object.__setattr__(self, "name", settings.name or (where if where == "configuration" else Path(where).stem))
        object.__setattr__(self, "loaded", _problem(reader))
        if self.length > len(reader.times):
            raise ProblemError(f"{where}: windows.length is {self.length}, the data have {len(reader.times)} rounds")

    @property
    def length(self) -> int:
        """Rounds in a window; all of them where the configuration names no windows."""
        windows = self.settings.windows
        return self.loaded.horizon if windows is None else windows.length

    @property
    def step(self) -> int:
        """Rounds from one window to the next; a window's length where the configuration does not say."""
        windows = self.settings.windows
        return 1 if windows is None else windows.step or windows.length

    @property
    def units(self) -> Mapping[str, str]:
        """Units of the burdens, by kind, as stated: ``kg/unit`` of a signal is kg of burden, anything else times x."""
        kinds = kinds_of(self.settings)
        stated = {kind: self.settings.units[kind] for kind in kinds if kind in self.settings.units}
        told = {k: u.removesuffix("/unit") if u.endswith("/unit") else f"{u} × x" for k, u in stated.items()}
        return {"burden": told[kinds[0]]} if len(kinds) == 1 and told else told

    @property
    def note(self) -> str:
        """The units the user stated."""
        units = ", ".join(f"{k}: {v}" for k, v in self.settings.units.items())
        return f"Units: {units}." if units else ""

    def problem(self) -> Problem:
        """All rounds."""
        return self.loaded

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """HITMIN, ROBD, DMD and FairOBD, at the automatic rate that fits the user's units, AdaptiveFairOBD and adaptive
        re-solving; and, where all demand is served, the load by capacity, as a balancer divides it.
        """
        by_capacity = {"ProportionalShare": ProportionalShare()} if self.settings.unserved is None else {}
        return {
            "HITMIN": HitMin(),
            "ROBD": ROBD(),
            "DMD": DMD(),
            "FairOBD": FairOBD(),
            "AdaptiveFairOBD": AdaptiveFairOBD(),
            "AdaptiveResolving": AdaptiveResolving(),
            **by_capacity,
        }

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """Nothing was published."""
        return {}


def _problem(reader: Reader) -> Problem:
    config, sites = reader.config, reader.sites
    horizon, n = len(reader.times), len(sites)
    capacity = reader.per_site("capacity", config.capacity, 0.0)
    demand = reader.per_round("demand", config.demand)
    linear = reader.per_site("linear", config.linear, None)
    curvature = reader.per_site("curvature", config.curvature, 0.0)
    places = [(f"burdens.{b}.signal", burden.signal) for b, burden in enumerate(config.burdens)]
    single = len(places) == 1
    weight = reader.per_site(*places[0], None) if single else reader.stacked(places)
    signs = signs_of(config)
    if (signs < 0).any():
        weight = weight * (signs[0] if single else signs[:, None])
    upper = np.broadcast_to(capacity, (*capacity.shape[:-1], n))
    lowest, highest = _reach(weight, upper, 1 if single else 2)
    setting = Setting(
        horizon=horizon,
        switching=switching_of(config, reader.fixed),
        fairness=fairness_of(config, n, reader.fixed),
        initial=reader.fixed("initial", config.initial),
        burden_lower=lowest,
        burden_upper=highest,
        actions=sites,
        entities=entities_of(config, sites),
        memory=memory_of(config),
    )
    impact = Diagonal(np.broadcast_to(weight, (*weight.shape[:-1], n))) if single else Stacked(weight)
    slope = np.broadcast_to(linear, (*linear.shape[:-1], n))
    if config.unserved is None:
        _refuse_overload(reader, demand, upper)
        cost, feasible = Quadratic(slope, curvature), Budget(demand, upper)
    else:
        cost = Pooled(
            demand, slope, curvature, 1.0, config.unserved.curvature, _price(config.unserved, linear, curvature)
        )
        feasible = Box(np.zeros(n), upper)
    times = tuple(reader.how.text(int(t)) for t in reader.times) if horizon <= NAMED else ()
    return Problem(setting, cost, impact, feasible, times)


def _price(penalty: Penalty, linear: Array, curvature: Array) -> float:
    """The price given, or ten times the largest cost of serving: demand is then dropped only for lack of capacity."""
    if penalty.price is not None:
        return penalty.price
    return 10.0 * max(1e-9, float(np.abs(linear).max()), float(curvature.max()))


def _reach(weight: Array, upper: Array, rank: int) -> tuple[Array, Array]:
    """Smallest (at most 0) and largest burden any round can cause, over 0 <= x <= upper: two (m,), chunk by chunk.

    rank: axes of one round of ``weight``, 1 for (n,) and 2 for (b, n).
    """
    horizon = max(weight.shape[0] if weight.ndim > rank else 1, upper.shape[0] if upper.ndim > 1 else 1)
    low = high = np.zeros(())
    for start in range(0, horizon, CHUNK):
        w = weight[start : start + CHUNK] if weight.ndim > rank else weight
        u = upper[start : start + CHUNK] if upper.ndim > 1 else upper
        most = w * (u[..., None, :] if rank == 2 else u)
        axes = tuple(range(most.ndim - rank))
        low, high = np.minimum(low, most.min(axis=axes)), np.maximum(high, most.max(axis=axes))
    return low.reshape(-1), high.reshape(-1)


def _refuse_overload(reader: Reader, demand: Array, upper: Array) -> None:
    """ProblemError where demand is above total capacity: how often, when first, when worst, and by how much."""
    if upper.ndim > 1:
        total = np.concatenate([upper[k : k + CHUNK].sum(axis=1) for k in range(0, len(upper), CHUNK)])
    else:
        total = np.asarray(upper.sum())
    over = np.broadcast_to(demand - total, (len(reader.times),))
    bad = over > 1e-9 * np.maximum(1.0, np.abs(total))
    if not bad.any():
        return
    first, worst = int(np.argmax(bad)), int(np.argmax(over))
    wanted, there = (np.broadcast_to(v, over.shape)[first] for v in (demand, total))
    raise ProblemError(
        f"{reader.where}: demand is above total capacity in {int(bad.sum())} of {len(over)} rounds, first at "
        f"{reader.how.text(int(reader.times[first]))} by {over[first]:g} ({wanted:g} against {there:g}), worst at "
        f"{reader.how.text(int(reader.times[worst]))} by {over[worst]:g}: raise capacity, lower demand, "
        "or add `unserved: penalty` to price what is not served"
    )
