"""Evidence on tenants: the clients of two LLM services, and what schedulers do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import evenhand as eh
from adaptive import week_of
from evenhand.advice.advise import moved_share
from evenhand.core import Policy, Problem
from evenhand.experiment import remembering
from evenhand.offline.optimum import optimum
from evenhand.policies.practice import practice
from evenhand.scenarios.clients import Clients
from evenhand.scenarios.geo7 import Geo7
from evenhand.simulation import simulate, tally
from evidence_table import CLIENTS, DAILY, DEFAULT, Table, ratio, told


def _clients(memory: Any) -> list[tuple[Problem, Mapping[str, Policy[Any]]]]:
    cases: list[tuple[Problem, Mapping[str, Policy[Any]]]] = []
    for trace, capacity in CLIENTS:
        scenario = Clients(trace=trace, capacity=capacity)
        quota, _ = scenario.shares()
        policies = {
            DEFAULT: eh.AdaptiveFairOBD(), DAILY: eh.AdaptiveFairOBD(period=24), "FairOBD": eh.FairOBD(),
            "AdaptiveResolving": eh.AdaptiveResolving(), **practice(quota, 24.0),
        }  # fmt: skip
        cases.append((remembering(scenario.problem(), memory), policies))
    return cases


def _runs(memory: Any, quick: bool) -> tuple[list[str], dict[str, list[tuple[float, float, float]]]]:
    """Labels of the cases, and by policy (ratio, fairness, share moved) of each; OPT first."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for whole, policies in _clients(memory):
        problem = whole.window(0, 72) if quick else whole
        best = optimum(problem)
        runs = {"OPT": best.trajectory, **{k: simulate(problem, policy) for k, policy in policies.items()}}
        for label, run in runs.items():
            cost = run.cost
            found.setdefault(label, []).append(
                (ratio(cost.total, best.cost.total), float(cost.fairness), moved_share(run))
            )
    return [f"{trace}, {capacity:g}" for trace, capacity in CLIENTS], found


def clients(quick: bool) -> Table:
    labels, found = _runs(None, quick)
    rows: list[list[str]] = []
    for label, cases in found.items():
        each = [case[0] for case in cases]
        mean, worst = float(np.mean(each)), max(each)
        ours = label in (DEFAULT, DAILY)
        ends = told(mean, 1.015 if ours else None), told(worst, 1.03 if ours else None)
        rows.append([label, *(told(v) for v in each), *ends])
    return Table(
        "Real tenants, fairness of the whole episode (clients)",
        "Two traces of LLM services, 14 days by the hour, the cluster at 0.7 and 0.9 of mean demand. How fast a "
        "forecast comes back to the usual was chosen with both traces in view, nothing else on `msmall`; the constants "
        "are those of `tenants`.",
        ["policy", *labels, "mean", "worst"],
        rows,
    )


def practised(quick: bool) -> Table:
    labels, found = _runs(eh.HalfLife(24.0), quick)
    head = ["policy", *(f"{label}: total, fairness, moved" for label in labels)]
    rows = [
        [label, *(f"{r:.4f}, {g:.2f}, {100 * m:.2f} %" for r, g, m in cases)] for label, cases in found.items()
    ]  # fmt: skip
    rules = [label for label in found if label in practice()]
    least = [min(found[label][k][0] for label in rules) for k in range(len(labels))]
    notes = [
        f"{label}: total cost below every baseline of practice in "
        f"{sum(found[label][k][0] < least[k] for k in range(len(labels)))} of {len(labels)} cases (asked: all)."
        for label in (DEFAULT, DAILY)
    ]
    return Table(
        "Real tenants against what schedulers do, fairness of a half-life of 24 hours (clients)",
        "Total cost as a ratio to OPT's; fairness cost per round; share of the cluster that moves from one client to "
        "another in a round.",
        head,
        rows,
        notes,
    )


def schedulers(quick: bool) -> Table:
    """The short form for the README: means of the four cases."""
    _, found = _runs(eh.HalfLife(24.0), quick)
    rows: list[list[str]] = []
    for label, cases in found.items():
        if label == DAILY:
            continue
        total, unfair, moves = (float(np.mean([case[k] for case in cases])) for k in range(3))
        worst = max(case[0] for case in cases)
        name = f"**{label}**" if label == DEFAULT else label
        rows.append([name, f"{total:.4f}", f"{worst:.4f}", f"{unfair:.2f}", f"{100 * moves:.2f} %"])
    return Table(
        "Real tenants, and what schedulers do",
        "Mean of four cases: the clients of two LLM services over 14 days, the cluster at 0.7 and 0.9 of mean demand; "
        "fairness remembers with a half-life of 24 hours.",
        ["policy", "total / OPT", "worst case", "fairness cost", "moved in a round"],
        rows,
    )


def baselines(quick: bool) -> Table:
    """For docs/baselines.md: every rule on every kind of data."""
    tenants = eh.load("tenants")
    quota = tenants.problem.setting.initial
    every = 40 if quick else 10
    sites: list[tuple[str, Problem]] = [
        (f"geo7, {s}", week_of(Geo7().mu, s).windows(72).select(range(0, 97, every))) for s in ("code", "conversation")
    ]
    sites.append(("geo10", eh.load("geo10", length=72 if quick else 457).window(0)))
    shared: list[tuple[str, Problem, Any]] = [("tenants", tenants.windows().select(range(0, 121, every)), quota)]
    for memory, name in ((None, "episode"), (eh.HalfLife(24.0), "half-life of 24 h")):
        for trace in ("mmid", "msmall"):
            scenario = Clients(trace=trace)
            problem = remembering(scenario.problem(), memory)
            shared.append(
                (f"clients, {trace}, {name}", problem.window(0, 72) if quick else problem, scenario.shares()[0])
            )
    rows: dict[str, list[str]] = {}
    for _, problem, quota in [*((name, problem, None) for name, problem in sites), *shared]:
        best = optimum(problem).cost.total
        rules = practice(quota, 24.0)
        found: Mapping[str, Policy[Any]] = {
            DEFAULT: eh.AdaptiveFairOBD(), "FairOBD": eh.FairOBD(), "AdaptiveResolving": eh.AdaptiveResolving(), **rules
        }  # fmt: skip
        for label, policy in found.items():
            idle = quota is None and label not in (DEFAULT, "FairOBD", "AdaptiveResolving", "ProportionalShare")
            rows.setdefault(label, [label]).append("" if idle else told(ratio(tally(problem, policy).cost.total, best)))
    head = ["policy", *(name for name, _ in sites), *(name for name, _, _ in shared)]
    about = "Sites have no demand of their own: there the rules divide by capacity, as ProportionalShare does."
    return Table("Baselines of practice, ratio of total cost to OPT's", about, head, list(rows.values()))
