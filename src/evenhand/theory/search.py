"""An adversarial search for the worst instance of ROBD: how close its proved ratio is to what can happen.

Instances are n = 1, f_t(x) = (c_t/2)(x - v_t)^2 with c_t >= m, no fairness, x_0 = 0. ROBD's action and OPT's are both
linear in the targets v, so both costs are quadratic forms and the worst v for given curvatures is the top generalised
eigenvector: it is found exactly. Over the curvatures random restarts climb. Source: spec/online.md §5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.columns import Array, count, number
from evenhand.core import Problem, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import expect
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.offline.optimum import optimum
from evenhand.policies.robd import ROBD
from evenhand.sets import Box
from evenhand.simulation import simulate
from evenhand.theory.guarantees import robd_ratio

__all__ = ["WorstCase", "worst_robd_ratio"]


@final
@dataclass(frozen=True, slots=True)
class WorstCase:
    """The worst instance found: its ratio by simulation and the offline solver, the proved bound, the instance."""

    ratio: float
    bound: float
    problem: Problem

    @property
    def holds(self) -> bool:
        """The ratio stays within the bound, to the solver's 1e-6."""
        return self.ratio <= self.bound * (1.0 + 1e-6)


def _instances(curvature: Array, targets: Array, beta: float) -> Problem:
    """Curvature and targets (..., T) as episodes without fairness cost."""
    rounds = curvature.shape[-1]
    reach = 2.0 * max(1.0, float(np.abs(targets).max()))
    c, v = np.broadcast_arrays(curvature, targets)
    return Problem(
        Setting(horizon=rounds, beta=beta, fairness=Norm(0.0), initial=np.zeros(1)),
        Quadratic((-c * v)[..., None], c[..., None], 0.5 * c * v * v),
        Diagonal(np.zeros((rounds, 1))),
        Box(np.full((rounds, 1), -reach), np.full((rounds, 1), reach)),
    )


def _worst_targets(policy: ROBD, curvature: Array, beta: float) -> tuple[Array, Array]:
    """For curvatures (B, T): the largest ratio over targets, exact (B,), and targets (B, T) that reach it."""
    rounds = curvature.shape[-1]
    unit = np.eye(rounds)
    # column s of `play` is ROBD's answer to the target vector e_s; exact, as the box never binds
    play = simulate(_instances(curvature[:, None, :], unit, beta), policy).actions[..., 0].swapaxes(-1, -2)
    move = unit - np.eye(rounds, k=-1)
    bend = curvature[:, :, None] * unit
    best: Array = np.linalg.solve(bend + beta * (move.T @ move), bend).astype(np.float64)

    def form(x: Array) -> Array:
        off, step = x - unit, move @ x
        return 0.5 * (off.swapaxes(-1, -2) @ (curvature[:, :, None] * off) + beta * step.swapaxes(-1, -2) @ step)

    root = np.linalg.inv(np.linalg.cholesky(form(best)))
    values, vectors = np.linalg.eigh(root @ form(play) @ root.swapaxes(-1, -2))
    # scaled so that OPT pays 1 per round: the solver's absolute tolerances are then small
    targets = np.einsum("bts,bt->bs", root, vectors[..., -1])
    return values[:, -1], targets * np.sqrt(rounds)


def worst_robd_ratio(
    m: float, beta: float, policy: ROBD | None = None, *, rounds: int = 12, restarts: int = 16, steps: int = 40,
    seed: int = 0,
) -> WorstCase:  # fmt: skip
    """Search for the instance on which ROBD (default: the balanced choice) pays most against OPT.

    restarts climbs run at once over log(c_t / m) in [0, 8], with Gaussian moves that shrink; same seed, same answer.
    The ratio returned is measured anew with `simulate` and `optimum`. Raises ParameterError for m or beta <= 0.
    """
    m, beta = number("m", m, low=0.0, open_low=True), number("beta", beta, low=0.0, open_low=True)
    expect("policy", policy, (ROBD, type(None)), "a ROBD, or None for the balanced one")
    rounds, restarts = count("rounds", rounds, low=2, high=1e4), count("restarts", restarts, high=1e6)
    steps, seed = count("steps", steps, low=0), count("seed", seed, low=0)
    player = ROBD.balanced(m, beta) if policy is None else policy
    rng = np.random.default_rng(seed)
    place = np.maximum(rng.uniform(-8.0, 8.0, (restarts, rounds)), 0.0)
    place[0] = 0.0
    value, targets = _worst_targets(player, m * np.exp(place), beta)
    for step in range(steps):
        jump = rng.normal(0.0, 4.0 * 0.93**step, place.shape) * (rng.random(place.shape) < 0.4)
        trial = np.clip(place + jump, 0.0, 8.0)
        found, aim = _worst_targets(player, m * np.exp(trial), beta)
        better = found > value
        place[better], value[better], targets[better] = trial[better], found[better], aim[better]
    top = int(np.argmax(value))
    instance = _instances(m * np.exp(place[top]), targets[top], beta)
    ratio = float(simulate(instance, player).cost.total / optimum(instance).cost.total)
    return WorstCase(ratio, robd_ratio(m, beta, player.lambda1, player.lambda2), instance)
