"""Evidence on drawn families, on where the default loses, and on what it takes to plan."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import evenhand as eh
from adaptive import GRID, week_of
from evenhand.core import Policy, Problem
from evenhand.offline.optimum import optimum
from evenhand.scenarios.geo7 import Geo7
from evenhand.simulation import tally
from evidence_table import CLIENTS, DAILY, DEFAULT, FACTORS, RATES, Table, fixed
from families import CASES, CHOSEN, FAMILIES, draw


def families(quick: bool) -> Table:
    count = 4 if quick else CASES
    rows: list[list[str]] = []
    for family in FAMILIES:
        found = np.array([_drawn(draw(family, case)) for case in range(0, CASES, CASES // count)])
        six, ours, auto = found[:, : len(RATES)], found[:, -2], found[:, -1]
        apart = slice(count * CHOSEN // CASES, None)
        excess = ours / auto - 1.0
        best, mean = float(six.mean(axis=0).min()), float(ours.mean())
        verdict = "met" if mean < best and excess.max() <= 0.005 else "**missed**"
        rows.append([
            family, f"{mean:.4f}", f"{float(ours[apart].mean()):.4f}", f"{best:.4f}", f"{float(auto.mean()):.4f}",
            f"{int((excess > 0.005).sum())} of {count}, {max(100 * excess.max(), 0.0):.1f} %", verdict,
        ])  # fmt: skip
    return Table(
        "Drawn families",
        f"{count} cases each, T = 96, n = 3..20, β from 0.1 to 100 (benchmarks/families.py); the first half was there "
        "to choose with, the second is reported apart. Asked: better on the mean than the best fixed rate in "
        "hindsight, never worse than FairOBD's default by more than 0.5 %.",
        [
            "family",
            DEFAULT,
            "second half",
            "best fixed rate of six",
            "FairOBD, automatic",
            "worse by > 0.5 %, at most",
            "",
        ],
        rows,
    )


def _drawn(problem: Problem) -> list[float]:
    best = float(optimum(problem).cost.total)
    six = tally(problem, eh.FairOBD(eta=fixed(problem), domain="ball")).cost.total
    rest = [tally(problem, policy).cost.total for policy in (eh.AdaptiveFairOBD(), eh.FairOBD())]
    return [float(value) / best for value in (*six, *rest)]


def losses(quick: bool) -> Table:
    """Windows in which the default is dearer than the best of FairOBD's six rates, that window's own, by over 1 %."""
    step = 4 if quick else 1
    rows: list[list[str]] = []
    for name, problem in _everywhere():
        episodes = problem.select(range(0, problem.lead[0], step)) if problem.lead else problem
        rates: Any = GRID if name.startswith("geo7") else fixed(episodes)
        domain: Any = "free" if name.startswith("geo7") else "ball"
        six = np.array([tally(episodes, eh.FairOBD(eta=float(eta), domain=domain)).cost.total for eta in rates])
        ours = np.atleast_1d(tally(episodes, eh.AdaptiveFairOBD()).cost.total)
        best = np.atleast_1d(six.min(axis=0))
        lost = np.atleast_1d(ours / best - 1.0)
        counts = str(lost.size), str(int((lost > 0.01).sum()))
        rows.append([name, *counts, f"{100 * lost.max():+.2f} %", f"{100 * lost.mean():+.2f} %"])
    return Table(
        "Windows in which the default is dearer than FairOBD at its best rate by more than 1 %",
        "The rate is chosen for every window in hindsight, of six: the paper's grid on geo7, elsewhere multiples "
        f"{', '.join(f'{r:g}' for r in RATES)} of L/(Z√T) with bounded prices. No policy can know it; none is the aim.",
        ["scenario", "windows", "dearer by > 1 %", "worst", "mean"],
        rows,
    )


def _everywhere() -> list[tuple[str, Problem]]:
    cases: list[tuple[str, Problem]] = []
    for service in ("code", "conversation"):
        for factor in FACTORS:
            windows = week_of(factor * Geo7().mu, service).windows(72).select(range(0, 97, 8))
            cases.append((f"geo7, {service}, {factor:g}×", windows))
    more: list[tuple[str, str, dict[str, Any], int]] = [
        ("geo10", "geo10", {}, 48), ("provisioning", "provisioning", {"switching": "squared"}, 12),
        ("tenants", "tenants", {}, 20), ("tenants, 30 of them", "tenants", {"tenants": 30}, 40),
        ("synthetic, drift", "synthetic", {"family": "drift"}, 1), ("fleet-online", "fleet-online", {}, 8),
        *((f"clients, {t}, {c:g}", "clients", {"trace": t, "capacity": c, "length": 84}, 84) for t, c in CLIENTS),
    ]  # fmt: skip
    for name, scenario, settings, step in more:
        episodes = eh.load(scenario, **settings)
        cases.append((name, episodes.windows().select(range(0, len(episodes), step))))
    return cases


def planning(quick: bool) -> Table:
    """Milliseconds of a round of the default, one episode at a time."""
    rows: list[list[str]] = []
    cases: list[tuple[str, Problem]] = [
        ("geo7, n = 7", eh.load("geo7").window(0)), ("clients, n = 25", eh.load("clients").problem.window(0, 72)),
        ("24 sites, quadratic", draw_sites()),
    ]  # fmt: skip
    for name, problem in cases:
        cells: list[str] = []
        for policy in (eh.AdaptiveFairOBD(), eh.AdaptiveFairOBD(period=24)):
            cells.append(f"{1e3 * seconds_of_a_round(problem, policy, 20 if quick else 72):.2f} ms")
        rows.append([name, *cells])
    return Table(
        "Planning cost of a round",
        "Median over rounds of decide and settle, from the second round on; asked: at most 1 ms at n = 24 with four "
        "experts.",
        ["problem", DEFAULT, DAILY],
        rows,
    )


def draw_sites(n: int = 24, rounds: int = 72) -> Problem:
    rng = np.random.default_rng(5)
    upper = rng.uniform(0.5, 1.5, n)
    return Problem(
        eh.Setting(rounds, 5.0, eh.Norm(2.0), np.zeros(n)),
        eh.Quadratic(rng.uniform(0.5, 2.0, (rounds, n)), 1.0),
        eh.Diagonal(rng.uniform(0.5, 3.0, (rounds, n))),
        eh.Budget(rng.uniform(0.3, 0.7, rounds) * upper.sum(), upper),
    )


def seconds_of_a_round(problem: Problem, policy: Policy[Any], rounds: int) -> float:
    state, taken = policy.init(problem.setting), list[float]()
    for round in problem.window(0, rounds).rounds:
        start = time.perf_counter()
        action, state = policy.decide(problem.setting, state, round)
        state = policy.settle(problem.setting, state, round, action, round.impact.burden(action))
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[1:]))
