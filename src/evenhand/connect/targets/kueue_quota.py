"""Kueue: the nominal quota of one resource and flavor in one ClusterQueue a site.

The action is the quota, in the resource's own unit times ``scale``. ``spec.resourceGroups`` is atomic, so it goes back
whole, with one number changed. Queues that shrink go first, so that the sum of a cohort is never above both.
Source: https://kueue.sigs.k8s.io/docs/reference/kueue.v1beta1/ (ResourceGroup, FlavorQuotas, ResourceQuota)
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, final

from pydantic import ConfigDict, Field

from evenhand.connect import kueue
from evenhand.connect.apportion import Guard, guarded_amounts
from evenhand.connect.link import At, Link
from evenhand.connect.records import Present, Sending
from evenhand.errors import ProblemError

__all__ = ["KueueQuota"]


@final
@dataclass(frozen=True, slots=True)
class KueueQuota:
    """queues: site -> ClusterQueue. scale: units of the resource for one unit of work; step: quotas are multiples of
    it, in thousandths at the finest. guard: in units of the resource.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)
    known_as: ClassVar[str] = "kueue-quota"
    server: At
    queues: Mapping[str, str]
    resource: str
    flavor: str
    scale: Annotated[float, Field(gt=0)] = 1.0
    step: Annotated[float, Field(ge=0.001)] = 1.0
    version: Literal["v1beta1", "v1beta2"] = "v1beta1"
    guard: Guard = Guard()
    force: bool = False

    def __post_init__(self) -> None:
        kueue.one_each(self.queues)
        if abs(self.step * 1000 - round(self.step * 1000)) > 1e-6:
            raise ValueError("step is written in thousandths")

    def present(self, link: Link, sites: tuple[str, ...]) -> Present:
        """The quotas now, in units of work. Raises ProblemError where a queue has no such resource and flavor."""
        found = kueue.queues(link, self.server, self.version, self.queues, sites)
        quotas = {site: kueue.number(self._quota(queue)["nominalQuota"]) for site, queue in found.items()}
        return Present({site: value / self.scale for site, value in quotas.items()}, False, found)

    def plan(self, present: Present, action: Mapping[str, float], about: Mapping[str, Any]) -> tuple[Sending, ...]:
        """One server-side apply for every queue whose quota changes, those that shrink first."""
        wanted = {site: x * self.scale for site, x in action.items()}
        now = {site: kueue.number(self._quota(queue)["nominalQuota"]) for site, queue in present.held.items()}
        quotas = guarded_amounts(self.guard, wanted, now, self.step)
        if quotas is None:
            return ()
        fine = {site: round(value * 1000) for site, value in quotas.items()}
        changed = sorted((s for s in fine if round(now[s] * 1000) != fine[s]), key=lambda s: fine[s] / 1000 - now[s])
        return tuple(self._apply(site, fine[site], now[site], present.held[site]) for site in changed)

    def send(self, link: Link, sending: Sending) -> None:
        """Send it. Raises as `kubernetes.send`."""
        kueue.send(link, self.server, sending, "the list of resource groups of")

    def _apply(self, site: str, fine: int, now: float, queue: Mapping[str, Any]) -> Sending:
        spec = {"resourceGroups": copy.deepcopy(queue["spec"]["resourceGroups"])}
        self._quota({"spec": spec, "metadata": queue["metadata"]})["nominalQuota"] = kueue.quantity(fine)
        told = f"ClusterQueue {self.queues[site]}: {self.resource} of {self.flavor} {now:g} → {fine / 1000:g}"
        return kueue.apply(self.version, "evenhand-quota", queue, spec, self.force, told)

    def _quota(self, queue: Mapping[str, Any]) -> dict[str, Any]:
        for group in queue["spec"].get("resourceGroups") or []:
            for flavor in group["flavors"]:
                for resource in flavor["resources"] if flavor["name"] == self.flavor else ():
                    if resource["name"] == self.resource:
                        return resource
        raise ProblemError(
            f"ClusterQueue {queue['metadata']['name']} has no {self.resource!r} of flavor {self.flavor!r}: add it there"
        )
