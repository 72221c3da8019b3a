"""Figures of the theory half: adversaries measured, what vanishes on periodic traces, proved gaps by window."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evenhand.columns import Array
from evenhand.report.compare_plots import finish, panels, tidy
from evenhand.report.palette import looks
from evenhand.report.text import label as named
from evenhand.theory.adversaries import ConstantRegret
from evenhand.theory.asymptotics import Horizons, decay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["adversary", "certificates", "periodicity", "vanishing"]

_BLUE, _RED, _GREEN = "#4477aa", "#ee6677", "#228833"  # Tol's bright scheme: safe for colour-blind eyes


def adversary(
    kind: str,
    rounds: Sequence[int],
    measured: Mapping[str, Sequence[float]],
    path: str | Path | None = None,
    *,
    ax: Any = None,
) -> Figure:
    """Measured regret (kind "regret") or ratio ("ratio") of each policy over T, beside what is proved.

    An infinite ratio (OPT pays nothing) is a triangle at the top edge; policies that measure the same share a line.
    """
    figure, grid = panels(ax, 8.4, 4.4)
    axes = grid[0, 0]
    at = np.asarray(rounds, dtype=np.float64)
    values = [v for line in measured.values() for v in line if np.isfinite(v)]
    proved = at / 2.0 + 1.0 if kind == "ratio" else np.full(at.shape, ConstantRegret.proved)
    top = 4.0 * max([*values, *proved])
    same: dict[tuple[float, ...], list[str]] = {}
    for label, line in measured.items():
        same.setdefault(tuple(line), []).append(label)
    every = looks([", ".join(labels) for labels in same.values()])
    for look, (line, labels) in zip(every.values(), same.items(), strict=True):
        label = textwrap.fill(", ".join(named(name, 60) for name in labels), 34)
        data = np.asarray(line, dtype=np.float64)
        finite = np.isfinite(data)
        name = label if finite.all() else f"{label} (infinite)"
        style = f"{look.mark}{look.line}"
        axes.plot(at[finite], data[finite], style, color=look.colour, linewidth=1.3, markersize=4, label=name)
        axes.plot(at[~finite], np.full((~finite).sum(), top), "^", color=look.colour, markersize=6, clip_on=False)
    axes.plot(
        at, proved, "--", color=_RED, label="proved: T/2 + 1" if kind == "ratio" else "proved: (23 - 6 sqrt 14)/4"
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(at, [str(r) for r in rounds])
    axes.set_xlabel("rounds T")
    if kind == "ratio":
        axes.set_yscale("log")
        axes.set_ylim(None, top)
    else:
        axes.set_ylim(0.0, None)
    axes.set_ylabel("cost / OPT" if kind == "ratio" else "cost - OPT, per round")
    title = "no policy keeps a ratio below T/2 + 1" if kind == "ratio" else "no policy's regret per round vanishes"
    axes.set_title(f"Against the adversary, {title}", loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    tidy(axes)
    return finish(figure, path)


def vanishing(excess: Horizons, regret: Horizons, path: str | Path | None = None, *, ax: Any = None) -> Figure:
    """Excess over (R, delta)-OPT on a periodic trace, its bound, and the regret in the adversary, over T."""
    figure, grid = panels(ax, 7.2, 4.4)
    axes = grid[0, 0]
    axes.plot(excess.rounds, excess.proved, "--", color=_BLUE, label=f"bound A's terms (slope {decay_of(excess):.2f})")
    axes.plot(
        excess.rounds, excess.measured, "o-", color=_BLUE, label=f"periodic trace: excess (slope {decay(excess):.2f})"
    )
    axes.plot(regret.rounds, regret.measured, "s-", color=_RED, label="adversary: regret")
    axes.plot(regret.rounds, regret.proved, "--", color=_RED, label="adversary: proved least regret")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(excess.rounds, [str(r) for r in excess.rounds])
    axes.set_xlabel("rounds T, learning rate c / T^(1/3)")
    axes.set_ylabel("cost above the benchmark, per round")
    axes.set_title("What vanishes as T grows, and what does not", loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    tidy(axes)
    return finish(figure, path)


def decay_of(horizons: Horizons) -> float:
    """Slope of the proved line."""
    return decay(Horizons(horizons.rounds, horizons.proved, horizons.proved))


def periodicity(
    deviations: Mapping[int, Array], rounds: int, path: str | Path | None = None, *, ax: Any = None
) -> Figure:
    """delta/T attained over frame length R: mean over windows and their range. Low means periodic at that length."""
    figure, grid = panels(ax, 7.2, 3.8)
    axes = grid[0, 0]
    at = np.asarray(list(deviations), dtype=np.float64)
    rows = np.stack([np.reshape(d, -1) for d in deviations.values()]) / rounds
    axes.fill_between(at, rows.min(axis=1), rows.max(axis=1), color=_GREEN, alpha=0.2, linewidth=0)
    axes.plot(at, rows.mean(axis=1), "o-", color=_GREEN, markersize=4)
    axes.set_xscale("log")
    axes.set_xticks(at, [str(int(r)) for r in at], fontsize=8)
    axes.minorticks_off()
    axes.set_ylim(0.0, None)
    axes.set_xlabel("frame length R")
    axes.set_ylabel("delta / T")
    axes.set_title("How far OPT's burdens stray from their mean, frame by frame", loc="left", fontsize=11)
    tidy(axes)
    return finish(figure, path)


def certificates(
    excess: Mapping[str, Array], windows: Sequence[int], path: str | Path | None = None, *, ax: Any = None
) -> Figure:
    """The proved distance to the best possible in hindsight, per cent, by window, one line per policy."""
    figure, grid = panels(ax, 8.0, 4.0)
    axes = grid[0, 0]
    for label, look in looks(list(excess)).items():
        style = f"{look.mark}{look.line}" if len(windows) <= 60 else look.line
        share = 100.0 * np.asarray(excess[label])
        axes.plot(windows, share, style, color=look.colour, linewidth=1.3, markersize=4, label=named(label, 60))
    axes.set_ylim(0.0, None)
    axes.set_xlabel("window")
    axes.set_ylabel("at most % above the best")
    axes.set_title("Proved distance to the best possible in hindsight", loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    tidy(axes)
    return finish(figure, path)
