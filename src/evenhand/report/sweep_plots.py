"""The Pareto figure of a sweep: operating cost (hitting + switching) against fairness cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.report.compare_plots import finish, panels, tidy
from evenhand.report.palette import looks
from evenhand.report.text import label as named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["frontier", "pareto"]

#: points dearer than this multiple of OPT are counted, not drawn
_FAR = 1.5
#: where a text may stand, in points from its point
_PLACES = ((6, 3), (6, -8), (-6, 3), (-6, -8), (0, 9), (0, -14), (14, 12), (-14, -18), (14, -18), (-14, 12))


def frontier(cost: NDArray[np.float64], fairness: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of the points (n,), (n,) that no other beats in both, by rising cost."""
    order = np.lexsort((fairness, cost))
    best = np.minimum.accumulate(np.concatenate([[np.inf], fairness[order][:-1]]))
    return order[fairness[order] < best]


def pareto(summary: pd.DataFrame, path: str | Path | None = None, *, ax: Any = None) -> Figure:
    """One panel per scenario and setting; a colour and mark per policy, its undominated points joined and labelled with
    the parameters that vary, OPT as a star.

    summary: what `Results.summary()` gives. Lines of equal total cost through OPT show what a point loses in all.
    """
    cases = [c for c in summary.columns if c == "scenario" or c.startswith("setting_")]
    found = list(summary.groupby(cases, sort=False, dropna=False))
    across = min(3, len(found)) if ax is None else len(found)
    down = -(-len(found) // across)
    figure, grid = panels(ax, 1.2 + 5.2 * across, 0.6 + 4.0 * down, down, across)
    grid = grid.reshape(-1)
    labels = [name for name in dict.fromkeys(summary["policy"]) if name != "OPT"]
    marked: list[tuple[Any, list[tuple[float, float, str]]]] = []
    for axes, (case, rows) in zip(grid, found, strict=False):
        marked.append((axes, _panel(axes, rows, labels)))
        axes.set_title(named(_title(cases, case), 80), loc="left", fontsize=10)
    for axes in grid[len(found) :]:
        axes.set_visible(False)
    grid[0].legend(frameon=False, fontsize=8)
    figure.draw_without_rendering()  # only now is known where points lie
    for axes, points in marked:
        _label(axes, points)
    return finish(figure, path)


def _title(cases: list[str], case: Any) -> str:
    scenario, *settings = case if isinstance(case, tuple) else (case,)
    told = ", ".join(
        f"{name.removeprefix('setting_')} = {value:.4g}" if isinstance(value, float) else f"{name[8:]} = {value}"
        for name, value in zip(cases[1:], settings, strict=True)
    )
    return f"{scenario}: {told}" if told else str(scenario)


def _panel(axes: Any, rows: Any, labels: list[str]) -> list[tuple[float, float, str]]:
    """Draw one case; gives every point drawn, x, y, and what is to be written at it: the undominated have a text."""
    best = rows[rows["policy"] == "OPT"].iloc[0]
    at = float(best["hitting"] + best["switching"]), float(best["fairness"])
    beyond = 0
    marked: list[tuple[float, float, str]] = []
    for label, look in looks(labels).items():
        own = rows[rows["policy"] == label]
        cost = np.asarray(own["hitting"] + own["switching"], dtype=np.float64)
        fairness = np.asarray(own["fairness"], dtype=np.float64)
        near = cost + fairness <= _FAR * sum(at) if sum(at) > 0.0 else np.ones(len(cost), dtype=bool)
        beyond += int((~near).sum())
        edge = frontier(cost, fairness)
        edge = edge[near[edge]]
        axes.plot(cost[edge], fairness[edge], color=look.colour, linewidth=1.2)
        axes.plot(cost[near], fairness[near], look.mark, color=look.colour, ms=5, label=named(label, 60), alpha=0.85)
        points = parameters(own)
        told = {int(i): points[i] for i in edge}
        marked += [(float(cost[i]), float(fairness[i]), told.get(int(i), "")) for i in np.flatnonzero(near)]
    axes.plot(*at, "*", color="black", markersize=13, label="OPT")
    _levels(axes, sum(at))
    if beyond:
        told = f"{beyond} dearer than {_FAR:g}x OPT not shown"
        axes.annotate(told, (1, 1), (0, 4), "axes fraction", textcoords="offset points", ha="right", fontsize=8)
    axes.set_xlabel("operating cost per round: hitting + switching")
    axes.set_ylabel("fairness cost per round")
    tidy(axes)
    return marked


def parameters(rows: Any) -> list[str]:
    """What tells each row from the others: ``eta=0.01, lambda2=1``, of the parameters that vary among the rows."""
    names = [c for c in rows.columns if str(c).startswith("param_")]
    varied = [c for c in names if rows[c].nunique(dropna=False) > 1]

    def said(value: Any) -> str:
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    return [
        ", ".join(f"{c.removeprefix('param_')}={said(v)}" for c, v in zip(varied, values, strict=True) if v == v)
        for values in rows[varied].itertuples(index=False, name=None)
    ]


def _label(axes: Any, marked: list[tuple[float, float, str]]) -> None:
    """Write each text beside its point, where no other text and no point stands; without room, not at all."""
    size, mark = 6.5, 3.0
    scale = axes.figure.dpi / 72.0
    points = [axes.transData.transform((x, y)) for x, y, _ in marked]
    taken = [(x - mark * scale, y - mark * scale, x + mark * scale, y + mark * scale) for x, y in points]
    for (x, y, text), (left, low) in zip(marked, points, strict=True):
        width, height = 0.55 * size * len(text) * scale, 1.15 * size * scale
        for across, up in _PLACES if text else ():
            start = left + across * scale - (width if across < 0 else width / 2 if across == 0 else 0)
            box = (start, low + up * scale, start + width, low + up * scale + height)
            if all(box[2] < b[0] or b[2] < box[0] or box[3] < b[1] or b[3] < box[1] for b in taken):
                side = "right" if across < 0 else "center" if across == 0 else "left"
                shift = {"textcoords": "offset points", "ha": side}
                axes.annotate(named(text, 40), (x, y), (across, up), fontsize=size, color="0.25", **shift)
                taken.append(box)
                break


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
