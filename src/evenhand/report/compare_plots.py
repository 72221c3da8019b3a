"""Figures, drawn without a display; each function gives the Matplotlib figure and saves it where a path is given."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evenhand.files import figure_for, writing
from evenhand.report.text import label as named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evenhand.experiment import Comparison
    from evenhand.trajectory import Trajectory

__all__ = ["burden_by_site", "cost_by_policy", "figure_of", "finish", "tidy", "trajectory"]

PARTS = {
    "hitting": "#4477aa",
    "switching": "#ccbb44",
    "fairness": "#ee6677",
}  # Tol's bright scheme: safe for colour-blind eyes


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


def tidy(axes: Any) -> None:
    """No frame above and to the right."""
    axes.spines[["top", "right"]].set_visible(False)


def cost_by_policy(comparison: Comparison, path: str | Path | None = None) -> Figure:
    """Hitting, switching and fairness cost stacked, one bar per policy, with its ratio to OPT above it."""
    rows = comparison.rows
    figure = figure_of(1.8 + 1.15 * len(rows), 4.6)
    axes = figure.subplots()
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
    axes.set_ylabel("mean cost per round")
    axes.set_title(
        f"{named(comparison.episodes.name)}: what each policy pays (total and ratio to OPT)", loc="left", fontsize=11
    )
    axes.legend(frameon=False, ncols=3, loc="upper right", fontsize=8)
    tidy(axes)
    return finish(figure, path)


def burden_by_site(comparison: Comparison, path: str | Path | None = None) -> Figure:
    """Mean burden of every entity under every policy: who carries the cost, the worst one marked."""
    from matplotlib import colormaps

    runs = comparison.trajectories
    entities = comparison.episodes.problem.setting.entities
    figure = figure_of(max(6.5, 1.1 * len(entities) * max(len(runs), 3) / 6), 4.6)
    axes = figure.subplots()
    width = 0.84 / len(runs)
    colours = colormaps["viridis"](np.linspace(0.0, 0.92, len(runs)))
    for k, (label, run) in enumerate(runs.items()):
        mean = run.mean_burden.reshape(-1, len(entities)).mean(axis=0)
        at = np.arange(len(entities)) + (k - (len(runs) - 1) / 2) * width
        axes.bar(at, mean, width, label=named(label, 60), color=colours[k])
        worst = int(np.argmax(mean))
        axes.plot(at[worst], mean[worst], marker="v", color="#ee6677", markersize=5, clip_on=False)
    axes.set_xticks(np.arange(len(entities)), [named(e) for e in entities], fontsize=8)
    axes.set_ylabel("mean burden per round")
    axes.set_title(
        f"{named(comparison.episodes.name)}: who carries the burden (triangle: worst under that policy)",
        loc="left",
        fontsize=11,
    )
    axes.legend(frameon=False, fontsize=8, ncols=2)
    tidy(axes)
    return finish(figure, path)


def trajectory(run: Trajectory, path: str | Path | None = None) -> Figure:
    """Actions, price and mean burden so far of one episode over its rounds; with a memory the burden remembered, and
    its level, g of it.
    """
    from evenhand.errors import ParameterError

    if run.actions.ndim != 2:
        raise ParameterError(
            f"plot draws one episode, this run has leading axes {run.actions.shape[:-2]}: use run.episode(0).plot()"
        )
    from matplotlib import colormaps

    setting = run.problem.setting
    rounds = np.arange(run.problem.horizon)
    panels: list[tuple[str, Any, tuple[str, ...]]] = [("action", run.actions, setting.actions)]
    if run.price is not None:
        panels.append(("price kappa", run.price, setting.entities))
    remembered = run.remembered
    if remembered is None:
        panels.append(("mean burden so far", np.cumsum(run.burdens, axis=0) / (rounds[:, None] + 1), setting.entities))
    else:
        panels.append(("burden remembered", remembered, setting.entities))
        panels.append(("fairness cost", setting.fairness.value(remembered)[:, None], ("g",)))
    figure = figure_of(9, 2.4 * len(panels))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, values, labels) in zip(grid, panels, strict=True):
        few = len(labels) <= 10
        colours = colormaps["tab10"](np.arange(10)) if few else colormaps["viridis"](np.linspace(0, 1, len(labels)))
        for i, label in enumerate(labels):
            axes.plot(rounds, values[:, i], label=named(label), color=colours[i], linewidth=1.3)
        axes.set_ylabel(name)
        tidy(axes)
    if len(setting.entities) <= 12:
        grid[0].legend(frameon=False, fontsize=8, ncols=2, loc="center left", bbox_to_anchor=(1.0, 0.5))
    grid[-1].set_xlabel("round")
    return finish(figure, path)
