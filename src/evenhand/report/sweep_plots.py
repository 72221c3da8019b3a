"""The Pareto figure of a sweep: operating cost (hitting + switching) against fairness cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.report.compare_plots import figure_of, finish, tidy
from evenhand.report.text import label as named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["frontier", "pareto"]

#: points dearer than this multiple of OPT are counted, not drawn
_FAR = 1.5
_MARKS = "osD^vP<>"
#: Tol's bright scheme without grey: safe for colour-blind eyes
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")


def frontier(cost: NDArray[np.float64], fairness: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of the points (n,), (n,) that no other beats in both, by rising cost."""
    order = np.lexsort((fairness, cost))
    best = np.minimum.accumulate(np.concatenate([[np.inf], fairness[order][:-1]]))
    return order[fairness[order] < best]


def pareto(summary: pd.DataFrame, path: str | Path | None = None) -> Figure:
    """One panel per scenario and setting; a colour per policy, its undominated points joined, OPT as a star.

    summary: what `Results.summary()` gives. Lines of equal total cost through OPT show what a point loses in all.
    """
    cases = [c for c in summary.columns if c == "scenario" or c.startswith("setting_")]
    panels = list(summary.groupby(cases, sort=False, dropna=False))
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    figure = figure_of(1.2 + 5.2 * across, 0.6 + 4.0 * down)
    grid = figure.subplots(down, across, squeeze=False).reshape(-1)
    labels = [name for name in dict.fromkeys(summary["policy"]) if name != "OPT"]
    for axes, (case, rows) in zip(grid, panels, strict=False):
        _panel(axes, rows, labels)
        axes.set_title(named(_title(cases, case), 80), loc="left", fontsize=10)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    grid[0].legend(frameon=False, fontsize=8)
    return finish(figure, path)


def _title(cases: list[str], case: Any) -> str:
    scenario, *settings = case if isinstance(case, tuple) else (case,)
    told = ", ".join(
        f"{name.removeprefix('setting_')} = {value:.4g}" if isinstance(value, float) else f"{name[8:]} = {value}"
        for name, value in zip(cases[1:], settings, strict=True)
    )
    return f"{scenario}: {told}" if told else str(scenario)


def _panel(axes: Any, rows: pd.DataFrame, labels: list[str]) -> None:
    best = rows[rows["policy"] == "OPT"].iloc[0]
    at = float(best["hitting"] + best["switching"]), float(best["fairness"])
    beyond = 0
    for k, label in enumerate(labels):
        own = rows[rows["policy"] == label]
        cost = np.asarray(own["hitting"] + own["switching"], dtype=np.float64)
        fairness = np.asarray(own["fairness"], dtype=np.float64)
        colour = _COLOURS[k % len(_COLOURS)]
        near = cost + fairness <= _FAR * sum(at) if sum(at) > 0.0 else np.ones(len(cost), dtype=bool)
        beyond += int((~near).sum())
        edge = frontier(cost, fairness)
        edge = edge[near[edge]]
        axes.plot(cost[edge], fairness[edge], color=colour, linewidth=1.2)
        axes.plot(
            cost[near], fairness[near], _MARKS[k % len(_MARKS)], color=colour, ms=5, label=named(label, 60), alpha=0.85
        )
    axes.plot(*at, "*", color="black", markersize=13, label="OPT")
    _levels(axes, sum(at))
    if beyond:
        told = f"{beyond} dearer than {_FAR:g}x OPT not shown"
        axes.annotate(told, (1, 1), (0, 4), "axes fraction", textcoords="offset points", ha="right", fontsize=8)
    axes.set_xlabel("operating cost per round: hitting + switching")
    axes.set_ylabel("fairness cost per round")
    tidy(axes)


def _levels(axes: Any, total: float) -> None:
    """Dotted lines of equal total cost: OPT's, and multiples of it."""
    low, high = axes.get_xlim()
    floor, ceiling = axes.get_ylim()
    span = np.array([low, high])
    for factor in (1.0, 1.05, 1.2):
        level = factor * total
        axes.plot(span, level - span, color="0.75", linewidth=0.8, linestyle=":", zorder=0)
        right = min(level - floor, high)
        where = (right, max(level - right, floor))
        if low < right and where[1] <= ceiling:
            text = f"{factor:g}x"
            axes.annotate(text, where, (-3, 5), textcoords="offset points", fontsize=7, color="0.45", ha="right")
    axes.set_xlim(low, high)
    axes.set_ylim(floor, ceiling)
