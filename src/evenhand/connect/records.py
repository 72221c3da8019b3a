"""The values that connections speak in, and what a source and a target are.

A connection is a frozen dataclass in `sources/` or `targets/`, in a package (entry points ``evenhand.sources`` and
``evenhand.targets``) or in a plugin file; its fields are the keys of the configuration, its `known_as` is the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, final

if TYPE_CHECKING:
    from evenhand.connect.link import Link

__all__ = ["Present", "Reading", "Sending", "Source", "Target"]


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """A number that was measured: at a site, None for all of them or for demand; when, None for the round's time."""

    value: float
    site: str | None = None
    at: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Present:
    """What a target holds now, by site.

    values: weights, or amounts of work; a site that it says nothing about is left out. share: they are weights, so
    only their proportions count. held: the target's own form of it, for the change that may follow.
    """

    values: Mapping[str, float]
    share: bool
    held: Any = None

    def work(self, total: float) -> dict[str, float]:
        """Amounts of work by site: the amounts themselves, or ``total`` shared by the weights."""
        if not self.share:
            return dict(self.values)
        weight = sum(self.values.values())
        return {site: total * value / weight for site, value in self.values.items()} if weight > 0 else {}


@final
@dataclass(frozen=True, slots=True)
class Sending:
    """One request, exactly as it is sent, without its token; ``told`` says what it changes in words.

    shown: the body as it may be printed, where it carries back what could be secret; None for the body.
    """

    told: str
    method: str
    to: str
    body: Any
    query: Mapping[str, str] | None = None
    form: str = "application/json"
    shown: Any = None

    @property
    def plain(self) -> dict[str, Any]:
        """The same as JSON-ready data."""
        query = {"query": dict(self.query)} if self.query else {}
        body = self.body if self.shown is None else self.shown
        return {"method": self.method, "to": self.to, **query, "content-type": self.form, "body": body}


class Source(Protocol):
    """Where a field of the observation comes from."""

    @property
    def field(self) -> str:
        """demand, capacity, linear, curvature, a kind of burden; applied, or borne.KIND for what came of it."""
        ...

    def gather(self, link: Link, sites: tuple[str, ...], now: float, /) -> list[Reading]:
        """The newest readings at time ``now`` (seconds). Raises EvenhandError where there are none to be had."""
        ...


class Target(Protocol):
    """Where a decision goes. Nothing is sent but what `plan` gives."""

    def present(self, link: Link, sites: tuple[str, ...], /) -> Present:
        """What is there now. Raises EvenhandError where that cannot be told."""
        ...

    def plan(self, present: Present, action: Mapping[str, float], about: Mapping[str, Any], /) -> tuple[Sending, ...]:
        """The requests that bring the action about, in order; none where it is there already.

        about: controller, round and time of the decision. Raises EvenhandError for an action that must not be sent.
        """
        ...

    def send(self, link: Link, sending: Sending, /) -> None:
        """Send one of them. Raises EvenhandError where it was refused."""
        ...
