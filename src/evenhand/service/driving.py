"""Drive a running server from a trace: what `evenhand replay --url` does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from evenhand.costs.unserved import Pooled
from evenhand.errors import ParameterError, RefusedError
from evenhand.live.configure import observations_of
from evenhand.live.observation import plain
from evenhand.live.replaying import opened
from evenhand.own import SUFFIXES
from evenhand.service.client import Client, path_of
from evenhand.service.sending import source_of

__all__ = ["Driven", "drive"]

#: rounds in one request where nothing waits between them
MANY = 50


@final
@dataclass(frozen=True, slots=True)
class Driven:
    """The controller, its sites, the rounds that were posted, the state after them, and seconds spent."""

    name: str
    sites: tuple[str, ...]
    posted: int
    state: dict[str, Any]
    seconds: float


def drive(
    source: str, client: Client, policy: str | None, speed: float, each: Callable[[dict[str, Any]], None]
) -> Driven:
    """Create the controller, if it is not there, and post every round it has not decided; each: gets the answers.

    speed: rounds a second, inf for as fast as they are answered. Raises as `opened`, and what the server refuses.
    """
    controller, problem = opened(source, policy)
    if Path(source).suffix.lower() in SUFFIXES or Path(source).is_dir():
        sent = source_of(Path(source))
        if isinstance(problem.cost, Pooled):  # a price left out was taken from the data
            price, bend = float(problem.cost.price.flat[0]), float(problem.cost.weight.flat[0])
            sent["unserved"] = {"price": price, "curvature": bend}
        if policy is not None:
            sent["policy"] = policy
        name = str(sent["name"])
    else:
        name = source
        sent = {"name": name, "scenario": source, **({} if policy is None else {"policy": policy})}
    client.ask("POST", "/v1/controllers", sent)
    state = client.ask("GET", path_of(name, "state"))
    first = state["rounds"] + state["open"]
    seen = [{**plain(controller.sites, o), "round": k} for k, o in enumerate(observations_of(controller, problem))]
    if first > len(seen):
        raise ParameterError(f"{name!r} has decided {first} rounds, the trace has {len(seen)}: it is not of this trace")
    begun, at = time.perf_counter(), first
    while at < len(seen):
        if speed == float("inf"):
            told = client.ask("POST", path_of(name, "rounds", "batch"), {"rounds": seen[at : at + MANY]})
            for answer in told["rounds"]:
                each(answer)
            if told["error"] is not None:
                raise RefusedError(told["error"]["message"], 422, told)
            at += len(told["rounds"])
            continue
        time.sleep(max(0.0, begun + (at - first) / speed - time.perf_counter()))
        each(client.ask("POST", path_of(name, "rounds"), seen[at]))
        at += 1
    if at > first:
        client.ask("POST", path_of(name, "rounds", str(at - 1), "settle"), {})
    spent = time.perf_counter() - begun
    return Driven(name, controller.sites.names, at - first, client.ask("GET", path_of(name, "state")), spent)
