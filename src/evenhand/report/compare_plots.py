"""Figures, drawn without a display; each function gives the Matplotlib figure and saves it where a path is given.

With ``ax`` it draws into axes of the caller's: one, or a sequence of as many as the figure has panels, row by row.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evenhand.errors import ParameterError, expect
from evenhand.files import figure_for, writing
from evenhand.report.kinds import Kind, kinds_in, with_unit
from evenhand.report.palette import PARTS, looks
from evenhand.report.text import label as named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evenhand.experiment import Comparison
    from evenhand.trajectory import Trajectory

__all__ = ["burden_by_site", "cost_by_policy", "figure_of", "finish", "panels", "tidy", "trajectory"]


def figure_of(width: float, height: float) -> Figure:
    """An empty figure of so many inches, without a display."""
    _settle()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _settle() -> None:
    """Let Matplotlib keep its list of fonts among the user's temporary files where there is no home to write in."""
    home = os.path.expanduser("~")
    if "matplotlib" in sys.modules or "MPLCONFIGDIR" in os.environ or os.access(home, os.W_OK):
        return
    from evenhand.kernels.cache import private

    folder = private()
    if folder is not None:
        os.environ["MPLCONFIGDIR"] = str(folder / "matplotlib")


def finish(figure: Figure, path: str | Path | None) -> Figure:
    """Save the figure where a path is given, whole or not at all, in a folder made if need be.

    A letter that the font does not have is drawn as a box, without a word. Raises ParameterError for a suffix that
    no figure has, or where the system refuses.
    """
    if path is not None:
        with writing(figure_for(Path(path))) as temporary, warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"(?s).*(Glyph|missing from)", UserWarning)
            figure.savefig(temporary)
    return figure


def panels(ax: Any, width: float, height: float, rows: int = 1, columns: int = 1, **shared: Any) -> tuple[Figure, Any]:
    """A new figure of so many inches and its axes (rows, columns); or the caller's axes and their figure.

    Raises ParameterError where ``ax`` holds another number of axes, or something else.
    """
    if ax is None:
        figure = figure_of(width, height)
        return figure, figure.subplots(rows, columns, squeeze=False, **shared)
    from matplotlib.axes import Axes

    given = np.array(ax, dtype=object).reshape(-1)
    for one in given:
        expect("ax", one, Axes, "axes of Matplotlib, or a sequence of them")
    if given.size != rows * columns:
        raise ParameterError(f"ax has {given.size} axes: this figure has {rows * columns} panels, give as many")
    return given[0].get_figure(root=True), given.reshape(rows, columns)


def tidy(axes: Any) -> None:
    """No frame above and to the right."""
    axes.spines[["top", "right"]].set_visible(False)


def cost_by_policy(comparison: Comparison, path: str | Path | None = None, *, ax: Any = None) -> Figure:
    """Hitting, switching and fairness cost stacked, one bar per policy, with its ratio to OPT above it."""
    rows = comparison.rows
    figure, grid = panels(ax, 1.8 + 1.15 * len(rows), 4.6)
    axes = grid[0, 0]
    at = np.arange(len(rows))
    floor = np.zeros(len(rows))
    for part, colour in PARTS.items():
        height = np.array([getattr(row, part) for row in rows])
        axes.bar(at, height, 0.66, bottom=floor, label=part, color=colour)
        floor += height
    for x, row in zip(at, rows, strict=True):
        axes.annotate(
            f"{row.total:.1f}\n{row.ratio:.3f}x" if np.isfinite(row.ratio) else f"{row.total:.1f}",
            (x, row.total),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.set_xticks(at, [named(row.policy, 60).replace("(", "\n(") for row in rows], fontsize=8)
    axes.set_ylim(0, 1.16 * max(row.total for row in rows))
    axes.set_ylabel(with_unit("mean cost per round", _units(comparison), "cost"))
    axes.set_title(
        f"{named(comparison.episodes.name)}: what each policy pays (total and ratio to OPT)", loc="left", fontsize=11
    )
    axes.legend(frameon=False, ncols=3, loc="upper right", fontsize=8)
    tidy(axes)
    return finish(figure, path)


def _units(comparison: Comparison) -> Mapping[str, str]:
    """Units of ``cost`` and of each kind of burden, where the scenario tells them."""
    return getattr(comparison.episodes.scenario, "units", {})


def burden_by_site(comparison: Comparison, path: str | Path | None = None, *, ax: Any = None) -> Figure:
    """Mean burden of every entity under every policy, a panel for each kind of burden, in its unit: who carries the
    cost, the worst one of each kind marked.
    """
    runs = comparison.trajectories
    kinds = kinds_in(comparison.episodes.problem.setting)
    widest = max(len(kind.entities) for kind in kinds)
    width = min(max(8.0, 1.8 + 0.14 * widest * max(len(runs), 3)), 18.0)
    figure, grid = panels(ax, width, 1.2 + 3.2 * len(kinds), len(kinds))
    grid = grid[:, 0]
    means = {label: run.mean_burden.reshape(-1, run.mean_burden.shape[-1]).mean(axis=0) for label, run in runs.items()}
    for axes, kind in zip(grid, kinds, strict=True):
        _bars(axes, kind, {label: mean[kind.at] for label, mean in means.items()})
        axes.set_ylabel(with_unit(f"mean {named(kind.name)} per round", _units(comparison), kind.name))
    grid[0].set_title(
        f"{named(comparison.episodes.name)}: who carries the burden (triangle: worst under that policy)",
        loc="left",
        fontsize=11,
    )
    handles, labels = grid[0].get_legend_handles_labels()
    if ax is None:
        figure.legend(handles, labels, frameon=False, fontsize=8, ncols=min(len(labels), 4), loc="outside lower center")
    else:
        grid[0].legend(frameon=False, fontsize=8)
    return finish(figure, path)


def _bars(axes: Any, kind: Kind, means: Mapping[str, Any]) -> None:
    """Bars of each entity side by side, one for each policy, and a triangle over the worst of each policy."""
    width = 0.84 / len(means)
    for k, (label, look) in enumerate(looks(list(means)).items()):
        mean = means[label]
        at = np.arange(len(mean)) + (k - (len(means) - 1) / 2) * width
        axes.bar(
            at, mean, width, label=named(label, 60), color=look.colour, hatch=look.hatch, edgecolor="white", lw=0.3
        )
        worst = int(np.argmax(mean))
        axes.plot(at[worst], mean[worst], marker="v", color="#ee6677", markersize=5, clip_on=False)
    longest = max(len(name) for name in kind.entities)
    turned = len(kind.entities) * longest > 110
    axes.set_xticks(np.arange(len(kind.entities)), [named(e) for e in kind.entities], fontsize=8)
    if turned:
        axes.tick_params(axis="x", labelrotation=35)
    tidy(axes)


#: more lines than these are drawn without names
_NAMED = 40


def trajectory(run: Trajectory, path: str | Path | None = None, *, ax: Any = None) -> Figure:
    """Actions, price and mean burden so far of one episode over its rounds, a panel for each kind of burden; with a
    memory the burden remembered, and its level, g of it. Every line is named beside the first panel that has it.
    """
    if run.actions.ndim != 2:
        raise ParameterError(
            f"plot draws one episode, this run has leading axes {run.actions.shape[:-2]}: use run.episode(0).plot()"
        )
    setting = run.problem.setting
    rounds = np.arange(run.problem.horizon)
    kinds = kinds_in(setting)
    lines: list[tuple[str, Any, tuple[str, ...]]] = [("action", run.actions, setting.actions)]
    remembered = run.remembered
    so_far = np.cumsum(run.burdens, axis=0) / (rounds[:, None] + 1) if remembered is None else remembered
    told = "mean {} so far" if remembered is None else "{} remembered"
    for name, values in (("price kappa" if len(kinds) == 1 else "price of {}", run.price), (told, so_far)):
        if values is not None:
            lines += [(name.format(named(k.name)), values[:, k.at], k.entities) for k in kinds]
    if remembered is not None:
        lines.append(("fairness cost", setting.fairness.value(remembered)[:, None], ("g",)))
    figure, grid = panels(ax, 10, 2.4 * len(lines), len(lines), sharex=True)
    grid = grid[:, 0]
    known: set[tuple[str, ...]] = set()
    for axes, (name, values, labels) in zip(grid, lines, strict=True):
        for i, look in enumerate(looks([str(i) for i in range(len(labels))]).values()):
            axes.plot(rounds, values[:, i], look.line, label=named(labels[i]), color=look.colour, linewidth=1.3)
        axes.set_ylabel(name)
        tidy(axes)
        if labels not in known and len(labels) <= _NAMED:
            columns = -(-len(labels) // 12)
            axes.legend(frameon=False, fontsize=7, ncols=columns, loc="center left", bbox_to_anchor=(1.0, 0.5))
        known.add(labels)
    grid[-1].set_xlabel("round")
    return finish(figure, path)
