"""One round with everything around it: read the sources, settle the last round, decide, and send or only write down.

In the shadow, which is the default, nothing is ever sent: a round is settled as decided, so that the journal holds two
histories of the same signals, evenhand's and that of whatever is in force. When it applies, a round is settled by what
the first target holds at its end (or a source measures as ``applied``), and by the burdens that sources measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from evenhand.connect.config import Connections
from evenhand.connect.deciding import Decider
from evenhand.connect.gather import Gatherer, trouble
from evenhand.connect.journal import Entry, append, newest
from evenhand.connect.link import Link
from evenhand.connect.records import Present, Sending
from evenhand.errors import EvenhandError, ProblemError

__all__ = ["Round", "one_round", "slot"]


@final
@dataclass(frozen=True, slots=True)
class Round:
    """What a round was: the decision as JSON, the requests, each with whether it was sent, and what to report.

    failed: a target could not be read, or refused.
    """

    decision: Mapping[str, Any]
    requests: tuple[tuple[Sending, bool], ...]
    told: tuple[str, ...]
    failed: bool


def slot(connections: Connections, now: float) -> float:
    """The time of the round that ``now`` falls in: multiples of ``every``; whole seconds without it."""
    step = connections.every or 1.0
    return now // step * step


def one_round(
    connections: Connections, link: Link, gatherer: Gatherer, decider: Decider, journal: Path, now: float, mode: str
) -> Round:
    """Run one round at ``now``; mode: shadow, apply, or dry (nothing is sent and nothing is written).

    A source or target that fails is reported. Raises EvenhandError only where there is no decision.
    """
    seen = gatherer.gather(now)
    told = list(seen.told)
    first = _present(connections, link, 0, told) if connections.targets else None
    before = None if mode == "dry" else decider.open()
    again = before is not None and before["time"] == seen.observation["time"]  # stopped after it had decided
    if before is not None and not again:
        decider.settle(_outcome(before, first, seen.outcome) if mode == "apply" else {})
    try:
        decision = before if before is not None and again else decider.decide(seen.observation, mode != "dry")
    except EvenhandError as error:
        raise ProblemError(f"no decision: {'; '.join([str(error), *told])}") from None
    told += [note["text"] for note in decision["notes"]]
    requests, failed = _carry_out(connections, link, first, decision, mode, told)
    after = None
    if mode == "apply" and connections.targets:
        after = _present(connections, link, 0, told) if any(sent for _, sent in requests) else first
        if after is not None and not failed:
            told += _unlike(decision, after)
    if mode != "dry":
        known = newest(journal) if again else None  # what it was decided on stays what it was
        kept = known is not None and known.round == decision["round"]
        entry = Entry(
            decision["round"],
            decision["time"],
            mode,
            known.observation if kept and known is not None else seen.observation,
            decision["action"],
            _plain(first),
            _plain(after),
            seen.outcome,
            tuple(one.told for one, sent in requests if sent or mode != "apply"),
            tuple(told),
        )
        append(journal, entry)
    return Round(decision, requests, tuple(told), failed)


def _carry_out(
    connections: Connections,
    link: Link,
    first: Present | None,
    decision: Mapping[str, Any],
    mode: str,
    told: list[str],
) -> tuple[tuple[tuple[Sending, bool], ...], bool]:
    """Plan for every target and send, when it applies; the requests, and whether something went wrong."""
    about = {name: decision[name] for name in ("controller", "round", "time")}
    requests, failed = list[tuple[Sending, bool]](), False
    for k, target in enumerate(connections.targets):
        present = first if k == 0 else _present(connections, link, k, told)
        planned: tuple[Sending, ...] = ()
        done = 0
        try:
            if present is None:
                failed = True
                continue
            planned = target.plan(present, decision["action"], about)
            for one in planned if mode == "apply" else ():
                target.send(link, one)
                done += 1
        except Exception as error:  # a target of anybody's making must not end the loop
            told.append(f"not {'sent' if mode == 'apply' else 'sendable'}: {trouble(error)}")
            failed = True
        requests += [(one, at < done) for at, one in enumerate(planned)]
    return tuple(requests), failed


def _present(connections: Connections, link: Link, k: int, told: list[str]) -> Present | None:
    try:
        return connections.targets[k].present(link, connections.controller.sites.names)
    except Exception as error:  # likewise
        told.append(f"target {k} cannot be read: {trouble(error)}")
        return None


def _outcome(before: Mapping[str, Any], first: Present | None, measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """What came of the open round: what a source measured, else what the first target says, else as decided."""
    if "applied" in measured or first is None:
        return measured
    work = first.work(sum(before["action"].values()))
    known = {site: value for site, value in work.items() if site in before["action"]}
    return {**measured, "applied": known} if known else measured


def _plain(present: Present | None) -> dict[str, Any] | None:
    return None if present is None else {"values": dict(present.values), "share": present.share}


def _unlike(decision: Mapping[str, Any], after: Present) -> list[str]:
    """Sites where what is in force now is not what was decided, beyond what whole numbers lose."""
    total = sum(decision["action"].values())
    work = after.work(total)
    off = {
        s: work[s] for s, x in decision["action"].items() if s in work and abs(work[s] - x) > 0.01 * max(total, 1e-300)
    }
    if not off:
        return []
    return [f"in force is {', '.join(f'{s} {w:.4g}' for s, w in off.items())}, and not what was decided"]
