"""The FairSynergy part of the reproduction page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evenhand.report import reproduce_plots
from evenhand.report.html import Cell, Head, figure, table, text
from evenhand.reproduce.fleets import RULES, Mean

__all__ = ["fleets_section"]


def fleets_section(means: Sequence[Mean]) -> list[str]:
    """What the rules give on the published cases and on random fleets, as pieces of the page."""
    by = {(m.group, m.rule): m for m in means}
    groups = list(dict.fromkeys(m.group for m in means))
    two = groups[0]
    explained = "".join(f"<li><b>{text(rule)}</b>: {text(what)}</li>" for rule, what in RULES.items())
    largest = groups[-1]
    return [
        '<h2 id="fleets">FairSynergy: splits among fleets</h2>',
        "<p>The sum of utilities, each agent’s a product of powers of its resources. The published code values its "
        "uniform and random baselines with the two exponents swapped, so its gain over them is partly that mistake: "
        f"both ways are shown.</p><ul>{explained}</ul>",
        _cases_table(f"{by[two, 'ours'].cases} published configurations", [m for m in means if m.group == two]),
        figure(
            lambda: reproduce_plots.fleet_gains(means),
            _gains_alt(means),
            "Mean utility per agent on random fleets; with two resources on a logarithmic scale. Dotted: baselines as "
            "published, exponents swapped.",
        ),
        _random_table(by, groups[1:]),
        "<p>With two resources and exponents drawn from [0, 1], many agents have increasing returns (exponents that "
        "add up to more than 1). The sum of utilities is then largest when a few agents take nearly everything, which "
        "is why the gain grows with the fleet, and why it is no ideal: at n = 100 the least advantaged agent has "
        f"{by[largest, 'ours'].least:.1g} under ours and {by[largest, 'uniform'].least:.2g} under equal shares. "
        "A fairness level above 0 trades the one against the other; the paper’s objective has none. Where an agent has "
        "increasing returns the answer is bounded (no split is better by more than a proved per cent), everywhere "
        "else it is certified.</p>",
    ]


def _gains_alt(means: Sequence[Mean]) -> str:
    told = [
        f"{m.group.removeprefix('random fleets, ')}: {100 * m.gain:+.0f} %"
        for m in means
        if m.rule == "uniform" and m.group.startswith("random")
    ]
    return "Two line charts of mean utility per agent by fleet size and rule. Gain of ours over uniform: " + "; ".join(
        told
    )


def _cases_table(note: str, means: Sequence[Mean]) -> str:
    names = (
        "mean sum of utilities",
        "mean of the least advantaged",
        "gain of ours",
        "ours at least as good in",
        "certified",
    )
    head = [[Head("rule", style="name"), *(Head(n) for n in names)]]
    rows: list[tuple[str, list[Cell]]] = []
    for m in means:
        own = m.rule == "ours"
        cells = [
            Cell(m.rule, "name", heads=True),
            Cell(f"{m.utility:.4f}"),
            Cell("–" if m.least != m.least else f"{m.least:.4f}"),
            Cell("" if own else _percent(m.gain)),
            Cell("" if own else "–" if m.wins != m.wins else f"{100 * m.wins:.0f} % of cases"),
            Cell(f"{100 * m.certified:.0f} %" if own else ""),
        ]
        rows.append(("mark" if own else "", cells))
    return table("Two agents, two resources", note, head, rows)


def _random_table(by: Mapping[tuple[str, str], Mean], groups: Sequence[str]) -> str:
    """One line a size: ours, its gain on every rule, and how the least advantaged agent fares."""
    rules = [rule for rule in RULES if rule != "ours"]
    head = [
        [
            Head("fleets", rows=2, style="name"),
            Head("ours", span=2, style="first"),
            Head("gain of ours over", span=len(rules), style="first"),
            Head("least advantaged", span=2, style="first"),
        ],
        [
            Head("sum of utilities", style="first"),
            Head("certified"),
            *(Head(rule, style="" if k else "first") for k, rule in enumerate(rules)),
            Head("ours", style="first"),
            Head("uniform"),
        ],
    ]
    rows: list[tuple[str, list[Cell]]] = []
    for group in groups:
        ours = by[group, "ours"]
        found = [by.get((group, rule)) for rule in rules]
        cells = [
            Cell(group.removeprefix("random fleets, "), "name", heads=True),
            Cell(f"{ours.utility:.3f}", "first"),
            Cell(f"{100 * ours.certified:.0f} %"),
            *(Cell("–" if m is None else _percent(m.gain), "" if k else "first") for k, m in enumerate(found)),
            Cell(f"{ours.least:.2g}", "first"),
            Cell(f"{by[group, 'uniform'].least:.2g}"),
        ]
        rows.append(("", cells))
    note = f"means over {by[groups[0], 'ours'].cases} draws of each size"
    return table("Random fleets", note, head, rows, "dense")


def _percent(value: float) -> str:
    return f"{100 * value:+.1f} %".replace("-", "−")
