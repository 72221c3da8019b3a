"""What is written down of every round: what was seen, decided, there already, sent, and in force afterwards.

One line of JSON a round; a line that was cut off by a crash is dropped, and a round that is written twice counts as the
later line has it. Nothing in it is secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, final

from evenhand.errors import ParameterError, ProblemError
from evenhand.files import regular

__all__ = ["Entry", "append", "newest", "read_entries"]


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One round.

    mode: shadow or apply. observation: as it was gathered. action, wanted: by site. present: what the first target held
    before, {"values": by site, "share": bool}, None where that could not be read. after: the same after sending, None
    in the shadow. outcome: what was measured of the round before. sent: requests that were sent, or would have been.
    told: what to report.
    """

    round: int
    time: str
    mode: str
    observation: Mapping[str, Any]
    action: Mapping[str, float]
    present: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    outcome: Mapping[str, Any]
    sent: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def append(path: Path, entry: Entry) -> None:
    """Add a line, synced. Raises ParameterError where the system refuses."""
    regular(path)
    line = json.dumps(asdict(entry), separators=(",", ":"), allow_nan=False)
    try:
        with path.open("a+b") as file:
            file.seek(0, os.SEEK_END)
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a line that was cut off
                    file.write(b"\n")
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ParameterError(f"cannot write {str(path)!r}: {error.strerror}; choose another --data") from None


def newest(path: Path) -> Entry | None:
    """The last round, None where there is none. Raises as `read_entries` for a file that is none."""
    return read_entries(path)[-1] if path.exists() and path.stat().st_size else None


def read_entries(path: Path) -> list[Entry]:
    """All rounds, in order. Raises ProblemError where there are none, or for a line that is whole and no round."""
    found: dict[int, Entry] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ProblemError(f"{str(path)!r} is not there: no round was decided yet") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from None
    for at, line in enumerate(lines, start=1):
        try:
            data = json.loads(line)
        except ValueError:
            continue
        try:
            entry = Entry(**data)
            found[entry.round] = replace(entry, sent=tuple(entry.sent), told=tuple(entry.told))
        except (TypeError, AttributeError):
            raise ProblemError(f"{path.name}, line {at} is no round: it is of another program") from None
    if not found:
        raise ProblemError(f"{str(path)!r} has no rounds: let it decide some first")
    return [found[number] for number in sorted(found)]
