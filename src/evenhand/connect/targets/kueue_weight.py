"""Kueue: the fair sharing weight of one ClusterQueue a site.

Only ``spec.fairSharing.weight`` is applied, so nothing else of the queue is touched or owned. A weight is a quantity; 0
means that a queue is always last, and up to 10^-9 is refused, so a weight here is never 0: at least ``guard.least``.
Source: https://kueue.sigs.k8s.io/docs/reference/kueue.v1beta1/ (ClusterQueueSpec, FairSharing)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, final

from pydantic import ConfigDict, Field

from evenhand.connect import kueue
from evenhand.connect.apportion import MOST, Guard, guarded_weights
from evenhand.connect.link import At, Link
from evenhand.connect.records import Present, Sending

__all__ = ["KueueWeight"]

#: weights are written in thousandths
FINE = 1000


@final
@dataclass(frozen=True, slots=True)
class KueueWeight:
    """queues: site -> ClusterQueue. total: what the weights sum to, in thousandths exactly; guard: in weights."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)
    known_as: ClassVar[str] = "kueue-weight"
    server: At
    queues: Mapping[str, str]
    total: Annotated[float, Field(gt=0, le=MOST / FINE)]
    version: Literal["v1beta1", "v1beta2"] = "v1beta1"
    guard: Guard = Guard(least=0.001)
    force: bool = False

    def __post_init__(self) -> None:
        kueue.one_each(self.queues)
        if self.guard.least < 1 / FINE:
            raise ValueError("guard.least is below 0.001: a weight of 0 puts a queue behind all others for ever")
        if abs(self.total * FINE - round(self.total * FINE)) > 1e-6:
            raise ValueError("total is written in thousandths")

    def present(self, link: Link, sites: tuple[str, ...]) -> Present:
        """The weights now; 1 where none is set, as Kueue has it."""
        found = kueue.queues(link, self.server, self.version, self.queues, sites)
        weights = {site: (queue["spec"].get("fairSharing") or {}).get("weight", 1) for site, queue in found.items()}
        return Present({site: kueue.number(weight) for site, weight in weights.items()}, True, found)

    def plan(self, present: Present, action: Mapping[str, float], about: Mapping[str, Any]) -> tuple[Sending, ...]:
        """One server-side apply for every queue whose weight changes, those that gain first."""
        now = {site: value * FINE for site, value in present.values.items()}
        weights = guarded_weights(self.guard.times(FINE), action, now, round(self.total * FINE))
        if weights is None:
            return ()
        changed = sorted((s for s in weights if now[s] != weights[s]), key=lambda s: now[s] - weights[s])
        return tuple(self._apply(site, weights[site], present) for site in changed)

    def send(self, link: Link, sending: Sending) -> None:
        """Send it. Raises as `kubernetes.send`."""
        kueue.send(link, self.server, sending, "the weight of")

    def _apply(self, site: str, weight: int, present: Present) -> Sending:
        told = f"ClusterQueue {self.queues[site]}: weight {present.values[site]:g} → {weight / FINE:g}"
        spec = {"fairSharing": {"weight": kueue.quantity(weight)}}
        return kueue.apply(self.version, "evenhand-weight", present.held[site], spec, self.force, told)
