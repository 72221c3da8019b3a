"""What the API takes, for its description: units and examples. `evenhand.live` checks what is sent.

Units are the operator's own: demand and capacity in units of work, costs in units of money per round, a burden in its
own unit per unit of work; a price is money per unit of burden.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from evenhand.own.config import OwnConfig

__all__ = ["Allocate", "Outcome", "PostRound", "PostRounds", "body", "schemas"]


class Reading(BaseModel):
    """A measured number, and when it was measured if not at the round's time."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    value: float | None = None
    at: str | float | None = Field(default=None, description="ISO 8601, or a number where times are numbers.")


Number = Annotated[float | None, Field(ge=-1e100, le=1e100)]
Measured = Number | Reading
Signal = Annotated[
    Measured | dict[str, Measured], Field(description="One number for all sites, or an object by site; null: missing.")
]


class Outcome(BaseModel):
    """What was applied (units of work by site) and measured (burden by kind and site); else it is as decided."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"applied": {"north": 4.5, "south": 2.5}}]}
    )
    applied: dict[str, Number] | None = None
    burden: dict[str, Number | dict[str, Number]] | None = Field(
        default=None, description="In the units of the burdens.", examples=[{"carbon": {"north": 1400}}]
    )


class PostRound(BaseModel):
    """What was observed for a round, and how to decide it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "time": "2026-05-10T04:00Z",
                    "demand": 7.0,
                    "capacity": {"north": 5, "south": 8},
                    "linear": {"north": 41, "south": {"value": 58, "at": "2026-05-10T03:55Z"}},
                    "burdens": {"carbon": {"north": 310, "south": 125}},
                }
            ]
        },
    )
    time: str | float = Field(description="Time of the round: ISO 8601, or a number where time is counted in rounds.")
    demand: Measured = Field(default=None, description="Units of work to be shared.")
    capacity: Signal = Field(default=None, description="Most a site can take, units of work.")
    linear: Signal = Field(default=None, description="Cost of a unit of work at a site, money.")
    curvature: Signal = Field(default=None, description="Cost of crowding: money per unit of work squared.")
    burdens: dict[str, Signal] | None = Field(default=None, description="By kind: burden of a unit of work at a site.")
    round: int | None = Field(default=None, ge=0, description="The number it must have; 409 where it has another.")
    key: str | None = Field(default=None, min_length=1, max_length=200, description="Your name for the request.")
    previous: Outcome | None = Field(default=None, description="What came of the round that is open, if one is.")
    missed: bool = Field(default=False, description="The round went by and the last action went on: count it so.")
    explain: bool = Field(default=True, description="Put the decision into words.")


class PostRounds(BaseModel):
    """Several rounds, in order."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    rounds: list[PostRound] = Field(min_length=1)


class Allocate(BaseModel):
    """Agents and what there is to share."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "agents": [
                        {"agent": "a", "family": "log", "weight": 2},
                        {"agent": "b", "family": "power", "gamma": 0.5},
                    ],
                    "capacity": 100,
                    "fairness": 1,
                }
            ]
        },
    )
    agents: list[dict[str, Number | str]] = Field(
        min_length=1, description="One object an agent: agent, family, its parameters, onboard, weight, lower, upper."
    )
    capacity: float | dict[str, float] = Field(description="Units of the resource; by name for several.")
    fairness: float | str = Field(default=0.0, description="0: largest sum; 1: proportional; inf: max-min.")


def body(name: str) -> dict[str, Any]:
    """Describes a body that the route reads itself."""
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def schemas() -> dict[str, Any]:
    """JSON schemas of the bodies that routes read themselves."""
    found: dict[str, Any] = {}
    for model in (PostRounds, Outcome, Allocate, OwnConfig):
        one = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= one.pop("$defs", {})
        found[model.__name__] = one
    short = [{"type": "number"}, {"type": "string", "description": "A column, measured."}, found["Signal"]]
    found["Signal"] = {"anyOf": short, "description": found["Signal"].pop("description", "")}
    return _finite(found)


def _finite(schema: Any) -> Any:
    """Infinity, which JSON does not know, as the word that a configuration reads."""
    if isinstance(schema, dict):
        return {name: _finite(part) for name, part in schema.items()}
    if isinstance(schema, list):
        return [_finite(part) for part in schema]
    return "inf" if schema == math.inf else schema
