"""Medians of repeated calls, after a warm-up."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of the speed table: what was measured, the figure, the target, and whether it is met."""

    what: str
    measured: str
    target: str
    met: bool


def seconds(call: Callable[[], Any], repeats: int = 7, at_least: float = 0.05) -> float:
    """Median seconds of one call; fast calls are looped so that each repeat lasts ``at_least`` seconds."""
    call()
    start = time.perf_counter()
    call()
    once = max(time.perf_counter() - start, 1e-9)
    loops = max(1, round(at_least / once))
    samples: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(loops):
            call()
        samples.append((time.perf_counter() - start) / loops)
    return statistics.median(samples)


def process_seconds(
    command: list[str], repeats: int = 5, env: dict[str, str] | None = None, cwd: str | None = None
) -> float:
    """Median wall seconds of a whole process."""
    samples: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, cwd=cwd)
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def show(value: float) -> str:
    """Seconds in a unit that reads well."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def at_most(what: str, value: float, limit: float) -> Row:
    """A time and its upper target, both in seconds."""
    return Row(what, show(value), f"<= {show(limit)}", value <= limit)


def at_least(what: str, ratio: float, limit: float) -> Row:
    """A speed-up and its lower target."""
    return Row(what, f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.2f}x", f">= {limit:g}x", ratio >= limit)
