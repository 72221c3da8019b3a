"""What the API gives, for its description; units as in `requests.py`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "ERRORS",
    "Allocated",
    "Certificate",
    "ControllerList",
    "Decided",
    "DecidedMany",
    "Overview",
    "RoundPage",
    "Series",
    "Settled",
    "Shown",
    "State",
    "Why",
]

BySite = Annotated[dict[str, float], Field(description="By site.", examples=[{"north": 4.5, "south": 2.5}])]
ByEntity = Annotated[dict[str, float], Field(description="By entity: kind and site.")]


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
    bound: float
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
    fair: ByEntity | None = Field(None, description="The level of burden that fairness compares each entity with.")
    fair_is: dict[str, str] = Field(description="What the level of each kind is: even (their mean), target or quota.")
    memory: str = Field(description="What fairness remembers, in words.")
    last: Decided | None = None


class Certificate(BaseModel):
    """A proof. cost: means per round; how: kept up to date, or solved for these rounds."""

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True)
    controller: str
    start: int = Field(alias="from")
    rounds: int
    cost: Means
    bound: float
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


class Watched(BaseModel):
    """A controller at a glance. at: when its newest event was stored, seconds since 1970; time: of its last round.

    holding: its last decision held the action before, for whatever reason; notes: the kinds of what it reported.
    """

    name: str
    held: bool
    holding: bool
    rounds: int
    open: bool
    event: int
    at: float
    time: str | None
    cost: float | None
    gap: float | None
    notes: list[str]


class Overview(BaseModel):
    """Every controller at a glance, by name; now: the server's clock, seconds since 1970."""

    now: float
    controllers: list[Watched]


Column = list[float | None]
ColumnBySite = Annotated[dict[str, Column], Field(description="By site, one number a round.")]
ColumnByEntity = Annotated[dict[str, Column], Field(description="By entity, one number a round.")]


class Parts(BaseModel):
    """Money per round, averages up to each round."""

    hitting: Column
    switching: Column
    fairness: Column


class Series(BaseModel):
    """Rounds as columns, to be drawn: six digits of each number. All columns are as long as `round`.

    stride: one round of every so many is told. applied: null where it is as decided. hitting, switching: money in
    the round. mean, bound, gap: up to the round. burden: remembered when it was decided, per round.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True)
    controller: str
    event: int
    rounds: int
    stride: int
    round: list[int]
    time: list[str]
    decided_at: list[float]
    settled: list[bool]
    held: list[bool]
    notes: list[list[str]]
    action: ColumnBySite
    applied: ColumnBySite
    hitting: Column
    switching: Column
    mean: Parts
    bound: Column
    gap: Column
    price: ColumnByEntity | None
    burden: ColumnByEntity


class Allocated(BaseModel):
    """The best split, its prices and the proof, as `evenhand allocate --format json` prints them."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


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
