"""Prometheus: instant and range queries, series to sites by a label.

An instant query gives its own time of evaluation, whatever the age of the sample behind it (up to the lookback, five
minutes by default). So that old samples are seen as old, ask for a range, or name a second query, ``timestamp(...)``.
Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as given
from typing import Any, ClassVar, final

from pydantic import ConfigDict

from evenhand.connect.link import At, Link
from evenhand.connect.records import Reading
from evenhand.errors import ProblemError, shown
from evenhand.own.config import Age

__all__ = ["Prometheus"]


@final
@dataclass(frozen=True, slots=True)
class Prometheus:
    """A query, whose series are sites by ``label``; without one it gives one number, for all sites or for demand.

    sites: label value -> site, where they have other names. range, step: ask for the time before now, and take the
    newest sample that is a number. timestamps: a query for the times of the samples, in seconds, with the same labels.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    known_as: ClassVar[str] = "prometheus"
    field: str
    server: At
    query: str
    label: str | None = None
    sites: Mapping[str, str] = given(default_factory=dict)
    range: Age | None = None
    step: Age | None = None
    timestamps: str | None = None

    def __post_init__(self) -> None:
        if self.range is None and self.step is not None:
            raise ValueError("step belongs to range: give both")
        if self.range is not None and self.timestamps is not None:
            raise ValueError("give range or timestamps, not both: a range has times of its own")
        if self.sites and self.label is None:
            raise ValueError("sites are told apart by a label: name it")

    def gather(self, link: Link, sites: tuple[str, ...], now: float) -> list[Reading]:
        """The newest readings. Raises EvenhandError naming the query, and the series that cannot be read."""
        values = self._asked(link, self.query, sites, now)
        if self.timestamps is None:
            return [Reading(value, site, at) for site, (at, value) in values.items()]
        times = self._asked(link, self.timestamps, sites, now)
        return [Reading(value, site, times[site][1]) for site, (_, value) in values.items() if site in times]

    def _asked(
        self, link: Link, query: str, sites: tuple[str, ...], now: float
    ) -> dict[str | None, tuple[float, float]]:
        """(time, value) by site."""
        if self.range is None:
            answer = link.ask(self.server, "GET", "api/v1/query", {"query": query, "time": repr(now)})
        else:
            step = self.range / 100 if self.step is None else self.step
            span = {"start": repr(now - self.range), "end": repr(now), "step": repr(step)}
            answer = link.ask(self.server, "GET", "api/v1/query_range", {"query": query, **span})
        out: dict[str | None, tuple[float, float]] = {}
        for labels, sample in self._series(answer, query):
            if sample is None:
                continue
            site = self._site(labels, sites)
            if self.label is not None and site not in sites:
                continue  # of somebody else
            if site in out:
                named = "" if site is None else f" for {site!r}"
                raise ProblemError(f"query {shown(query)} gives several series{named}: sum or average them in it")
            out[site] = sample
        return out

    def _series(self, answer: Any, query: str) -> list[tuple[Mapping[str, str], tuple[float, float] | None]]:
        """Labels and newest number of each series; None for a series that has none."""
        try:
            kind, result = answer["data"]["resultType"], answer["data"]["result"]
            if kind == "scalar":
                return [({}, _number([result]))]
            if kind == "vector":
                return [(one["metric"], _number([one["value"]])) for one in result]
            if kind == "matrix":
                return [(one["metric"], _number(one["values"])) for one in result]
        except (KeyError, TypeError, ValueError, IndexError):
            raise ProblemError(f"query {shown(query)} gives no plain numbers: is it a histogram?") from None
        raise ProblemError(f"query {shown(query)} gives a {kind}: ask for numbers")

    def _site(self, labels: Mapping[str, str], sites: tuple[str, ...]) -> str | None:
        if self.label is None:
            return None
        name = labels.get(self.label, "")
        return self.sites.get(name, name if not self.sites else "")


def _number(samples: list[Any]) -> tuple[float, float] | None:
    """The newest sample that is a number."""
    for at, text in reversed(samples):
        value = float(text)
        if math.isfinite(value):
            return float(at), value
    return None
