"""What Prometheus reads. Counts of a controller come from its state, so that every process tells the same of it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from evenhand import __version__
from evenhand.errors import EvenhandError
from evenhand.live.controller import so_far
from evenhand.service.errors import MissingError
from evenhand.service.records import Standing

__all__ = ["Metrics"]

#: seconds; the finest around what is promised
BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_COUNTS = {
    "decided": "Rounds decided.",
    "skipped": "Rounds missed: the last action went on.",
    "held": "Rounds in which the last action was held.",
    "filled": "Rounds with a signal that was not fresh: a value seen last, or a held action, stood in.",
    "bounded": "Rounds in which a bound on moves was binding.",
    "altered": "Rounds in which another action was applied than decided.",
}


@final
class Metrics:
    """Counters of this process; several processes share them in the folder PROMETHEUS_MULTIPROC_DIR."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        more: dict[str, Any] = {"registry": self._registry, "namespace": "evenhand"}
        told = "From the arrival of a round to its answer, after the commit."
        self.seconds: Histogram = Histogram("decision_seconds", told, buckets=BUCKETS, **more)
        self.refused: Counter = Counter("refused", "Rounds refused, by kind of error.", ["controller", "kind"], **more)
        self.requests: Counter = Counter("requests", "Requests, by status.", ["status"], **more)
        self.commits: Histogram = Histogram(
            "commit_size", "Commands in one commit.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256), **more
        )

    @contextmanager
    def watched(self, controller: str) -> Generator[None]:
        """Count what is refused; a name that no controller has is not told, or names would fill the memory."""
        try:
            yield
        except MissingError:
            raise
        except EvenhandError as error:
            self.refused.labels(controller, type(error).__name__).inc()
            raise

    def render(self, standings: Iterable[Standing], streams: int, sizes: Mapping[str, int]) -> bytes:
        """The text that Prometheus reads; sizes: bytes of the database, by part."""
        shared = self._registry
        told = CollectorRegistry(auto_describe=False)
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            shared = CollectorRegistry()
            MultiProcessCollector(shared)  # pyright: ignore[reportUnknownArgumentType]
        else:  # memory, processor time, open files
            ProcessCollector(registry=told)
        told.register(_Told(list(standings), streams, sizes))
        return generate_latest(shared) + generate_latest(told)


@final
class _Told:
    """The controllers, as a collector."""

    def __init__(self, standings: list[Standing], streams: int, sizes: Mapping[str, int]) -> None:
        self._standings = standings
        self._streams = streams
        self._sizes = sizes

    def describe(self) -> list[Any]:
        """Nothing to check names against: all are below."""
        return []

    def collect(self) -> Iterator[Any]:
        """Every controller's counts, means, gap, prices, burdens."""
        one = ["controller"]
        build = GaugeMetricFamily("evenhand_build", "1, with the version that serves.", labels=["version"])
        build.add_metric([__version__], 1.0)
        yield build
        yield GaugeMetricFamily("evenhand_streams", "Open event streams.", value=self._streams)
        told = "SQLite: the file, its log, and what is free on their disk."
        size = GaugeMetricFamily("evenhand_database_bytes", told, labels=["part"])
        for part, count in self._sizes.items():
            size.add_metric([part], count)
        yield size
        for name, text in _COUNTS.items():
            family = CounterMetricFamily(f"evenhand_rounds_{name}", text, labels=one)
            for standing in self._standings:
                family.add_metric([standing.name], getattr(standing.state.counts, name))
            yield family
        open_ = GaugeMetricFamily("evenhand_open", "1 while a decided round is not settled.", labels=one)
        held = GaugeMetricFamily("evenhand_paused", "1 while the kill switch is on.", labels=one)
        seen = GaugeMetricFamily(
            "evenhand_observed_time", "Time of the newest round, seconds since 1970 or as it is counted.", labels=one
        )
        cost = GaugeMetricFamily("evenhand_cost", "Mean cost per round so far, by part.", labels=["controller", "part"])
        gap = GaugeMetricFamily("evenhand_gap", "At most so far above the best in hindsight, proved.", labels=one)
        burden = GaugeMetricFamily(
            "evenhand_burden", "Burden remembered per round.", labels=["controller", "kind", "site"]
        )
        price = GaugeMetricFamily("evenhand_price", "Price of a unit of burden.", labels=["controller", "kind", "site"])
        action = GaugeMetricFamily("evenhand_action", "Units of work decided last.", labels=["controller", "site"])
        told = "Age of the oldest reading at the newest round, by field."
        age = GaugeMetricFamily("evenhand_signal_age", told, labels=["controller", "field"])
        for standing in self._standings:
            _add(standing, open_, held, seen, cost, gap, burden, price, action, age)
        yield from (open_, held, seen, cost, gap, burden, price, action, age)


def _add(standing: Standing, *families: Any) -> None:
    open_, held, seen, cost, gap, burden, price, action, age = families
    name, state, controller = standing.name, standing.state, standing.controller
    sites, kinds = controller.sites.names, controller.sites.kinds
    entities = [(kind, site) for kind in kinds for site in sites]
    open_.add_metric([name], float(state.open))
    held.add_metric([name], float(controller.held))
    if state.time is not None:
        seen.add_metric([name], state.time)
        for field in controller.sites.fields:
            old = state.time - state.seen_at[controller.sites.part(field)]
            if (old >= 0).any():
                age.add_metric([name, field], float(old[old >= 0].max()))
    if state.last is not None:
        for site, x in zip(sites, state.last.action.tolist(), strict=True):
            action.add_metric([name, site], x)
        if state.last.price is not None:
            for (kind, site), value in zip(entities, state.last.price.tolist(), strict=True):
                price.add_metric([name, kind, site], value)
    if not state.round:
        return
    mean, bound = so_far(controller, state)
    for part, value in zip(("hitting", "switching", "fairness"), mean.tolist(), strict=True):
        cost.add_metric([name, part], value)
    if bound > 0.0:
        gap.add_metric([name], float(mean.sum()) / bound - 1.0)
    memory = controller.setting.memory
    remembered = state.burden / state.round if memory is None else memory.remembered(state.burden)
    for (kind, site), value in zip(entities, remembered.tolist(), strict=True):
        burden.add_metric([name, kind, site], value)
