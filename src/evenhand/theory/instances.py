"""Drawn instances on which the proofs' inequalities are checked: every family, norm, mirror and domain turns up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from evenhand.columns import same
from evenhand.core import Mirror, Policy, Problem, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.fairness.norm import Norm
from evenhand.impacts import Dense, Diagonal
from evenhand.mirror import Entropy, Euclidean, WeightedEuclidean
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.greedy import Greedy
from evenhand.policies.robd import ROBD
from evenhand.sets import Box, Budget

__all__ = ["Instance", "draw"]


@final
@dataclass(frozen=True, slots=True)
class Instance:
    """A small problem, a policy that has a guarantee on it, and a frame length that divides its rounds."""

    problem: Problem
    policy: Policy[Any]
    frame: int

    __eq__ = same


def draw(seed: int) -> Instance:
    """One instance; the same seed gives the same.

    4 to 12 rounds, 1 to 4 actions and entities, beta zero or not, p in {1, 1.5, 2, 3, inf}, weights, Budget (equal or
    at most) or Box, Diagonal or Dense impact (of any sign where prices are), any mirror, domain, eta and lambdas.
    """
    rng = np.random.default_rng(seed)
    rounds, n = int(rng.choice([4, 6, 8, 12])), int(rng.integers(1, 5))
    entropic = bool(rng.random() < 0.4)
    beta = 0.0 if rng.random() < 0.35 else float(rng.uniform(0.1, 8.0))
    low = 0.0 if entropic or rng.random() < 0.6 else -1.0
    if rng.random() < 0.5:
        m, impact = n, Diagonal(rng.uniform(low, 2.0, (rounds, n)))
    else:
        m = int(rng.integers(1, 5))
        impact = Dense(rng.uniform(low, 2.0, (rounds, m, n)))
    upper = rng.uniform(0.5, 2.0, (rounds, n))
    kind = rng.random()
    if kind < 0.4:
        feasible: Any = Budget(upper.sum(-1) * rng.uniform(0.1, 0.9, rounds), upper)
    elif kind < 0.7:
        feasible = Budget(upper.sum(-1) * rng.uniform(0.1, 0.9, rounds), upper, equal=False)
    else:
        feasible = Box(np.zeros((rounds, n)), upper)
    target, curvature = rng.uniform(0.0, 2.0, (rounds, n)), rng.uniform(0.2, 4.0, (rounds, n))
    cost = Quadratic(-curvature * target, curvature, 0.5 * (curvature * target**2).sum(-1))
    fairness = Norm(
        float(rng.uniform(0.2, 3.0)),
        float(rng.choice([1.0, 1.5, 2.0, 3.0, np.inf])),
        rng.uniform(0.5, 2.0, m) if rng.random() < 0.3 else 1.0,
    )
    problem = Problem(Setting(rounds, beta, fairness, rng.uniform(0.0, 0.5, n)), cost, impact, feasible)
    mirror: Mirror = Entropy() if entropic else Euclidean()
    aside = np.random.default_rng([seed, 1])  # a stream of its own: older draws stay as they were
    if not entropic and aside.random() < 0.3:
        mirror = WeightedEuclidean(np.exp(aside.uniform(np.log(0.1), np.log(10.0), m)))
    eta = float(np.exp(rng.uniform(np.log(1e-3), np.log(2.0))))
    domain: Literal["free", "ball"] = "ball" if rng.random() < 0.5 else "free"
    start = rng.uniform(0.05, 1.5, m) if rng.random() < 0.3 else None
    lambda1 = 1.0 if rng.random() < 0.6 else float(rng.uniform(0.2, 1.0))
    lambda2 = 0.0 if rng.random() < 0.3 else float(rng.uniform(0.0, 2.0))
    which = rng.random()
    policy: Policy[Any]
    if beta == 0.0 and which < 0.4:
        policy = DMD(eta, mirror, domain, start)
    elif which < 0.7:
        policy = FairOBD(eta, lambda1, lambda2, mirror, domain, start)
    elif which < 0.8:
        policy = FairOBD.balanced(float(curvature.min()), beta, eta=eta, mirror=mirror, domain=domain, kappa1=start)
    else:
        policy = Greedy() if which < 0.85 else ROBD(lambda1, None if which < 0.92 else lambda2)
    return Instance(problem, policy, int(rng.choice([r for r in range(1, rounds + 1) if rounds % r == 0])))
