"""A controller from a user's configuration, or of a problem at hand, such as a scenario's."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.core import Policy, Problem, Setting
from evenhand.costs.unserved import Pooled
from evenhand.errors import ProblemError, UnknownNameError
from evenhand.impacts import Stacked
from evenhand.live.bounds import Bounds
from evenhand.live.observation import Observation, seconds
from evenhand.live.records import Controller
from evenhand.live.sites import Sites
from evenhand.live.staleness import Rule
from evenhand.own.config import Live, OwnConfig, Signal, read_config
from evenhand.own.read import fixed
from evenhand.own.terms import entities_of, fairness_of, kinds_of, memory_of, signs_of, switching_of
from evenhand.registry import parse

__all__ = ["configured", "controller_from", "controller_of", "observations_of", "signals_of"]


def controller_from(config: Any, **changes: Any) -> Controller:
    """The controller of a configuration: a YAML or TOML file, or a mapping of the same keys; no table is read.

    Sites are those listed under ``sites``, or named by a signal. Signals that are columns or files are measured.
    Raises ProblemError, ParameterError, UnknownNameError naming the key.
    """
    settings, _, where = read_config(config, changes)
    return configured(settings, where)


def configured(config: OwnConfig, where: str, sites: tuple[str, ...] | None = None) -> Controller:
    """The controller of a checked configuration; ``sites``: where they were found, for one that does not list them."""
    places = signals_of(config)
    names = config.sites or sites or next((tuple(s.sites) for s in places.values() if s.sites), None)
    if names is None:
        raise ProblemError(f"{where}: sites are not listed: add sites: [north, south]")
    n = len(names)

    def number(place: str, signal: Signal, low: float | None) -> Array:
        return fixed(where, names, place, signal, low)

    values: list[Array] = []
    for place, signal in places.items():
        low = None if place == "linear" or place.startswith("burdens") else 0.0
        size = 1 if place == "demand" else n
        if place == "demand" and signal.sites is not None:
            raise ProblemError(f"{where}: demand is one number per round: give a column or a number, not sites")
        known = signal.constant is not None or signal.sites is not None
        values.append(number(place, signal, low)[:size] if known else np.full(size, np.nan))
    model = Sites(names, kinds_of(config), np.concatenate(values), signs_of(config), _penalty(config, where))
    setting = Setting(
        switching=switching_of(config, number),
        fairness=fairness_of(config, n, number),
        initial=number("initial", config.initial, None),
        actions=names,
        entities=entities_of(config, names),
        memory=memory_of(config),
    )
    live = config.live
    site = np.inf if live.max_move is None else number("live.max_move", live.max_move, 0.0)
    bounds = Bounds(site, np.inf if live.max_total_move is None else live.max_total_move)
    policy = parse("policies", config.policy)
    return Controller(config.name or "live", model, setting, policy, _rules(live, model, where), bounds, live.hold)


def controller_of(problem: Problem, policy: Policy[Any], name: str = "live", **more: Any) -> Controller:
    """The controller that plays a recorded problem live, such as a scenario's: all signals are measured.

    more: staleness, bounds, held, prices. Raises ProblemError for a problem of another kind.
    """
    if problem.lead:
        raise ProblemError(f"a live controller plays one episode, this problem has leading axes {problem.lead}")
    impact, cost = problem.impact, problem.cost
    n = problem.setting.initial.shape[0]
    b = impact.weight.shape[-2] if isinstance(impact, Stacked) else 1
    penalty = np.array([cost.price.flat[0], cost.weight.flat[0]]) if isinstance(cost, Pooled) else None
    kinds = ("burden",) if b == 1 else tuple(f"burden-{k}" for k in range(1, b + 1))
    sites = Sites(problem.setting.actions, kinds, np.full(1 + (3 + b) * n, np.nan), np.ones(b), penalty)
    sites.signals_of(problem.rounds[0])
    return Controller(name, sites, problem.setting, policy, **more)


def observations_of(controller: Controller, problem: Problem) -> list[Observation]:
    """Every round of a problem as it would be measured, one second apart where the problem does not say when."""
    out: list[Observation] = []
    for round in problem.rounds:
        value = controller.sites.signals_of(round)
        text = problem.times[round.index] if problem.times else str(round.index)
        now = seconds("time", text if problem.times else round.index)
        out.append(Observation(now, text, value, np.full_like(value, now)))
    return out


def signals_of(config: OwnConfig) -> dict[str, Signal]:
    """Every signal by its place in the configuration, in the order of the fields of an observation."""
    burdens = {f"burdens.{b}.signal": burden.signal for b, burden in enumerate(config.burdens)}
    return {**{name: getattr(config, name) for name in ("demand", "capacity", "linear", "curvature")}, **burdens}


def _penalty(config: OwnConfig, where: str) -> Array | None:
    if config.unserved is None:
        return None
    if config.unserved.price is None:
        raise ProblemError(f"{where}: unserved has no price, and a live controller knows no dearest unit: give price")
    return np.array([config.unserved.price, config.unserved.curvature])


def _rules(live: Live, sites: Sites, where: str) -> tuple[Rule, ...]:
    def rule(one: Any, field: str) -> Rule:
        return Rule(np.inf if one.stale_after is None else one.stale_after, one.when_stale, field)

    known = {**{field: field for field in sites.fields}, **{kind: f"burdens.{kind}" for kind in sites.kinds}}
    for name in live.signals:
        if name not in known:
            raise UnknownNameError(f"signal in {where}, live.signals", name, known)
    return (*(rule(one, known[name]) for name, one in live.signals.items()), rule(live, ""))
