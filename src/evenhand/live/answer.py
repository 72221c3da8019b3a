"""Answers for people and programs: decisions and settlements as JSON by name of site and entity, and what they send.

What is applied and measured comes back as

    {"round": 12, "applied": {"north": 4.5, "south": 2.5}, "burden": {"carbon": {"north": 1400}}}

where everything may be left out: it then is as decided, or as the model has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.errors import ProblemError, UnknownNameError, shown
from evenhand.live.controller import so_far
from evenhand.live.records import Controller, Decision, Settlement, State
from evenhand.live.staleness import Note

__all__ = ["decision_answer", "outcome", "settlement_answer", "standing_answer"]


def decision_answer(controller: Controller, decision: Decision) -> dict[str, Any]:
    """A decision: action, what the policy wanted, the action before, prices by entity, expected cost, notes."""
    sites = controller.sites.names
    price = None if decision.price is None else _by(controller.setting.entities, decision.price)
    return {
        "controller": controller.name,
        "round": decision.round,
        "time": decision.time,
        "action": _by(sites, decision.action),
        "held": decision.held,
        "wanted": _by(sites, decision.wanted),
        "previous": _by(sites, decision.previous),
        "price": price,
        "cost": {"hitting": decision.hitting, "switching": decision.switching},
        "notes": [_note(note) for note in decision.notes],
    }


def settlement_answer(controller: Controller, settlement: Settlement) -> dict[str, Any]:
    """A settlement: what was applied and borne, its cost, the means so far, the proved bound and gap, notes."""
    return {
        "controller": controller.name,
        "round": settlement.round,
        "applied": _by(controller.sites.names, settlement.applied),
        "burden": _by(controller.setting.entities, settlement.burden),
        "cost": {"hitting": settlement.hitting, "switching": settlement.switching},
        "mean": _mean(settlement.mean),
        "bound": settlement.bound,
        "gap": settlement.gap,
        "notes": [_note(note) for note in settlement.notes],
    }


def standing_answer(controller: Controller, state: State) -> dict[str, Any]:
    """Where a controller stands: rounds settled, the action applied last, the means so far, bound, gap, counts."""
    counts = {name: getattr(state.counts, name) for name in type(state.counts).__slots__}
    out: dict[str, Any] = {"rounds": state.round, "open": state.open, "counts": counts}
    out["action"] = _by(controller.sites.names, state.action)
    if state.round:
        mean, bound = so_far(controller, state)
        gap = None if bound <= 0.0 else float(mean[0] + mean[1] + mean[2]) / bound - 1.0
        out |= {"mean": _mean(mean), "bound": bound, "gap": gap}
    return out


def outcome(controller: Controller, decision: Decision, data: Mapping[str, Any]) -> tuple[Array | None, Array | None]:
    """What was applied (n,) and measured (m,) as `settle` takes it, None for as decided.

    Raises ProblemError and UnknownNameError naming field, site and value, and for another round than the open one.
    """
    if not isinstance(data, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ProblemError(f'what was applied is an object such as {{"applied": {{...}}}}, not {shown(data)}')
    for key in data:
        if key not in ("round", "applied", "burden"):
            raise UnknownNameError("field", str(key), ("round", "applied", "burden"))
    if data.get("round") is not None and data["round"] != decision.round:
        raise ProblemError(f"round is {shown(data['round'])}: the round decided last is {decision.round}")
    sites, kinds = controller.sites.names, controller.sites.kinds
    applied = _filled("applied", data.get("applied"), sites, decision.action)
    measured = data.get("burden")
    if measured is None:
        return applied, None
    if len(kinds) == 1 and not (isinstance(measured, Mapping) and kinds[0] in measured):
        measured = {kinds[0]: measured}
    if not isinstance(measured, Mapping):
        raise ProblemError(f"burden is {shown(measured)}: give an object by kind: {', '.join(kinds)}")
    for key in measured:
        if key not in kinds:
            raise UnknownNameError("kind of burden", str(key), kinds)
    round = controller.sites.round(decision.round, decision.signals)
    modelled = round.impact.burden(decision.action if applied is None else applied).reshape(len(kinds), len(sites))
    borne = modelled.copy()
    for b, kind in enumerate(kinds):
        sign = controller.sites.signs[b]
        told = _filled(f"burden of {kind}", measured.get(kind), sites, sign * modelled[b])
        if told is not None:
            borne[b] = sign * told
    return applied, borne.reshape(-1)


def _filled(name: str, given: Any, sites: tuple[str, ...], otherwise: Array) -> Array | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise ProblemError(f"{name} is {shown(given)}: give an object by site: {', '.join(sites)}")
    out = np.array(otherwise)
    for site, value in given.items():
        if site not in sites:
            raise UnknownNameError(f"site in {name}", str(site), sites)
        if isinstance(value, bool) or not isinstance(value, int | float | None) or (value and not abs(value) <= 1e100):
            raise ProblemError(f"{name} at {site!r} is {shown(value)}: give a finite number, or null")
        if value is not None:
            out[sites.index(site)] = value
    return out


def _by(names: tuple[str, ...], values: Array) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def _mean(mean: Array) -> dict[str, float]:
    hitting, switching, fairness = mean.tolist()
    total = hitting + switching + fairness
    return {"hitting": hitting, "switching": switching, "fairness": fairness, "total": total}


def _note(note: Note) -> dict[str, Any]:
    return {"kind": note.kind, "text": note.text, "field": note.field, "sites": list(note.sites)}
