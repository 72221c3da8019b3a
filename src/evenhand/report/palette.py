"""Colours, hatches and marks that tell policies, or lines, from each other, for colour-blind eyes too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from evenhand.columns import same

__all__ = ["PARTS", "Look", "looks"]

#: Tol's bright scheme: safe for colour-blind eyes
PARTS = {"hitting": "#4477aa", "switching": "#ccbb44", "fairness": "#ee6677"}
#: Tol's muted scheme, ordered so that neighbours differ in lightness too
_COLOURS = ("#332288", "#ddcc77", "#cc6677", "#44aa99", "#882255", "#88ccee", "#117733", "#aa4499", "#999933")
_HATCHES = ("", "////", "....", "xxxx")
_LINES = ("-", "--", ":", "-.")
_MARKS = "osD^vP<>X"
#: what hindsight found is no policy's colour
_HINDSIGHT = {"OPT": "#222222", "FairOPT": "#aaaaaa"}


@final
@dataclass(frozen=True, slots=True)
class Look:
    """How one of several is drawn: colour, hatch of its bars, style of its lines, mark of its points."""

    colour: str
    hatch: str
    line: str
    mark: str

    __eq__ = same


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """One look a label: nine colours, then the same with a hatch, another line and so on; OPT black, FairOPT grey."""
    found: dict[str, Look] = {}
    k = 0
    for label in labels:
        if label in _HINDSIGHT:
            found[label] = Look(_HINDSIGHT[label], "", "-", "*")
            continue
        turn = k // len(_COLOURS) % len(_HATCHES)
        found[label] = Look(_COLOURS[k % len(_COLOURS)], _HATCHES[turn], _LINES[turn], _MARKS[k % len(_MARKS)])
        k += 1
    return found
