"""The page of `evenhand advise`: the answer, how it was found, and figures; nothing is fetched when it is viewed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand import __version__
from evenhand.advice.advise import Advice, row_of
from evenhand.advice.line_up import BLIND
from evenhand.report import compare_plots as plots
from evenhand.report.advise import in_words, number, percent, snippet, where
from evenhand.report.html import Cell, Head, figure, page, table, text
from evenhand.report.text import label as named
from evenhand.report.text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evenhand.experiment import Comparison

__all__ = ["as_html"]


def as_html(advice: Advice) -> str:
    """One self-contained document."""
    name = plain(advice.parts.episodes.name)
    chosen, rest = advice.chosen, advice.rest
    body = [
        f"<h1>{text(name)}: run {text(plain(advice.text or chosen, 200))}</h1>",
        f'<p class="lead">{text(where(advice))}</p>',
        *(f'<p class="warn">{text(note)}</p>' for note in advice.notes),
        _facts(advice),
        f"<p><code>{text(plain(snippet(advice), 400))}</code></p>",
        "<h2>In words</h2>",
        "<ul>" + "".join(f"<li>{text(plain(line, 400))}</li>" for line in in_words(advice)[1:]) + "</ul>",
        "<h2>All policies, both parts</h2>",
        _table(advice),
        figure(
            lambda: plots.cost_by_policy(_near(advice)),
            "Stacked bars of mean cost by policy on the rest of the trace.",
            "Mean cost per round on the rest, with the ratio to the best in hindsight.",
        ),
        "<h2>What fairness costs</h2>",
        figure(
            lambda: _pareto(advice),
            "Running cost against the cost of burdens: "
            + ", ".join(f"{p.factor:g} times: {number(p.running)}, {number(p.unfair)}" for p in advice.pareto),
            "The chosen policy with fairness weighed 0 (a policy blind to it), ½, 1 and 2 times as you do; the burdens "
            "are priced at your weight throughout. Left is cheaper to run, down is fairer.",
            "38rem",
        ),
        "<h2>Who carries the burden, and how the load moves</h2>",
        figure(
            lambda: plots.burden_by_site(
                replace(rest, trajectories={k: v for k, v in rest.trajectories.items() if k in ("OPT", chosen, BLIND)})
            ),
            "Bars of the mean burden of every entity under the choice, without fairness, and in hindsight.",
            "Mean burden on the rest: in hindsight, without fairness, and under the choice.",
        ),
        figure(
            lambda: plots.trajectory(rest.trajectories[chosen].episode(len(advice.parts.rest) - 1)),
            "Actions, prices and burdens over the rounds of the last window.",
            "The last window, round by round, under the choice.",
        ),
        f'<p class="soft">evenhand {__version__}. Chosen on the first half of the trace, reported on the second, which '
        "no choice has seen. Policies that learn have seen the rounds before each window, as a running system has.</p>",
    ]
    return page(f"{name}: what to run", body)


def _facts(advice: Advice) -> str:
    row, proof = advice.row, advice.at_most(advice.chosen)
    blind = row_of(advice.rest, BLIND)
    facts = [(number(row.total), "mean cost per round on the rest")]
    if not math.isnan(proof):
        facts.append((f"≤ {percent(proof)}", "above the best possible in hindsight, proved"))
    if blind.total:
        facts.append((f"{100 * (row.total / blind.total - 1):+.1f} %", "against paying no attention to fairness"))
    facts.append((percent(advice.moves[advice.chosen]), "of the load moves from one to another in a round"))
    items = "".join(f"<li><b>{text(value)}</b><span>{text(told)}</span></li>" for value, told in facts)
    return f'<ul class="facts">{items}</ul>'


def _table(advice: Advice) -> str:
    head = [
        [Head("policy", rows=2, style="name"), Head("chosen on", 2), Head("reported on", 6, style="first")],
        [Head(h, style="first" * (h == "hitting")) for h in
         ("total", "ratio", "hitting", "switching", "fairness", "total", "at most above", "moved")],
    ]  # fmt: skip
    first = {row.policy: row for row in advice.first.rows}
    rows: list[tuple[str, list[Cell]]] = []
    for row in sorted(advice.rest.rows, key=lambda r: (r.policy != "OPT", r.total)):
        before, proof = first.get(row.policy), advice.at_most(row.policy)
        cells = [Cell(plain(row.policy), "name", heads=True)]
        told = ("", "") if before is None else (number(before.total), _ratio(before.ratio))
        cells += [Cell(value) for value in told]
        cells += [Cell(number(row.hitting), "first"), Cell(number(row.switching)), Cell(number(row.fairness))]
        cells += [Cell(number(row.total)), Cell("" if math.isnan(proof) else percent(proof))]
        cells.append(Cell(percent(advice.moves[row.policy])))
        rows.append(("mark" if row.policy == advice.chosen else "", cells))
    note = "mean cost per round; at most above: the best in hindsight, proved; moved: share of the load in a round"
    return table("All policies", note, head, rows)


def _ratio(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _near(advice: Advice) -> Comparison:
    """The comparison with its eight cheapest policies, for a figure that can be read."""
    rest = advice.rest
    cheap = sorted((r for r in rest.rows if r.policy != "OPT"), key=lambda r: r.total)[:8]
    keep = {"OPT", advice.chosen, BLIND, *(r.policy for r in cheap)}
    return replace(rest, rows=tuple(r for r in rest.rows if r.policy in keep))


def _pareto(advice: Advice) -> Figure:
    figure = plots.figure_of(6.4, 4.2)
    axes = figure.subplots()
    points = [(p.running, p.unfair) for p in advice.pareto]
    axes.plot(*zip(*points, strict=True), "o-", color="#2f9e62", label="choice")
    for p, at in zip(advice.pareto, points, strict=True):
        axes.annotate(f"×{p.factor:g}", at, (6, 5), textcoords="offset points", fontsize=9)
    if not advice.rest.no_opt:
        best = row_of(advice.rest, "OPT")
        axes.plot(best.hitting + best.switching, best.fairness, "*", color="#d1903a", markersize=13, label="OPT, ×1")
    axes.set_xlabel("serving and moving, per round")
    axes.set_ylabel("burdens at your weight, per round")
    axes.set_title(named(advice.chosen, 60), loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=9)
    plots.tidy(axes)
    return figure
