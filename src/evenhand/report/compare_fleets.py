"""Allocators side by side, as text and as files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evenhand.one_shot import SplitComparison
from evenhand.report.compare import write_files
from evenhand.report.text import add, cell, plain, table

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["as_markdown", "as_terminal", "gains_in_words", "write_splits"]

_HEAD = ("allocator", "sum of utilities", "ratio", "least advantaged", "ours as good", "proved", "as published")


def _cells(comparison: SplitComparison, group: str) -> list[tuple[str, ...]]:
    return [
        (
            row.allocator,
            f"{row.utility:.4f}",
            f"{row.ratio:.4f}",
            f"{row.least:.4f}",
            f"{100 * row.reference_wins:.1f} %",
            f"{100 * row.certified:.1f} %",
            "" if math.isnan(row.swapped) else f"{row.swapped:.4f}",
        )
        for row in comparison.rows
        if row.group == group
    ]


def _sizes(comparison: SplitComparison) -> dict[str, int]:
    return {row.group: row.cases for row in comparison.rows}


def as_terminal(comparison: SplitComparison) -> Table:
    """A Rich table: means over the cases of each group, the ratio to ours, shares of cases."""
    shown = table(f"{comparison.name}: one-shot splits, means over cases", _HEAD)
    for group, cases in _sizes(comparison).items():
        add(shown, (f"{plain(group, 40)} ({cases} cases)", *([""] * (len(_HEAD) - 1))), "bold")
        for cells in _cells(comparison, group):
            add(shown, (f"  {cells[0]}", *cells[1:]), "cyan" if cells[0] == comparison.reference else "")
        shown.add_section()
    return shown


def as_markdown(comparison: SplitComparison) -> str:
    """A Markdown table a group."""
    lines: list[str] = []
    for group, cases in _sizes(comparison).items():
        lines += [f"**{cell(group)}** ({cases} cases)", "", f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}"]
        lines += [f"| {' | '.join(map(cell, cells))} |" for cells in _cells(comparison, group)] + [""]
    return "\n".join(lines + [f"{text}\n" for text in gains_in_words(comparison)])


def gains_in_words(comparison: SplitComparison) -> list[str]:
    """The gain over uniform by group, also as the published evaluation would have it, and the price of the sum."""
    told: list[str] = []
    labels = np.array(comparison.groups)
    for gain in comparison.gains():
        text = (
            f"{gain.group}: ours gains {_percent(gain.mean)} over uniform in the mean sum of utilities "
            f"(case by case: median {_percent(gain.median)}, largest {_percent(gain.largest)})"
        )
        if not math.isnan(gain.published):
            text += f"; with the exponents of uniform swapped, as published, it would read {_percent(gain.published)}"
        if "single_pass" in comparison.sums:
            mine = labels == gain.group
            worse = np.mean(comparison.sums["single_pass"][mine] < comparison.sums["uniform"][mine] * (1.0 - 1e-9))
            if worse > 0.0:
                text += f"; single_pass is worse than uniform in {100 * float(worse):.1f} % of the cases"
        told.append(text + ".")
        least = {row.allocator: row.least for row in comparison.rows if row.group == gain.group}
        if least[comparison.reference] < 0.9 * least["uniform"]:
            told.append(
                f"  The least advantaged agent pays for it: {least[comparison.reference]:.4f} under ours, "
                f"{least['uniform']:.4f} under uniform; a fairness level above 0 (--set fairness=1) shares the gain."
            )
    return told


def _percent(part: float) -> str:
    return f"{100 * part:+.1f} %"


def write_splits(comparison: SplitComparison, folder: Path) -> list[Path]:
    """Write comparison.csv, comparison.md, cases.csv (every case) and utility_by_allocator.png; the paths."""
    from evenhand.report import allocate_plots as plots

    frame = comparison.to_frame()
    return write_files(
        folder,
        {
            "comparison.csv": lambda p: frame.to_csv(p, index=False),
            "comparison.md": lambda p: p.write_text(as_markdown(comparison), encoding="utf-8"),
            "cases.csv": lambda p: comparison.cases_frame().to_csv(p, index=False),
            "utility_by_allocator.png": lambda p: plots.splits(comparison, p),
        },
    )
