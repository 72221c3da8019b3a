"""Named points of the commit path at which a test can kill the process: EVENHAND_KILL_AT=after-write, or after-write:7.

The number says at which pass. Without the variable a point costs one look at a dictionary that is empty.
"""

from __future__ import annotations

import os
import signal

__all__ = ["POINTS", "passing"]

#: in the order in which a decision passes them
POINTS = ("before-decide", "after-decide", "after-write", "before-commit", "after-commit", "before-answer")


def _armed() -> dict[str, int]:
    name, _, count = os.environ.get("EVENHAND_KILL_AT", "").partition(":")
    return {name: int(count or 1)} if name in POINTS and (count or "1").isdecimal() else {}


_LEFT = _armed()


def passing(point: str) -> None:
    """Die here, as if the power went, if a test asked for it."""
    if point in _LEFT:
        _LEFT[point] -= 1
        if _LEFT[point] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
