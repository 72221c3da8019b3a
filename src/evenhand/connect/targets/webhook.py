"""An HTTP address that is sent every decision as JSON, for everything that has an API of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

from pydantic import ConfigDict

from evenhand.connect.apportion import Guard, guarded_amounts
from evenhand.connect.link import At, Link
from evenhand.connect.records import Present, Sending
from evenhand.connect.targets.file import decided
from evenhand.errors import ProblemError

__all__ = ["Webhook"]


@final
@dataclass(frozen=True, slots=True)
class Webhook:
    """POST (or PUT) of {"controller", "round", "time", "action": by site, "share": by site} to ``path`` of ``server``.

    It may come twice: round and time say which it is. reads: a path that is asked by GET and gives {"action": by site},
    what is in force; without it nothing is known of that, and every round is sent.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    known_as: ClassVar[str] = "webhook"
    server: At
    path: str = ""
    method: Literal["POST", "PUT"] = "POST"
    reads: str | None = None
    guard: Guard = Guard()

    def present(self, link: Link, sites: tuple[str, ...]) -> Present:
        """What is in force, where that can be asked."""
        if self.reads is None:
            return Present({}, False)
        found = link.ask(self.server, "GET", self.reads)
        try:
            return Present({site: float(found["action"][site]) for site in sites if site in found["action"]}, False)
        except (KeyError, TypeError, ValueError):
            raise ProblemError(f'{self.server.url}/{self.reads} gives no {{"action": by site}}') from None

    def plan(self, present: Present, action: Mapping[str, float], about: Mapping[str, Any]) -> tuple[Sending, ...]:
        """One request, where the action is another one."""
        amounts = guarded_amounts(self.guard, action, present.values, None)
        if amounts is None:
            return ()
        told = f"{self.server.url}: {', '.join(f'{site} {x:.6g}' for site, x in amounts.items())}"
        return (Sending(told, self.method, self.path, decided(amounts, about)),)

    def send(self, link: Link, sending: Sending) -> None:
        """Send it. Raises RefusedError in the server's words."""
        link.ask(self.server, sending.method, sending.to, None, sending.body)
