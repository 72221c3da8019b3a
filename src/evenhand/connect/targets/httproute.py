"""Kubernetes Gateway API: the weights of named backends in one rule of an HTTPRoute.

Only ``backendRefs[].weight`` of the backends named is changed; everything else goes back as it was read. A weight is an
int32 from 0 to 1,000,000, 1 where it is left out; a backend gets its share of the sum of the rule's weights.
Source: https://gateway-api.sigs.k8s.io/reference/spec/ (HTTPRoute, BackendRef), gateway.networking.k8s.io/v1
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final
from urllib.parse import quote

from pydantic import ConfigDict, Field

from evenhand.connect import kubernetes
from evenhand.connect.apportion import MOST, Guard, guarded_weights
from evenhand.connect.link import At, Link
from evenhand.connect.records import Present, Sending
from evenhand.errors import ProblemError

__all__ = ["HttpRoute"]


@final
@dataclass(frozen=True, slots=True)
class HttpRoute:
    """A rule of a route, by number from 0 or by name; backends: site -> name of the backend, or name:port.

    total: what the weights of these backends sum to, by default what they sum to now; with other backends beside them
    it must be that, so that those keep their share. force: take the rules from whoever manages them.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    known_as: ClassVar[str] = "httproute"
    server: At
    name: str
    backends: Mapping[str, str]
    namespace: str = "default"
    rule: int | str = 0
    total: Annotated[int, Field(ge=1, le=MOST)] | None = None
    guard: Guard = Guard()
    force: bool = False

    def __post_init__(self) -> None:
        if len(set(self.backends.values())) < len(self.backends) or not self.backends:
            raise ValueError("backends name each site's backend, and each once")

    @property
    def _path(self) -> str:
        where = f"namespaces/{quote(self.namespace, safe='')}/httproutes/{quote(self.name, safe='')}"
        return f"apis/gateway.networking.k8s.io/v1/{where}"

    @property
    def _what(self) -> str:
        return f"HTTPRoute {self.namespace}/{self.name}"

    def present(self, link: Link, sites: tuple[str, ...]) -> Present:
        """The weights now. Raises ProblemError for a route, rule or backend that is not there, or there twice."""
        for site in sites:
            if site not in self.backends:
                raise ProblemError(f"{self._what}: {site!r} has no backend: name one for every site")
        found = kubernetes.read(link, self.server, self._path, self._what)
        refs = self._rule(found)["backendRefs"]
        return Present({site: float(refs[self._place(refs, site)].get("weight", 1)) for site in sites}, True, found)

    def plan(self, present: Present, action: Mapping[str, float], about: Mapping[str, Any]) -> tuple[Sending, ...]:
        """One server-side apply of the rules, weights of whole numbers with a constant sum; none where they stand."""
        found = present.held
        now = int(sum(present.values.values()))
        others = len(self._rule(found)["backendRefs"]) - len(action)
        if others and self.total is not None and self.total != now:
            raise ProblemError(
                f"{self._what}: total is {self.total}, the weights sum to {now}, and {others} other backends share the "
                "rule: leave total out, so that those keep their share"
            )
        weights = guarded_weights(self.guard, action, present.values, self.total or now)
        if weights is None:
            return ()
        rules = copy.deepcopy(found["spec"]["rules"])
        refs = rules[self._index(found)]["backendRefs"]
        for site, weight in weights.items():
            refs[self._place(refs, site)]["weight"] = weight
        told = (
            f"{self._what}: {', '.join(f'{self.backends[s]} {present.values[s]:g} → {w}' for s, w in weights.items())}"
        )
        return (kubernetes.apply(self._path, "evenhand", found, {"rules": rules}, self.force, told),)

    def send(self, link: Link, sending: Sending) -> None:
        """Send it. Raises as `kubernetes.send`."""
        kubernetes.send(link, self.server, sending, f"the list of rules of {self._what}")

    def _index(self, found: Mapping[str, Any]) -> int:
        rules = found["spec"].get("rules") or []
        if isinstance(self.rule, int):
            if not 0 <= self.rule < len(rules):
                raise ProblemError(f"{self._what} has {len(rules)} rules: rule {self.rule} is none of them, from 0")
            return self.rule
        named = [k for k, rule in enumerate(rules) if rule.get("name") == self.rule]
        if not named:
            raise ProblemError(f"{self._what} has no rule named {self.rule!r}: give its number, from 0")
        return named[0]

    def _rule(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        rule = found["spec"]["rules"][self._index(found)]
        if not rule.get("backendRefs"):
            raise ProblemError(f"{self._what}: rule {self.rule!r} has no backends: name another rule")
        return rule

    def _place(self, refs: list[Mapping[str, Any]], site: str) -> int:
        name, _, port = self.backends[site].partition(":")
        found = [k for k, ref in enumerate(refs) if ref["name"] == name and (not port or str(ref.get("port")) == port)]
        if len(found) != 1:
            there = ", ".join(f"{ref['name']}:{ref.get('port', '')}" for ref in refs)
            told = "is there twice: write name:port" if found else f"is none of {there}"
            raise ProblemError(f"{self._what}: backend {self.backends[site]!r} of {site!r} {told}")
        return found[0]
