"""What the API takes and gives, for its description: units and examples. Requests are checked by `evenhand.live`.

Units are the operator's own: demand and capacity in units of work, costs in units of money per round, a burden in its
own unit per unit of work; a price is money per unit of burden.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from evenhand.own.config import OwnConfig

__all__ = [
    "ERRORS",
    "Allocated",
    "Certificate",
    "ControllerList",
    "Decided",
    "DecidedMany",
    "RoundPage",
    "Settled",
    "Shown",
    "State",
    "Why",
    "body",
    "schemas",
]

BySite = Annotated[dict[str, float], Field(description="By site.", examples=[{"north": 4.5, "south": 2.5}])]
ByEntity = Annotated[dict[str, float], Field(description="By entity: kind and site.")]


class Reading(BaseModel):
    """A measured number, and when it was measured if not at the round's time."""

    model_config = ConfigDict(extra="forbid")
    value: float | None = None
    at: str | float | None = Field(default=None, description="ISO 8601, or a number where times are numbers.")


Number = Annotated[float | None, Field(ge=-1e100, le=1e100)]
Measured = Number | Reading
Signal = Annotated[
    Measured | dict[str, Measured], Field(description="One number for all sites, or an object by site; null: missing.")
]


class Outcome(BaseModel):
    """What was applied (units of work by site) and measured (burden by kind and site); else it is as decided."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"applied": {"north": 4.5, "south": 2.5}}]}
    )
    applied: dict[str, Number] | None = None
    burden: dict[str, Number | dict[str, Number]] | None = Field(
        default=None, description="In the units of the burdens.", examples=[{"carbon": {"north": 1400}}]
    )


class PostRound(BaseModel):
    """What was observed for a round, and how to decide it."""

    model_config = ConfigDict(
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

    model_config = ConfigDict(extra="forbid")
    rounds: list[PostRound] = Field(min_length=1)


class Note(BaseModel):
    """Something to report: a signal that is not fresh, a bound that binds, an action that is held."""

    kind: str
    text: str
    field: str
    sites: list[str]


class Costs(BaseModel):
    """Money in this round."""

    hitting: float
    switching: float


class Means(BaseModel):
    """Money per round, averages so far."""

    hitting: float
    switching: float
    fairness: float
    total: float


class Standing(BaseModel):
    """Where a controller stands. bound: proved least mean cost of any sequence in hindsight; gap: relative, at most."""

    rounds: int
    open: bool
    counts: dict[str, int]
    action: BySite
    mean: Means | None = None
    bound: float | None = None
    gap: float | None = None


class Decided(BaseModel):
    """A decision. wanted: what the policy alone would do; price: money per unit of burden, by entity."""

    controller: str
    round: int
    time: str
    action: BySite
    held: bool
    wanted: BySite
    previous: BySite
    price: ByEntity | None
    cost: Costs
    notes: list[Note]
    why: list[str] | None = None
    so_far: Standing | None = None


class Settled(BaseModel):
    """What came of a round."""

    controller: str
    round: int
    applied: BySite
    burden: ByEntity
    cost: Costs
    mean: Means
    bound: float | None
    gap: float | None
    notes: list[Note]


class StoredRound(BaseModel):
    """A round of the ledger; times are seconds since 1970."""

    round: int
    key: str | None
    configuration: int
    decided_at: float
    decision: Decided
    settled_at: float | None
    settlement: Settled | None


class RoundPage(BaseModel):
    """Rounds in order; next: where the following page begins."""

    rounds: list[StoredRound]
    next: int | None


class State(Standing):
    """Where a controller stands, with the burden that fairness remembers per round, and the prices in force."""

    controller: str
    event: int = Field(description="Number of its newest event.")
    held: bool
    burden: ByEntity | None = None
    price: ByEntity | None = None
    last: Decided | None = None


class Certificate(BaseModel):
    """A proof. cost: means per round; how: kept up to date, or solved for these rounds."""

    model_config = ConfigDict(populate_by_name=True)
    controller: str
    start: int = Field(alias="from")
    rounds: int
    cost: Means
    bound: float | None
    gap: float | None
    how: str


class Why(BaseModel):
    """A decision explained; all in money per unit of work, price per unit of burden."""

    text: str
    price: ByEntity
    fairness_charge: BySite
    favoured: BySite
    neighbours: dict[str, dict[str, float]]
    one_more_at_site: BySite
    one_less_at_site: BySite
    one_more_of_demand: float | None
    one_more_of_capacity: BySite
    remembered_burden: ByEntity | None


class Shown(BaseModel):
    """A controller: its configuration as it was sent, and where it stands."""

    name: str
    version: int
    held: bool
    sites: list[str]
    kinds: list[str]
    entities: list[str]
    policy: str
    units: dict[str, str]
    configuration: dict[str, Any]
    rounds: int
    open: bool
    event: int


class ControllerList(BaseModel):
    """Every controller, by name."""

    controllers: list[Shown]


class Allocate(BaseModel):
    """Agents and what there is to share."""

    model_config = ConfigDict(
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


class Allocated(BaseModel):
    """The best split, its prices and the proof, as `evenhand allocate --format json` prints them."""

    model_config = ConfigDict(extra="allow")


class Told(BaseModel):
    """What is wrong and what to do, in one line; expected: what would be accepted."""

    kind: str
    message: str
    expected: dict[str, Any] | None = None


class Error(BaseModel):
    """An error."""

    error: Told


class DecidedMany(BaseModel):
    """Decisions in order; error: why the round after them was refused, null where none was."""

    rounds: list[Decided]
    error: Told | None


def _also(status: int, what: str) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Error, "description": what}}


ERRORS: dict[int | str, dict[str, Any]] = {
    **_also(401, "No token, or an unknown one."),
    **_also(403, "The token has not this right."),
    **_also(404, "No such controller or round."),
    **_also(409, "Another request stands there; expected says what is accepted."),
    **_also(413, "Too large."),
    **_also(422, "Something is wrong with the request; nothing was changed."),
    **_also(429, "Too often."),
    **_also(503, "The store is not there now: ask again."),
}


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
