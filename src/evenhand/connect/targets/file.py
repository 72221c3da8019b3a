"""A file of JSON, written whole or not at all, for everything that reads its own configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from pydantic import ConfigDict

from evenhand.connect.apportion import Guard, guarded_amounts
from evenhand.connect.link import Link
from evenhand.connect.records import Present, Sending
from evenhand.errors import ProblemError
from evenhand.files import writing

__all__ = ["File"]


@final
@dataclass(frozen=True, slots=True)
class File:
    """{"controller", "round", "time", "action": by site, "share": by site}. guard: in units of work."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    known_as: ClassVar[str] = "file"
    path: str
    guard: Guard = Guard()

    def present(self, link: Link, sites: tuple[str, ...]) -> Present:
        """What the file says; nothing where there is none yet. Raises ProblemError for a file of somebody else."""
        path = link.file(self.path)
        try:
            action = json.loads(path.read_text(encoding="utf-8"))["action"]
            return Present({site: float(action[site]) for site in sites if site in action}, False)
        except FileNotFoundError:
            return Present({}, False)
        except OSError as error:
            raise ProblemError(f"cannot read {str(path)!r}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise ProblemError(
                f"{str(path)!r} holds no action of evenhand: name another file, or move it away"
            ) from None

    def plan(self, present: Present, action: Mapping[str, float], about: Mapping[str, Any]) -> tuple[Sending, ...]:
        """The file anew, where the action is another one."""
        amounts = guarded_amounts(self.guard, action, present.values, None)
        if amounts is None:
            return ()
        told = f"{self.path}: {', '.join(f'{site} {x:.6g}' for site, x in amounts.items())}"
        return (Sending(told, "WRITE", self.path, decided(amounts, about)),)

    def send(self, link: Link, sending: Sending) -> None:
        """Write it. Raises ParameterError where the system refuses."""
        with writing(link.file(self.path)) as temporary:
            temporary.write_text(json.dumps(sending.body, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def decided(amounts: Mapping[str, float], about: Mapping[str, Any]) -> dict[str, Any]:
    """A decision for others: what it is about, amounts of work, and shares that sum to 1 (none where all are 0)."""
    total = sum(amounts.values())
    share = {site: x / total for site, x in amounts.items()} if total > 0 else {}
    return {**about, "action": dict(amounts), "share": share}
