"""Figures of the reproduction report: ratios beside the published ones, costs over time, gains on random fleets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evenhand.report.compare_plots import figure_of, tidy
from evenhand.reproduce.fleets import Mean
from evenhand.reproduce.online import FACTORS, WEIGHTS, Path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evenhand.experiment import Comparison

__all__ = ["costs_over_time", "fleet_gains", "ratios"]

#: colours that stand on white and on near-black
_COLOURS = {
    "OPT": "#8a8f98",
    "FairOPT": "#b07aa1",
    "HITMIN": "#d1903a",
    "ROBD": "#3f97c4",
    "DMD": "#c9567d",
    "FairOBD(eta=0.01)": "#2f9e62",
    "FairOBD(eta=0.001)": "#69bd8b",
    "FairOBD(eta=0.0001)": "#a5d9bb",
}
_OURS, _OWN = "#3f97c4", "#e0574f"


def ratios(comparisons: Mapping[int, Comparison]) -> Figure:
    """Mean total / mean OPT of every online policy: ours as dots, published as rings, one panel per table."""
    figure = figure_of(11.0, 3.9)
    panels = figure.subplots(1, len(comparisons), sharey=True)
    for axes, (number, comparison) in zip(np.atleast_1d(panels), comparisons.items(), strict=True):
        rows = [r for r in comparison.rows if r.policy not in ("OPT", "FairOPT")]
        at = np.arange(len(rows))[::-1]
        for y, row in zip(at, rows, strict=True):
            if row.published_ratio is None:
                axes.plot(row.ratio, y, "D", color=_OWN, markersize=7)
                continue
            axes.plot([row.ratio, row.published_ratio], [y, y], color=_OURS, linewidth=1.6, alpha=0.6)
            axes.plot(row.published_ratio, y, "o", mfc="none", mec=_OURS, markersize=9, mew=1.4, label="published")
            axes.plot(row.ratio, y, "o", color=_OURS, markersize=5.5, label="ours")
        axes.axvline(1.0, color="#8a8f98", linewidth=1.0)
        axes.set_yticks(at, [_label(row.policy) for row in rows], fontsize=9)
        axes.set_title(f"Table {number}: fairness weight {WEIGHTS[FACTORS[number]]}", loc="left", fontsize=10)
        axes.set_xlabel("mean cost / OPT")
        axes.grid(axis="x", color="#8a8f98", alpha=0.25, linewidth=0.7)
        tidy(axes)
    handles, labels = np.atleast_1d(panels)[0].get_legend_handles_labels()
    own = dict(zip(labels, handles, strict=True))
    figure.legend(own.values(), own.keys(), frameon=False, fontsize=9, ncols=3, loc="outside lower right")
    return figure


def costs_over_time(found: Sequence[Path], times: Sequence[str]) -> Figure:
    """Operating and fairness cost so far, averages per round, and the total relative to OPT's, over one window."""
    figure = figure_of(11.0, 4.2)
    panels = figure.subplots(1, 3)
    shown = [path for path in found if path.policy != "FairOPT"]
    best = next(path for path in shown if path.policy == "OPT")
    values = (
        ("hitting + switching so far", [path.operating for path in shown]),
        ("fairness cost so far", [path.fairness for path in shown]),
        ("total so far / OPT's", [path.total / best.total for path in shown]),
    )
    for axes, (title, curves) in zip(panels, values, strict=True):
        for path, curve in zip(shown, curves, strict=True):
            dashed = path is best
            axes.plot(
                np.arange(1, len(curve) + 1),
                curve,
                color=_COLOURS.get(path.policy, _OWN),
                linewidth=2.2 if dashed else 1.5,
                linestyle="--" if dashed else "-",
                label=_label(path.policy),
            )
        late = np.array([curve[6:] for curve in curves])
        floor = 0.0 if "OPT" not in title else float(late.min()) - 0.03
        axes.set_ylim(floor, floor + 1.08 * (float(late.max()) - floor))
        axes.set_xlim(0, len(times))
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("hour of the window")
        tidy(axes)
    panels[0].set_ylabel("average per round ($)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=9, ncols=min(len(labels), 8), loc="outside lower center")
    return figure


def fleet_gains(means: Sequence[Mean]) -> Figure:
    """Mean utility per agent of random fleets by size: one panel per number of resources."""
    figure = figure_of(11.0, 3.7)
    panels = figure.subplots(1, 2)
    rules = {
        "ours": ("#2f9e62", "o-"),
        "single pass": ("#d1903a", "s-"),
        "uniform": ("#3f97c4", "^-"),
        "uniform, as published": ("#3f97c4", "^:"),
        "random": ("#c9567d", "v-"),
        "random, as published": ("#c9567d", "v:"),
    }
    for axes, kind in zip(panels, ("one resource", "two resources"), strict=True):
        for rule, (colour, line) in rules.items():
            own = [m for m in means if m.rule == rule and f", {kind}, n = " in m.group]
            if own and not (rule == "single pass" and kind == "one resource"):  # exact there: it would hide ours
                sizes = [int(m.group.rsplit(" ", 1)[1]) for m in own]
                values = [m.utility / n for m, n in zip(own, sizes, strict=True)]
                axes.plot(sizes, values, line, color=colour, markersize=4.5, linewidth=1.4, label=rule)
        axes.set_xscale("log")
        axes.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
        axes.minorticks_off()
        axes.set_title(f"random fleets, {kind}", loc="left", fontsize=10)
        axes.set_xlabel("agents")
        axes.grid(axis="y", color="#8a8f98", alpha=0.25, linewidth=0.7)
        tidy(axes)
    panels[1].set_yscale("log")
    panels[0].set_ylabel("mean utility per agent")
    panels[1].legend(frameon=False, fontsize=8)
    return figure


def _label(policy: str) -> str:
    return policy.replace("(eta=", ", η = ").replace(")", "") if policy.startswith("FairOBD(") else policy
