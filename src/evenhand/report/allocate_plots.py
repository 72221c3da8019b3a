"""Figures of one-shot allocation: shares and marginal utilities, the fairness sweep, fitted curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evenhand.report.compare_plots import finish, panels, tidy
from evenhand.report.text import label as named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evenhand.allocation.answer import Allocation
    from evenhand.allocation.fitting import Fit
    from evenhand.allocation.substitutable.answer import JobsAllocation
    from evenhand.one_shot import SplitComparison

__all__ = ["allocation", "fairness_sweep", "fits", "splits"]

#: Tol's bright scheme, safe for colour-blind eyes
BLUE, RED, GREEN, GREY = "#4477aa", "#ee6677", "#228833", "#bbbbbb"
#: fleets up to this size have a bar and a name an agent, larger ones a curve over agents sorted by share
BARS = 40


def allocation(answer: Allocation | JobsAllocation, path: str | Path | None = None, *, ax: Any = None) -> Figure:
    """Shares above, weighted marginal utilities below with the price as a line; a column of panels a resource."""
    fleet = answer.fleet
    n, k = fleet.n, fleet.k
    x, marginal = (np.asarray(a, dtype=np.float64).reshape(n, k) for a in (answer.x, answer.marginal))
    onboard = np.asarray(fleet.onboard)
    onboard = onboard.reshape(n, k) if onboard.size == x.size else np.zeros(x.shape)  # jobs: no resource, but speed
    few = n <= BARS
    width = max(5.0, 2.0 + 0.28 * n) if few else 6.0
    figure, grid = panels(ax, min(width * k, 16.0), 6.0, 2, k, sharex=few)
    names = tuple(named(name) for name in (range(n) if fleet.names is None else fleet.names))
    for j, resource in enumerate(fleet.resources):
        top, bottom = grid[0, j], grid[1, j]
        if few:
            _bars(top, bottom, x[:, j], onboard[:, j], marginal[:, j], names)
        else:
            _curves(top, bottom, x[:, j], marginal[:, j])
        top.set_ylabel(named(resource))
        bottom.set_ylabel("weighted marginal utility")
        price = float(answer.prices[j])
        if np.isfinite(price):
            bottom.axhline(price, color=RED, linewidth=1.2, label=f"price {price:.4g}")
            bottom.legend(frameon=False, fontsize=8)
        tidy(top)
        tidy(bottom)
    level = "max-min" if answer.level == np.inf else f"fairness level {answer.level:g}"
    grid[0, 0].set_title(f"who gets how much ({level})", loc="left", fontsize=11)
    grid[1, 0].set_title("what one more unit is worth to each", loc="left", fontsize=11)
    return finish(figure, path)


def _bars(top: Any, bottom: Any, x: Any, onboard: Any, marginal: Any, names: Any) -> None:
    at = np.arange(x.size)
    if np.any(onboard > 0.0):
        top.bar(at, onboard, 0.7, color=GREY, label="on board already")
    top.bar(at, x, 0.7, bottom=onboard, color=BLUE, label="share")
    if np.any(onboard > 0.0):
        top.legend(frameon=False, fontsize=8)
    bottom.plot(at, np.where(np.isfinite(marginal), marginal, np.nan), "o", color=BLUE, markersize=5)
    _scale(bottom, marginal)
    bottom.set_xticks(at, names, rotation=0 if max(map(len, names)) * x.size < 70 else 90, fontsize=8)


def _curves(top: Any, bottom: Any, x: Any, marginal: Any) -> None:
    order = np.argsort(x, kind="stable")
    at = (np.arange(x.size) + 0.5) / x.size
    pick = np.unique(np.linspace(0, x.size - 1, 2000).astype(np.int64))
    top.plot(at[pick], x[order][pick], color=BLUE)
    top.fill_between(at[pick], 0.0, x[order][pick], color=BLUE, alpha=0.25, linewidth=0)
    bottom.plot(at[pick], marginal[order][pick], ".", color=BLUE, markersize=2, rasterized=True)
    _scale(bottom, marginal)
    for axes in (top, bottom):
        axes.set_xlim(0.0, 1.0)
    bottom.set_xlabel("agents, from the smallest to the largest share")


def _scale(axes: Any, marginal: Any) -> None:
    """Logarithmic (over eight decades at most) where marginals span more than a factor of 20, else from zero."""
    seen = marginal[np.isfinite(marginal) & (marginal > 0.0)]
    if seen.size and seen.max() > 20.0 * seen.min():
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(float(seen.min()) / 2.0, 1e-8 * float(seen.max())))
    else:
        axes.set_ylim(0.0, 1.25 * float(seen.max()) if seen.size else 1.0)


def fairness_sweep(frame: pd.DataFrame, path: str | Path | None = None, *, ax: Any = None) -> Figure:
    """Least, mean and most advantaged agent over the fairness level; hollow points are answers not certified."""
    figure, grid = panels(ax, 6.4, 4.2)
    axes = grid[0, 0]
    at = np.arange(len(frame))
    proved = (frame["status"] == "certified").to_numpy()
    for name, colour, marker in (("most", GREEN, "^"), ("mean", BLUE, "o"), ("least", RED, "v")):
        values = frame[name].to_numpy(dtype=np.float64)
        axes.plot(at, values, color=colour, linewidth=1.6)
        axes.plot(at[proved], values[proved], marker, color=colour, markersize=7)
        axes.plot(at[~proved], values[~proved], marker, color=colour, markersize=7, markerfacecolor="white")
        axes.annotate(name, (at[-1], values[-1]), (8, 0), textcoords="offset points", va="center", color=colour)
    low, high = float(np.min(frame["least"].to_numpy())), float(np.max(frame["most"].to_numpy()))
    if low > 0.0 and high > 30.0 * low:
        axes.set_yscale("log")
    axes.set_xticks(at, [f"{level:g}" for level in frame["level"]])
    axes.set_xlim(-0.3, len(frame) - 0.4)
    axes.set_xlabel("fairness level (0: largest sum, 1: proportional, higher: towards max-min)")
    axes.set_ylabel(str(frame["of"].iloc[0]))
    hollow = "" if proved.all() else " (hollow: bounded or local, not certified)"
    axes.set_title(f"what fairness costs and gives{hollow}", loc="left", fontsize=11)
    tidy(axes)
    return finish(figure, path)


def fits(
    curves: Mapping[str, Fit], points: Mapping[str, tuple[Any, Any]], path: str | Path | None = None, *, ax: Any = None
) -> Figure:
    """Measured points and fitted curves, a panel a group; the curve is dashed where it extrapolates.

    points: (resource, value) by group.
    """
    names = list(curves)
    columns = min(3, len(names)) if ax is None else len(names)
    rows = -(-len(names) // columns)
    figure, grid = panels(ax, 3.6 * columns + 0.6, 2.8 * rows + 0.4, rows, columns)
    for axes in grid.reshape(-1)[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(grid.reshape(-1), names, strict=False):
        curve, (r, y) = curves[name], points[name]
        axes.plot(r, y, "o", color=BLUE, markersize=4)
        span = curve.high - curve.low
        for low, high, style in ((curve.low, curve.high, "-"), (curve.high, curve.high + 0.25 * span, "--")):
            grid_r = np.linspace(low, high, 200)
            axes.plot(grid_r, _curve(curve, grid_r), style, color=RED, linewidth=1.4)
        axes.set_title(f"{named(name)}\n{curve.family}, R² {curve.r2:.3f}", loc="left", fontsize=9)
        tidy(axes)
    if ax is None:
        figure.supxlabel("resource (dashed: beyond the measured points)", fontsize=9)
        figure.supylabel("value", fontsize=9)
    return finish(figure, path)


def _curve(curve: Fit, r: Any) -> Any:
    from evenhand.allocation.fitting import FAMILIES

    return FAMILIES[curve.family].model(r, np.array(list(curve.parameters.values())))


def splits(comparison: SplitComparison, path: str | Path | None = None, *, ax: Any = None) -> Figure:
    """Mean sum of utilities relative to ours (above), the least advantaged agent's mean utility (below), by group."""
    groups, best = list(dict.fromkeys(row.group for row in comparison.rows)), comparison.reference
    figure, grid = panels(ax, 2.0 + 3.1 * len(groups), 5.6, 2, len(groups))
    for column, group in enumerate(groups):
        rows = [row for row in comparison.rows if row.group == group][::-1]
        at = np.arange(len(rows))
        colours = [BLUE if row.allocator == best else GREY for row in rows]
        measures = (
            (
                [row.ratio for row in rows],
                f"{named(group, 60)} ({rows[0].cases})",
                f"sum of utilities, {named(comparison.reference)} = 1",
            ),
            ([row.least for row in rows], "", "utility of the least advantaged"),
        )
        for axes, (values, title, label) in zip(grid[:, column], measures, strict=True):
            axes.barh(at, values, 0.66, color=colours)
            axes.set_yticks(
                at, [named(row.allocator, 60) for row in rows] if column == 0 else [""] * len(rows), fontsize=8
            )
            for y, value in zip(at, values, strict=True):
                axes.annotate(f"{value:.4g}", (value, y), (3, 0), textcoords="offset points", va="center", fontsize=7)
            axes.set_xlim(0.0, 1.18 * max(values))
            axes.set_xlabel(label, fontsize=8)
            axes.set_title(title, loc="left", fontsize=9)
            tidy(axes)
    return finish(figure, path)
