"""Stored rounds as columns, to be drawn: all of them, or one out of each stretch where there are too many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic_core import from_json

from evenhand.service.fair import remembered
from evenhand.service.records import Standing, expected

__all__ = ["columns", "sampled"]

#: turns through a stretch so evenly that no period of the data is hit again and again
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def sampled(first: int, end: int, points: int) -> tuple[list[int], int]:
    """At most ``points`` round numbers of first, ..., end - 1, in order, and the stride; the last is one of them.

    One out of each stretch of ``stride`` rounds, at a place that differs from stretch to stretch: every 24th of hourly
    rounds would show one hour of the day.
    """
    count = max(0, end - first)
    if count <= points:
        return list(range(first, end)), 1
    stride = math.ceil(count / points)
    told: list[int] = []
    for k, start in enumerate(range(first, end, stride)):
        size = min(stride, end - start)
        told.append(start + min(size - 1, int(size * ((k + 1) * _GOLDEN % 1.0))))
    told[-1] = end - 1
    return told, stride


def columns(standing: Standing, rows: Sequence[Mapping[str, Any]], stride: int) -> dict[str, Any]:
    """The rows of `rounds` as `api.answers.Series`, numbers of six digits."""
    controller = standing.controller
    sites, entities = controller.sites.names, controller.setting.entities
    answers = [from_json(row["answer"]) for row in rows]
    settled = [None if row["settlement"] is None else from_json(row["settlement"]) for row in rows]
    costs = [a["cost"] if s is None else s["cost"] for a, s in zip(answers, settled, strict=True)]
    means = [{} if s is None else s["mean"] for s in settled]
    burden = [remembered(controller, row["t"], np.array(from_json(row["borne"]))) for row in rows]
    applied = [
        {} if s is None else {site: x for site, x in s["applied"].items() if x != a["action"][site]}
        for a, s in zip(answers, settled, strict=True)
    ]
    priced = any(a["price"] is not None for a in answers)
    return {
        "controller": standing.name,
        "event": standing.version,
        "rounds": expected(standing.state),
        "stride": stride,
        "round": [row["t"] for row in rows],
        "time": [a["time"] for a in answers],
        "decided_at": [row["decided"] for row in rows],
        "settled": [s is not None for s in settled],
        "held": [a["held"] for a in answers],
        "notes": [
            list(dict.fromkeys(n["kind"] for n in (*a["notes"], *([] if s is None else s["notes"]))))
            for a, s in zip(answers, settled, strict=True)
        ],
        "action": _by(sites, (a["action"] for a in answers)),
        "applied": _by(sites, applied),
        "hitting": _short(c["hitting"] for c in costs),
        "switching": _short(c["switching"] for c in costs),
        "mean": _by(("hitting", "switching", "fairness"), means),
        "bound": _short(None if s is None else s["bound"] for s in settled),
        "gap": _short(None if s is None else s["gap"] for s in settled),
        "price": _by(entities, (a["price"] or {} for a in answers)) if priced else None,
        "burden": {
            entity: _short(None if held is None else held[j] for held in burden) for j, entity in enumerate(entities)
        },
    }


def _by(names: Iterable[str], told: Iterable[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    kept = list(told)
    return {name: _short(one.get(name) for one in kept) for name in names}


def _short(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None else float(f"{value:.6g}") for value in values]
