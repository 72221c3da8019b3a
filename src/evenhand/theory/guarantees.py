"""Bounds A (8) and B (9), ROBD's ratio and (10), each term beside the measured cost. Source: spec/online.md §5.

For a run of FairOBD and any sequence x* with parts H*, S*, G* of (1) that attains delta for frames of R rounds,

    cost <= a H* + b S* + (1/l) [ G* + V_h(k^, kappa_1)/(eta T) + eta R Z^2/(2 sigma) + kappa_max delta/T ],
    a = max_t (m_t + lambda2 beta)/(l m_t),     b = 1 + l beta/min_t(m_t + lambda2 beta),     l = lambda1,

with k^ a subgradient of g at the run's mean burden and m_t the strong convexity of f_t. Without switching cost
(beta = 0) a = b = l = 1: bound A. With lambda1 = 1 it is bound B. With no fairness cost the bracket is empty: ROBD.
A weighted switching cost d' B d / 2 has the same bound with beta the largest eigenvalue of B: the proof runs in the
norm |d|^2 = d' B d, in which the switching cost has weight 1 and f_t is m_t/beta-strongly convex, as
||d||^2 >= |d|^2 / beta; the pull lambda2 acts in that norm too. Prices per unit of move have no curvature for the proof
to use, and limits may keep x* out of reach of the run: both are refused.
What the proof needs beyond the spec's text is checked and refused: f_t >= 0, y* in the box of the budget step (domain
free), k^ >= 0 (a mirror with positive prices), m_t > 0 where beta > 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from evenhand.columns import Array, number, same
from evenhand.core import Fairness, Mirror, Problem, Round, Setting
from evenhand.errors import ParameterError, expect
from evenhand.offline.bound import round_floor
from evenhand.offline.frames import attained_deviation, burden_weights, check_frame, divisors, size
from evenhand.offline.optimum import Optimum
from evenhand.policies.dmd import DMD
from evenhand.policies.dual import Dual
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.greedy import Greedy
from evenhand.policies.robd import ROBD, balanced_lambda2
from evenhand.theory.spread import spread_of_run, spread_of_sets
from evenhand.trajectory import Trajectory

__all__ = ["Guarantee", "balanced_ratio", "cube_root_rate", "guarantee", "robd_ratio"]


def balanced_ratio(m: float, beta: float) -> float:
    """C* of (10), (1 + sqrt(1 + 4 beta/m)) / 2: the best ratio for smoothed optimisation without fairness."""
    m = number("m", m, low=0.0, open_low=True)
    return 0.5 * (1.0 + float(np.sqrt(1.0 + 4.0 * number("beta", beta, low=0.0) / m)))


def robd_ratio(m: float, beta: float, lambda1: float = 1.0, lambda2: float | None = None) -> float:
    """ROBD's competitive ratio: max((m + lambda2 beta)/(lambda1 m), 1 + lambda1 beta/(m + lambda2 beta)).

    lambda2 = None is the balanced choice (10). Raises ParameterError for m <= 0 or lambda1 outside (0, 1].
    """
    m = number("m", m, low=0.0, open_low=True)
    lambda1 = number("lambda1", lambda1, low=0.0, high=1.0, open_low=True)
    beta = number("beta", beta, low=0.0)
    pull = float(balanced_lambda2(m, beta)) if lambda2 is None else number("lambda2", lambda2, low=0.0)
    pulled = m + pull * beta
    return max(pulled / (lambda1 * m), 1.0 + lambda1 * beta / pulled)


def cube_root_rate(rounds: int, scale: float = 1.0) -> float:
    """The learning rate scale / T^(1/3), under which the extra terms of (8) vanish while R and delta are sublinear."""
    longest = number("rounds", rounds, low=1.0)
    return number("scale", scale, low=0.0, open_low=True) / longest ** (1.0 / 3.0)


@final
@dataclass(frozen=True, slots=True)
class Guarantee:
    """A proved bound on a run, term by term; arrays (...) over the run's leading axes.

    name: "A", "B" or "ROBD" (then about hitting + switching alone). frame R. hitting_factor a, switching_factor b and
    the terms: hitting a H*, switching b S*, fairness G*, start V_h(k^, kappa_1)/(eta T), step eta R Z^2/(2 sigma),
    frames kappa_max delta/T, the last four over lambda1. measured: what the bound speaks of, as it was.
    """

    name: str
    frame: int
    hitting_factor: Array
    switching_factor: Array
    hitting: Array
    switching: Array
    fairness: Array
    start: Array
    step: Array
    frames: Array
    deviation: Array
    spread: Array
    sigma: Array
    kappa_max: Array
    measured: Array

    __eq__ = same

    @property
    def terms(self) -> Mapping[str, Array]:
        """The terms by name, in the order of the formula."""
        return {
            "hitting factor x H*": self.hitting,
            "switching factor x S*": self.switching,
            "G*": self.fairness,
            "V_h(k^, kappa_1)/(eta T)": self.start,
            "eta R Z^2/(2 sigma)": self.step,
            "kappa_max delta/T": self.frames,
        }

    @property
    def bound(self) -> Array:
        """Sum of the terms."""
        return self.hitting + self.switching + self.fairness + self.start + self.step + self.frames

    @property
    def sharp(self) -> Array:
        """A smaller bound, proved the same way with each frame's kappa held at its middle round instead of its first.

        Inside a frame sum |j - middle| = floor(R^2/4) replaces R (R - 1)/2, so the step term times
        (1 + 2 floor(R^2/4)/R)/R: about half for long frames, the same for R <= 2.
        """
        share = (1.0 + 2.0 * (self.frame**2 // 4) / self.frame) / self.frame
        return self.bound - (1.0 - share) * self.step

    @property
    def holds(self) -> bool:
        """Measured <= bound everywhere, to 1e-9 relative for rounding."""
        return bool((self.measured <= self.bound + 1e-9 * np.maximum(1.0, np.abs(self.bound))).all())


def guarantee(
    run: Trajectory,
    benchmark: Trajectory | Optimum,
    *,
    frame: int | None = None,
    policy: Any = None,
    spread: Literal["sets", "run"] = "sets",
) -> Guarantee:
    """The bound that is proved for a run against a benchmark sequence on the same problem, each term, and `holds`.

    benchmark: OPT, (R, delta)-OPT or any feasible sequence; its delta for ``frame`` is measured. frame: R, a divisor of
    T; None picks the one with the least bound. policy: what played the run, by default ``run.policy``. spread: Z
    from the action sets, known before any round is played, or from the run (smaller, known afterwards).
    Raises ParameterError for a policy without a guarantee, or where an assumption of the proof fails.
    """
    expect("run", run, Trajectory, "a Trajectory, such as simulate(problem, policy) gives")
    expect("benchmark", benchmark, (Trajectory, Optimum), "what optimum or evaluate gives")
    best = benchmark.trajectory if isinstance(benchmark, Optimum) else benchmark
    if best.burdens.shape[-2:] != run.burdens.shape[-2:]:
        raise ParameterError(f"benchmark has burdens {best.burdens.shape}, the run {run.burdens.shape}: same problem?")
    player = run.policy if policy is None else policy
    rounds = run.problem.horizon
    if frame is not None:
        return _at(run, best, player, check_frame(frame, rounds), spread)
    if isinstance(player, ROBD | Greedy):
        return _at(run, best, player, 1, spread)
    every = [_at(run, best, player, length, spread) for length in divisors(rounds)]
    return min(every, key=lambda g: float(g.bound.mean()))


def _at(run: Trajectory, best: Trajectory, policy: Any, frame: int, spread: str) -> Guarantee:
    problem, setting = run.problem, run.problem.setting
    a, b, scale = _factors(problem, policy)
    cost, ours = best.cost, run.cost
    zero = np.zeros(np.broadcast_shapes(ours.total.shape, cost.total.shape))
    if isinstance(policy, ROBD | Greedy):
        return Guarantee(
            "ROBD", frame, a, b, a * cost.hitting + zero, b * cost.switching + zero, *[zero] * 4,
            deviation=zero, spread=zero, sigma=zero + 1.0, kappa_max=zero, measured=ours.hitting + ours.switching,
        )  # fmt: skip
    if setting.memory is not None:
        raise ParameterError(
            f"bounds A and B speak of the average of the whole episode, fairness here remembers {setting.memory!r}: "
            "use the lower bound of the run (lower_bound), which is proved for a memory too"
        )
    dual: Dual = policy.dual
    if dual.auto:
        raise ParameterError(
            "eta is 'auto', a rate that changes: bounds A and B need one rate, give eta a number; lower_bound "
            "certifies any run"
        )
    mirror, rounds = dual.mirror, run.problem.horizon
    if run.price is None:
        raise ParameterError("the run has no prices kappa_t: play it with simulate")
    eta = np.asarray(dual.eta)[..., 0] if np.ndim(dual.eta) else np.asarray(dual.eta)
    aim = setting.fairness.subgradient(run.mean_burden)
    if mirror.positive and (aim < 0).any():
        raise ParameterError(
            f"the guarantee with {type(mirror).__name__} needs burdens that are never negative; use mirror=Euclidean()"
        )
    z = dual.budget(setting, run.price)
    if dual.domain == "free":
        _require_inside(setting, best.mean_burden)
    far = spread_of_sets(problem, dual, z) if spread == "sets" else spread_of_run(run, best, z, mirror)
    if not np.isfinite(far).all():
        raise ParameterError("Z is infinite, the action sets are unbounded: bound them, or use spread='run'")
    paid = size(run.price, mirror, dual=True).max(axis=-1)
    sigma = _sigma(run, dual, z, paid)
    delta = attained_deviation(best, frame, mirror)
    first = run.price[..., 0, :]
    return Guarantee(
        "B" if setting.switching.moves.stiffness > 0.0 else "A",
        frame,
        a,
        b,
        a * cost.hitting + zero,
        b * cost.switching + zero,
        scale * cost.fairness + zero,
        scale * mirror.divergence(aim, first) / (eta * rounds) + zero,
        scale * eta * frame * far**2 / (2.0 * sigma) + zero,
        scale * paid * delta / rounds + zero,
        deviation=delta + zero,
        spread=far + zero,
        sigma=sigma + zero,
        kappa_max=paid + zero,
        measured=ours.total + zero,
    )


def _factors(problem: Problem, policy: Any) -> tuple[Array, Array, float]:
    """a, b (...) and 1/lambda1 (1 without switching cost)."""
    beta, lead = _weight(problem.setting), problem.lead
    if isinstance(policy, Greedy):
        policy = ROBD(1.0, 0.0)
    if not isinstance(policy, FairOBD | DMD | ROBD):
        name = "a sequence that no policy played" if policy is None else type(policy).__name__
        raise ParameterError(
            f"{name} has no guarantee: FairOBD, ROBD and Greedy have one, and DMD where beta = 0; "
            "lower_bound certifies any run without one"
        )
    if beta == 0.0:
        return np.ones(lead), np.ones(lead), 1.0
    if isinstance(policy, DMD):
        raise ParameterError(f"DMD ignores switching: its guarantee needs beta = 0, here it is {beta:g}")
    m = np.broadcast_to(problem.cost.strong_convexity(), (*lead, problem.horizon))
    if not (m > 0.0).all():
        raise ParameterError("m_f is 0 in some round: with beta > 0 the bound needs strongly convex hitting costs")
    least, _ = round_floor(Round(0, problem.cost, problem.impact, problem.feasible), np.zeros(problem.impact.entities))
    if (least < -1e-9 * (1.0 + np.abs(least))).any():
        raise ParameterError(f"f_t is as low as {least.min():g}: the bound needs f_t >= 0; add a constant to the cost")
    l1 = policy.lambda1
    pull = balanced_lambda2(m, beta) if policy.lambda2 is None else policy.lambda2
    pulled = m + pull * beta
    return (pulled / (l1 * m)).max(axis=-1), 1.0 + l1 * beta / pulled.min(axis=-1), 1.0 / l1


def _weight(setting: Setting) -> float:
    """beta, the largest weight of a squared or weighted switching cost. Raises ParameterError for another family."""
    moves = setting.switching.moves
    if moves.kinked:
        raise ParameterError(
            f"switching is {setting.switching!r:.60}: the bounds need a squared or weighted cost, whose curvature the "
            "proof uses; a price per unit of move has none; lower_bound certifies any run"
        )
    if moves.limited:
        raise ParameterError(
            f"switching is {setting.switching!r:.60}: the bounds compare each action with the benchmark's, which "
            "limits of moves may keep out of reach; lower_bound certifies any run"
        )
    return moves.stiffness


def _sigma(run: Trajectory, dual: Dual, z: Array, paid: Array) -> Array:
    """sigma of h between the prices that the steps touch, for the largest norm they can have.

    In the dual ball that is known in advance, in the free domain it is measured, kappa_{T+1} included.
    """
    setting, mirror, m = run.problem.setting, dual.mirror, run.burdens.shape[-1]
    if dual.domain == "ball":
        return mirror.modulus(_largest(setting.fairness, mirror, m) + np.zeros(paid.shape))
    assert run.price is not None
    after = dual.next(setting, run.price[..., -1, :], run.burdens[..., -1, :])[0]
    return mirror.modulus(np.maximum(paid, size(after, mirror, dual=True)))


def _largest(fairness: Fairness, mirror: Mirror, m: int) -> Array:
    """At least the norm of every price in the dual ball that the mirror can reach: (...).

    For prices above 0 the l_1 norm is linear, so that its supremum is a slope of g far out; else by Hölder from L.
    """
    inverse = 1.0 / burden_weights(mirror, m)
    if mirror.order == 2.0:
        return np.asarray(fairness.lipschitz(m) * inverse.max())
    if mirror.positive:
        return fairness.recession(inverse)
    return np.asarray(fairness.lipschitz(m) * float(np.linalg.norm(inverse)))


def _require_inside(setting: Setting, y: Array) -> None:
    """y* must be a choice of the budget step (4): the frame term of the proof compares z_t with it."""
    assert setting.burden_lower is not None
    assert setting.burden_upper is not None
    slack = 1e-9 * (1.0 + np.abs(y))
    if (y < setting.burden_lower - slack).any() or (y > setting.burden_upper + slack).any():
        raise ParameterError(
            "the benchmark's mean burden lies outside the box of the budget step (burden_lower, burden_upper): "
            "widen it, the proof compares z_t with that mean"
        )
