"""The table of `evenhand theory`: every claim, what was measured for it here and now, and what was required.

Nothing in the table is asserted that is not computed by the functions below.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.core import Mirror, Policy, Problem
from evenhand.errors import EvenhandError, ParameterError
from evenhand.experiment import load
from evenhand.mirror import Entropy, Euclidean, WeightedEuclidean
from evenhand.offline.bound import lower_bound
from evenhand.offline.frames import attained_deviation
from evenhand.offline.optimum import optimum
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.greedy import Greedy
from evenhand.policies.robd import ROBD
from evenhand.registry import catalogue
from evenhand.simulation import simulate
from evenhand.theory.adversaries import ConstantRegret, LinearRatio, duel
from evenhand.theory.asymptotics import decay, excess_on_periodic, regret_in_adversary
from evenhand.theory.guarantees import guarantee
from evenhand.theory.instances import draw
from evenhand.theory.search import worst_robd_ratio

__all__ = ["Claim", "claims", "every_policy", "guaranteed", "mirrors"]


@final
@dataclass(frozen=True, slots=True)
class Claim:
    """One line: what is claimed, what was measured, what was required, and whether it holds."""

    text: str
    measured: str
    required: str
    holds: bool


def every_policy() -> Mapping[str, Policy[Any]]:
    """Every policy of the library that can be built without parameters, by class name, and in the domain `ball` too."""
    found: dict[str, Policy[Any]] = {}
    for name, member in sorted(catalogue("policies").items()):
        parameters = inspect.signature(member).parameters
        if any(p.default is p.empty for p in parameters.values()):
            continue
        found[name] = member()
        if parameters.keys() >= {"domain", "mirror"}:
            found[f"{name}(domain=ball)"] = member(domain="ball")
            found[f"{name}(domain=ball, mirror=Entropy)"] = member(domain="ball", mirror=Entropy())
    return found


def mirrors(entities: int) -> tuple[Mirror, ...]:
    """Every reference function, the weighted one with weights from 1/2 to 2."""
    return Euclidean(), WeightedEuclidean(np.geomspace(0.5, 2.0, entities)), Entropy()


def guaranteed(m: float, beta: float, entities: int = 7) -> Mapping[str, Policy[Any]]:
    """The policies with a guarantee, every mirror and both domains; DMD only where beta = 0."""
    found: dict[str, Policy[Any]] = {}
    for domain in ("free", "ball"):
        for mirror in mirrors(entities):
            tag = f"{type(mirror).__name__}, {domain}"
            if beta == 0.0:
                found[f"DMD({tag})"] = DMD(1e-3, mirror, domain)
                continue
            found[f"FairOBD({tag})"] = FairOBD(1e-3, mirror=mirror, domain=domain)
            found[f"FairOBD.balanced({tag})"] = FairOBD.balanced(m, beta, eta=1e-3, mirror=mirror, domain=domain)
    if beta > 0.0:
        found.update({"ROBD": ROBD(), "ROBD(lambda1=0.5)": ROBD(0.5), "Greedy": Greedy()})
    return found


def claims(
    *, windows: Sequence[int] = tuple(range(0, 97, 12)), drawn: int = 200, rounds: Sequence[int] = (64, 256, 1024, 4096)
) -> Iterator[Claim]:  # fmt: skip
    """Compute and yield the claims one by one; windows of geo7, number of drawn instances, T of the adversaries."""
    yield from _bounds_on_geo7(windows)
    yield from _bounds_on_drawn(drawn)
    yield from _order(windows)
    yield from _adversaries(rounds)
    yield from _searched()
    yield from _vanishing(tuple(r for r in rounds if r >= 64))


def _bounds_on_geo7(windows: Sequence[int]) -> Iterator[Claim]:
    for settings in ({}, {"beta": 0.0}, {"p": 2.0}):
        scenario: Any = load("geo7", **settings)
        batch: Problem = scenario.windows().select(windows)
        best = optimum(batch)
        slack, least, count = np.inf, np.inf, 0
        for policy in guaranteed(scenario.scenario.alpha, batch.setting.beta, batch.impact.entities).values():
            run = simulate(batch, policy)
            for frame in (1, 24, 72):
                told = guarantee(run, best, frame=frame)
                slack = min(slack, float((told.bound / told.measured).min()))
                least = min(least, *(float(v.min()) for v in told.terms.values()))
                count += told.bound.size
        name = ", ".join(f"{k} = {v:g}" for k, v in settings.items()) or "its defaults"
        yield Claim(
            f"geo7 with {name}: measured cost <= bound, every policy with a guarantee, R in 1, 24, 72 ({count} bounds)",
            f"bound / measured >= {slack:.4f}, least term {least:.3g}",
            ">= 1, terms >= 0",
            slack >= 1.0 and least >= 0.0,
        )


def _bounds_on_drawn(drawn: int) -> Iterator[Claim]:
    slack, least = {"sets": np.inf, "run": np.inf}, np.inf
    for seed in range(drawn):
        case = draw(seed)
        run, best = simulate(case.problem, case.policy), optimum(case.problem)
        for how in ("sets", "run"):
            told = guarantee(run, best, frame=case.frame, spread=how)
            ratio = told.bound - told.measured
            slack[how] = min(slack[how], float(ratio / np.maximum(1e-9, told.bound)))
            least = min(least, *(float(v) for v in told.terms.values()))
    yield Claim(
        f"{drawn} drawn instances: measured cost <= bound (Z from the sets, and from the run)",
        f"relative slack >= {slack['sets']:.2e}, {slack['run']:.2e}; least term {least:.3g}",
        ">= 0 (to 1e-9), terms >= 0",
        min(slack.values()) >= -1e-9 and least >= 0.0,
    )


def _order(windows: Sequence[int]) -> Iterator[Claim]:
    batch: Problem = load("geo7").windows().select(windows)
    best = optimum(batch)
    total, size = best.cost.total, np.abs(best.cost.total)
    full, part = lower_bound(batch), lower_bound(batch, separable=True)
    gap = float(((total - full.value) / size).max())
    yield Claim(
        "full certificate (11), maximised over kappa: gap to OPT", f"{gap:.1e} relative", "<= 1e-6", gap <= 1e-6
    )
    worst = np.inf
    rng = np.random.default_rng(0)
    for _ in range(8):
        kappa = batch.setting.fairness.project(rng.uniform(0.0, 1.0, batch.impact.entities))
        low, high = lower_bound(batch, kappa, separable=True).value, lower_bound(batch, kappa).value
        for less, more in ((low, high), (high, full.value), (low, part.value), (part.value, total)):
            worst = min(worst, float(((more - less) / size).min()))
    yield Claim(
        "separable LB(kappa) <= LB(kappa) <= max LB <= OPT, 8 drawn kappa",
        f"least step {worst:.1e} relative",
        ">= 0 (to 1e-9)",
        worst >= -1e-9,
    )
    tight = float((part.value / total).min())
    yield Claim("separable certificate, maximised: share of OPT proved", f">= {tight:.4f}", "<= 1", tight <= 1.0)
    worst, played = np.inf, simulate(batch, FairOBD(1e-2, domain="ball"))
    for mirror in mirrors(batch.impact.entities):
        for frame in (8, 24):
            reach = attained_deviation(played, frame, mirror)
            for k in range(len(windows)):
                one = batch.episode(k)
                held = optimum(one, frame=frame, deviation=float(reach[k]), mirror=mirror)
                steps = (held.cost.total - total[k], played.cost.total[k] - held.lower_bound)
                worst = min(worst, *(float(s / size[k]) for s in steps))
    yield Claim(
        "OPT <= (R, delta)-OPT <= FairOBD's cost at the delta it attained itself, R in 8, 24, every norm",
        f"least step {worst:.1e} relative",
        ">= 0 (to 1e-9)",
        worst >= -1e-9,
    )


def _adversaries(rounds: Sequence[int]) -> Iterator[Claim]:
    least: dict[Callable[[int], Any], float] = {ConstantRegret: np.inf, LinearRatio: np.inf}
    off, played, left_out = 0.0, list[str](), ""
    for name, policy in every_policy().items():
        try:
            fought = [duel(make(count), policy) for make in least for count in rounds]
        except EvenhandError as error:
            left_out += f"; not played: {name} ({error})"
            continue
        played.append(name)
        for one in fought:
            count, make = one.adversary.rounds, type(one.adversary)
            least[make] = min(least[make], one.measured / (1.0 if make is ConstantRegret else one.adversary.proved))
            exact = one.adversary.best(one.run.problem)
            off = max(off, abs(one.optimal - exact) / max(exact, 1.0 / count**2))
    yield Claim(
        f"regret in the first adversary, T to {max(rounds)}: {', '.join(played)}",
        f">= {least[ConstantRegret]:.4f}{left_out}",
        f">= {ConstantRegret.proved:.4f}",
        bool(played) and least[ConstantRegret] >= ConstantRegret.proved - 1e-9,
    )
    yield Claim(
        f"ratio in the second adversary over T/2 + 1, T to {max(rounds)}, the same policies",
        f">= {least[LinearRatio]:.6f}",
        ">= 1",
        bool(played) and least[LinearRatio] >= 1.0 - 1e-9,
    )
    yield Claim("OPT in the adversaries: solver against closed form", f"{off:.1e} relative", "<= 1e-6", off <= 1e-6)


def _searched() -> Iterator[Claim]:
    for m, beta in ((1.0, 1.0), (1.0, 10.0), (17.5, 850.0)):
        worst = worst_robd_ratio(m, beta, rounds=24)
        yield Claim(
            f"ROBD, m = {m:g}, beta = {beta:g}: worst ratio an adversarial search found",
            f"{worst.ratio:.5f}",
            f"<= C* = {worst.bound:.5f}",
            worst.holds,
        )


def _vanishing(rounds: Sequence[int]) -> Iterator[Claim]:
    if len(rounds) < 2:
        raise ParameterError(f"rounds is {rounds}: a decay needs two of them, at least 64")
    excess = excess_on_periodic(rounds)
    rate = decay(excess)
    yield Claim(
        "eta = c/T^(1/3), periodic trace: excess over (R, 0)-OPT, log-log slope over T",
        f"{rate:.2f}: {excess.measured[0]:.2g} at T = {rounds[0]} to {excess.measured[-1]:.2g} at {rounds[-1]}",
        "<= -1/3, below bound A's terms",
        rate <= -1.0 / 3.0 and all(a <= b for a, b in zip(excess.measured, excess.proved, strict=True)),
    )
    regret = regret_in_adversary(rounds)
    yield Claim(
        "the same policy in the first adversary: its regret does not vanish",
        f"{regret.measured[-1]:.3f} at T = {rounds[-1]}",
        f">= {ConstantRegret.proved:.4f}",
        min(regret.measured) >= ConstantRegret.proved - 1e-9,
    )
