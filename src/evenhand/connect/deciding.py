"""Who decides: a controller in this process, with a state file as `evenhand next` has it, or the service by its URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, final
from urllib.parse import quote

from evenhand.connect.link import Link, Server
from evenhand.errors import ProblemError, RefusedError
from evenhand.live.next import observed_round, open_round, settle_round
from evenhand.live.observation import observe
from evenhand.live.records import Controller

__all__ = ["Decider", "Here", "There"]


class Decider(Protocol):
    """Decides rounds and remembers them."""

    def open(self) -> dict[str, Any] | None:
        """The decision that is not settled yet, None where none is."""
        ...

    def settle(self, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """Settle it as it happened: applied and burden by site, what is left out as decided."""
        ...

    def decide(self, observation: Mapping[str, Any], store: bool, /) -> dict[str, Any]:
        """Decide on what was observed; without ``store`` nothing is remembered."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Here:
    """In this process. state, ledger: the files it keeps."""

    controller: Controller
    state: Path
    ledger: Path | None = None

    def open(self) -> dict[str, Any] | None:
        """The open decision. Raises ProblemError for a file that is no state."""
        return open_round(self.state)

    def settle(self, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """Settle it. Raises as `live.next.settle_round`."""
        return settle_round(self.state, outcome, self.ledger).answer

    def decide(self, observation: Mapping[str, Any], store: bool) -> dict[str, Any]:
        """Decide. Raises as `live.next.observed_round`."""
        observed = observe(self.controller.sites, observation)
        return observed_round(self.controller, observed, self.state, self.ledger, store).answer


@final
@dataclass(frozen=True, slots=True)
class There:
    """The service at ``server``, whose controller of that name was created before."""

    link: Link
    server: Server
    name: str

    def open(self) -> dict[str, Any] | None:
        """The open decision. Raises ProblemError where the server does not know the controller."""
        state = self._ask("GET", "state")
        return state.get("last") if state.get("open") else None

    def settle(self, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """Settle it. Raises what the server refuses."""
        before = self.open()
        if before is None:
            raise ProblemError(f"{self.name!r} has no open round: another process settled it")
        return self._ask("POST", f"rounds/{before['round']}/settle", dict(outcome))

    def decide(self, observation: Mapping[str, Any], store: bool) -> dict[str, Any]:
        """Decide, by the number of the round, so that no other process decides it a second time."""
        if not store:
            return self._ask("POST", "preview", dict(observation))
        state = self._ask("GET", "state")
        return self._ask("POST", "rounds", {**observation, "round": state["rounds"] + state["open"]})

    def _ask(self, method: str, what: str, body: Any = None) -> Any:
        try:
            found = self.link.ask(self.server, method, f"v1/controllers/{quote(self.name, safe='')}/{what}", None, body)
        except RefusedError as error:
            if error.status == 404:
                raise ProblemError(
                    f"{self.name!r} is not on {self.server.url}: evenhand controller create it"
                ) from None
            raise
        if not isinstance(found, dict):
            raise ProblemError(f"{self.server.url} does not answer as evenhand does: is it the right --url?")
        return found
