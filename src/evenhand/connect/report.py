"""What evenhand would have done against what you did: in words, as CSV, and as a figure."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from evenhand.connect.compare import Compared, History
from evenhand.files import folder_for, writing
from evenhand.report.compare_plots import PARTS, figure_of, finish, tidy
from evenhand.report.text import label
from evenhand.report.text import plain as one_line

__all__ = ["draw", "plain", "sentences", "write"]


def sentences(found: Compared) -> list[str]:
    """In plain English, one fact a line."""
    ours, yours, count = found.evenhand, found.present, len(found.times)
    would = "would have" if found.shadow == count else "has"
    out = [
        f"{one_line(found.name)}: {count} rounds, {found.times[0]} to {found.times[-1]}; "
        f"evenhand {would} paid {ours.total:.6g} a round, what was in force {yours.total:.6g}: "
        f"{_more(ours.total, yours.total)}."
    ]
    for part, told in (("hitting", "cost of serving"), ("switching", "cost of moving"), ("fairness", "unfairness")):
        a, b = getattr(ours, part), getattr(yours, part)
        out.append(f"  {told}: {a:.6g} against {b:.6g} ({_more(a, b)})")
    out.append(
        f"  moved a round: {ours.moved:.4g} units of work against {yours.moved:.4g} ({_more(ours.moved, yours.moved)})"
    )
    out += _worst(found)
    if ours.gap is not None and yours.gap is not None:
        out.append(
            f"  proved: evenhand was at most {100 * ours.gap:.2f} % above the best possible in hindsight, "
            f"what was in force at most {100 * yours.gap:.2f} %"
        )
    else:
        out.append("  proved: no bound is known of the best possible in hindsight")
    for name, one in (("evenhand", ours), ("what was in force", yours)):
        if one.outside > 1e-6:
            out.append(
                f"  {name} left the action set in some round, by up to {100 * one.outside:.2g} %: "
                "demand not met, or capacity exceeded"
            )
    if found.carried:
        out.append(f"  what was in force could not be read in {found.carried} rounds: it is taken to be as before")
    if found.left_out:
        out.append(f"  left out: {found.left_out} rounds before it was read for the first time")
    if found.shadow < count:
        out.append(f"  evenhand's decisions were sent in {count - found.shadow} of the rounds")
    return out


def plain(found: Compared) -> dict[str, Any]:
    """The same as JSON-ready data."""

    def one(history: History) -> dict[str, Any]:
        parts = {name: getattr(history, name) for name in ("hitting", "switching", "fairness", "total")}
        mean = dict(zip(found.entities, history.burdens.mean(axis=0).tolist(), strict=True))
        rest = {name: getattr(history, name) for name in ("moved", "outside", "gap")}
        return {"cost": parts, **rest, "mean_burden": mean}

    return {
        "controller": found.name,
        "rounds": len(found.times),
        "from": found.times[0],
        "to": found.times[-1],
        "evenhand": one(found.evenhand),
        "in_force": one(found.present),
        "bound": found.bound,
        "carried": found.carried,
        "left_out": found.left_out,
        "shadow": found.shadow,
    }


def write(found: Compared, folder: Path) -> list[Path]:
    """rounds.csv, summary.csv and comparison.png in a folder, each whole or not at all."""
    folder_for(folder)
    files = [folder / name for name in ("rounds.csv", "summary.csv", "comparison.png")]
    rows = [
        (time, site, ours, yours)
        for t, time in enumerate(found.times)
        for site, ours, yours in zip(
            found.sites, found.evenhand.actions[t].tolist(), found.present.actions[t].tolist(), strict=True
        )
    ]
    _csv(files[0], ("time", "site", "evenhand", "in_force"), rows)
    names = ("hitting", "switching", "fairness", "total", "moved", "outside", "gap")
    summary = [(name, getattr(found.evenhand, name), getattr(found.present, name)) for name in names]
    means = zip(
        found.entities, *(h.burdens.mean(axis=0).tolist() for h in (found.evenhand, found.present)), strict=True
    )
    summary += [(f"mean burden of {entity}", ours, yours) for entity, ours, yours in means]
    _csv(files[1], ("what", "evenhand", "in_force"), [*summary, ("bound", found.bound, found.bound)])
    draw(found, files[2])
    return files


def draw(found: Compared, path: Path | None = None) -> Any:
    """The two histories by site, their cost parts, and the mean burden of each entity."""
    from matplotlib import colormaps

    figure = figure_of(10, 7.5)
    grid = figure.add_gridspec(3, 2, height_ratios=(1, 1, 1.1))
    rounds = np.arange(len(found.times))
    colours = colormaps["viridis"](np.linspace(0.0, 0.92, len(found.sites)))
    top = 1.05 * max(float(h.actions.sum(axis=-1).max()) for h in (found.evenhand, found.present))
    for row, (name, history) in enumerate((("evenhand", found.evenhand), ("in force", found.present))):
        axes = figure.add_subplot(grid[row, :])
        edges = np.vstack([history.actions, history.actions[-1]])  # so that the last round has a width, too
        axes.stackplot(
            np.arange(len(edges)), edges.T, labels=[label(s) for s in found.sites], colors=colours, step="post"
        )
        axes.set_xlim(0, len(rounds))
        axes.set_ylim(0, top if top > 0 else 1)
        axes.set_ylabel(f"{name}\nwork by site")
        tidy(axes)
        if row == 0:
            axes.set_xticks([])
            axes.set_title(
                f"{label(found.name)}: what evenhand would do against what is in force", loc="left", fontsize=11
            )
            if len(found.sites) <= 12:
                axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        else:
            ends = [0, len(rounds) - 1] if len(rounds) > 1 else [0]
            axes.set_xticks(ends, [found.times[k] for k in ends], fontsize=8)
    axes = figure.add_subplot(grid[2, 0])
    left = np.zeros(2)
    for part, colour in PARTS.items():
        size = np.array([getattr(found.evenhand, part), getattr(found.present, part)])
        axes.barh([1, 0], size, 0.6, left=left, label=part, color=colour)
        left = left + size
    if found.bound is not None and found.bound > 0:
        axes.axvline(found.bound, color="black", linewidth=1, linestyle=":", label="proved least")
    axes.set_yticks([1, 0], ["evenhand", "in force"])
    axes.set_xlabel("cost per round")
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    tidy(axes)
    _burdens(figure.add_subplot(grid[2, 1]), found)
    return finish(figure, path)


def _burdens(axes: Any, found: Compared) -> None:
    """Mean burden of each entity under the two; several kinds each in parts of its own largest."""
    means = np.array([history.burdens.mean(axis=0) for history in (found.evenhand, found.present)])
    kinds = len(found.entities) // len(found.sites)
    by_kind = np.abs(means).reshape(2, kinds, len(found.sites)).max(axis=(0, 2))
    unit = np.where(by_kind > 0.0, by_kind, 1.0).repeat(len(found.sites)) / 100.0 if kinds > 1 else 1.0
    at = np.arange(len(found.entities))
    for shift, name, mean, colour in zip(
        (-0.2, 0.2), ("evenhand", "in force"), means, ("#4477aa", "#bbbbbb"), strict=True
    ):
        axes.bar(at + shift, mean / unit, 0.38, label=name, color=colour)
    axes.set_xticks(
        at,
        [label(e) for e in found.entities],
        fontsize=8,
        rotation=30 if len(at) > 4 else 0,
        ha="right" if len(at) > 4 else "center",
    )
    axes.set_ylabel("mean burden per round" + ("\n(% of the largest of its kind)" if kinds > 1 else ""))
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    tidy(axes)


def _more(ours: float, yours: float) -> str:
    """How ours compares."""
    if not yours > 0.0:
        return "the same" if ours == yours else f"{ours - yours:+.3g}"
    share = ours / yours - 1.0
    return "the same" if abs(share) < 5e-5 else f"{abs(100 * share):.1f} % {'more' if share > 0 else 'less'}"


def _worst(found: Compared) -> list[str]:
    """Who bears most of each kind of burden, under each of the two."""
    sites, kinds = len(found.sites), len(found.entities) // len(found.sites)
    out: list[str] = []
    for b in range(kinds):
        part = slice(b * sites, (b + 1) * sites)
        means = [h.burdens[:, part].mean(axis=0) for h in (found.evenhand, found.present)]
        worst = [int(np.argmax(mean)) for mean in means]
        told = [f"{found.entities[part][w]} {mean[w]:.4g}" for w, mean in zip(worst, means, strict=True)]
        out.append(
            f"  bears most, a round: {told[0]} against {told[1]} ({_more(means[0][worst[0]], means[1][worst[1]])})"
        )
    return out


def _csv(path: Path, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with writing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(head)
        out.writerows(rows)
