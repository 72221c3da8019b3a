"""The state of a controller without a server: one file, written whole or not at all, one writer at a time.

A ledger beside it, where one is asked for, gets its lines first: lines that the state does not know of are those of a
run that was stopped before it answered, and the next run drops them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

from evenhand.errors import EvenhandError, ParameterError, ProblemError
from evenhand.files import regular, writing
from evenhand.live.ledger import Event, text_of
from evenhand.live.records import Controller, State
from evenhand.registry import from_plain, to_plain

__all__ = ["Kept", "alone", "read_events", "read_kept", "write_kept"]

#: seconds to wait for another writer
PATIENCE = 30.0


@final
@dataclass(frozen=True, slots=True)
class Kept:
    """What a state file holds: the controller in force, its state, and the bytes of its ledger, None without one."""

    controller: Controller
    state: State
    ledger: int | None


@contextmanager
def alone(path: Path) -> Generator[None]:
    """Hold the lock beside a state file. Raises ParameterError where another process keeps it too long."""
    from filelock import FileLock, Timeout

    if not path.parent.is_dir():
        raise ParameterError(f"folder {str(path.parent)!r} is not there: make it, or choose another --state")
    regular(path)
    lock = FileLock(f"{path}.lock", timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise ParameterError(f"{str(path)!r} is in use by another process for {PATIENCE:g} s: try again") from None
    except OSError as error:
        raise ParameterError(f"cannot lock {str(path)!r}: {error.strerror}; choose another --state") from None
    try:
        yield
    finally:
        lock.release()


def read_kept(path: Path) -> Kept | None:
    """What the file holds, None where there is none. Raises ProblemError for a file that is no state."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        kept = Kept(from_plain(data["controller"]), from_plain(data["state"]), data["ledger"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProblemError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError, EvenhandError) as error:
        told = f"{type(error).__name__}: {error}"
        raise ProblemError(
            f"{str(path)!r} is no state of a controller ({told:.80}): restore it, or move it away"
        ) from None
    if not (isinstance(kept.controller, Controller) and isinstance(kept.state, State)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ProblemError(f"{str(path)!r} is no state of a controller: restore it, or move it away")
    return kept


def write_kept(path: Path, kept: Kept, ledger: Path | None, events: Sequence[Event]) -> None:
    """Append the events to the ledger behind the ``kept.ledger`` bytes known, then replace the state file, synced."""
    size = kept.ledger
    if ledger is not None:
        size = _append(ledger, kept.ledger or 0, events)
    data = {"controller": to_plain(kept.controller), "state": to_plain(kept.state), "ledger": size}
    with writing(path, "--state") as temporary, temporary.open("w", encoding="utf-8") as file:
        json.dump(data, file, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def read_events(ledger: Path) -> Iterator[Event]:
    """The events of a ledger file, one a line. Raises ProblemError naming the line that is none."""
    try:
        with ledger.open(encoding="utf-8") as file:
            for at, line in enumerate(file, start=1):
                try:
                    event = from_plain(json.loads(line))
                except (ValueError, RecursionError, EvenhandError) as error:
                    raise ProblemError(f"{ledger.name}, line {at} is no event: {error!s:.80}") from None
                if not isinstance(event, Event):
                    raise ProblemError(f"{ledger.name}, line {at} is a {type(event).__name__}, no event")
                yield event
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"cannot read {str(ledger)!r}: {getattr(error, 'strerror', None) or error}") from None


def _append(ledger: Path, known: int, events: Sequence[Event]) -> int:
    regular(ledger)
    try:
        with ledger.open("ab") as file:
            if file.tell() < known:
                raise ProblemError(f"{ledger.name} is shorter than the state knows: they do not belong together")
            file.truncate(known)  # lines behind are of a run that was stopped before it answered
            file.seek(known)
            for event in events:
                file.write(text_of(event).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        _sync(ledger.parent)
    except OSError as error:
        raise ParameterError(f"cannot write {str(ledger)!r}: {error.strerror}; choose another --ledger") from None
    return size


def _sync(folder: Path) -> None:
    """The new name of a file is safe once its folder is; systems that cannot open a folder need no such thing."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
