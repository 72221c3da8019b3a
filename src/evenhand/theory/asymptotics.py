"""What long horizons do: the excess over (R, delta)-OPT vanishes on periodic traces, the adversaries' regret does not.

With eta = c T^(-1/3) the extra terms of bound A (8) are V_h/(c T^(2/3)) + c R Z^2/(2 sigma T^(1/3)) + kappa_max
delta/T: they vanish when R and delta are bounded, as on a trace of period R, whose (R, 0)-OPT repeats one period.
Source: spec/online.md §5, §6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.core import Policy, Problem, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ParameterError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.offline.optimum import optimum
from evenhand.policies.fair_obd import FairOBD
from evenhand.sets import Budget
from evenhand.simulation import simulate
from evenhand.theory.adversaries import ConstantRegret, duel
from evenhand.theory.guarantees import cube_root_rate, guarantee
from evenhand.trajectory import Trajectory, evaluate

__all__ = ["Horizons", "decay", "excess_on_periodic", "periodic", "regret_in_adversary", "repeated"]

#: learning rate and rounds -> policy
Maker = Callable[[float], Policy[Any]]


def periodic(rounds: int, period: int = 8, sites: int = 3, seed: int = 0) -> Problem:
    """A trace that repeats: demand, prices and burdens of ``period`` rounds drawn once, on a budget; beta = 0, g = max.

    Raises ParameterError where the period does not divide the rounds.
    """
    if rounds % period:
        raise ParameterError(f"rounds is {rounds}: the period {period} must divide it")
    rng = np.random.default_rng(seed)
    again = rounds // period
    price, weight = rng.uniform(1.0, 3.0, (period, sites)), rng.uniform(0.5, 2.0, (period, sites))
    demand = rng.uniform(0.3, 0.7, period) * sites
    return Problem(
        Setting(horizon=rounds, beta=0.0, fairness=Norm(2.0), initial=np.zeros(sites)),
        Quadratic(np.tile(price, (again, 1)), 1.0),
        Diagonal(np.tile(weight, (again, 1))),
        Budget(np.tile(demand, again), np.ones(sites)),
    )


def repeated(rounds: int, period: int = 8, sites: int = 3, seed: int = 0) -> Trajectory:
    """OPT of `periodic`, which is its (R, 0)-OPT at R = period: the optimum of one period, repeated.

    By convexity the average of OPT over shifts by whole periods costs no more, and it repeats.
    """
    one = optimum(periodic(period, period, sites, seed)).trajectory.actions
    return evaluate(periodic(rounds, period, sites, seed), np.tile(one, (rounds // period, 1)))


@final
@dataclass(frozen=True, slots=True)
class Horizons:
    """A quantity at growing T: rounds, measured, and the proved bound on it (above it, or for a regret below it)."""

    rounds: tuple[int, ...]
    measured: tuple[float, ...]
    proved: tuple[float, ...]


def _ball(eta: float) -> Policy[Any]:
    return FairOBD(eta=eta, domain="ball")


def excess_on_periodic(rounds: Sequence[int], make: Maker = _ball, *, scale: float = 0.5, period: int = 8) -> Horizons:
    """cost - (R, 0)-OPT of a policy with eta = scale / T^(1/3) on `periodic`, and bound A's extra terms, for each T."""
    measured: list[float] = []
    proved: list[float] = []
    for horizon in rounds:
        run = simulate(periodic(horizon, period), make(cube_root_rate(horizon, scale)))
        best = repeated(horizon, period)
        told = guarantee(run, best, frame=period)
        measured.append(float(run.cost.total - best.cost.total))
        proved.append(float(told.bound - best.cost.total))
    return Horizons(tuple(rounds), tuple(measured), tuple(proved))


def regret_in_adversary(rounds: Sequence[int], make: Maker = _ball, *, scale: float = 0.5) -> Horizons:
    """Regret of the same policy with the same eta in `ConstantRegret`, and the constant it cannot go below."""
    measured = tuple(duel(ConstantRegret(horizon), make(cube_root_rate(horizon, scale))).regret for horizon in rounds)
    return Horizons(tuple(rounds), measured, (ConstantRegret.proved,) * len(measured))


def decay(horizons: Horizons) -> float:
    """Least-squares slope of log |measured| over log T: -1/3 is the rate proved, 0 means it stays."""
    size = np.log(np.maximum(np.abs(horizons.measured), 1e-15))
    return float(np.polyfit(np.log(np.asarray(horizons.rounds, dtype=np.float64)), size, 1)[0])
