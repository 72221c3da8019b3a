"""The page of `evenhand reproduce`: what it says, section by section."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from evenhand import __version__
from evenhand.report import reproduce_plots
from evenhand.report.html import Cell, Head, figure, page, table, text
from evenhand.report.reproduce_fleets import fleets_section
from evenhand.reproduce import online
from evenhand.reproduce.online import FACTORS, NEAR, PARTS, WEIGHTS
from evenhand.reproduce.online import Cell as Value
from evenhand.reproduce.run import Reproduction

__all__ = ["as_html"]

#: ratio first: it is what can be compared
_COLUMNS = ("ratio", *PARTS[:4])

_STANDINS: tuple[tuple[str, str, str], ...] = (
    ("Electricity price, PUE and mean health price of the seven sites", "exact", "Table 1 of the paper."),
    (
        "Demand",
        "exact",
        "168 hourly request counts of a public AI coding trace, scaled so that the peak uses all capacity.",
    ),
    (
        "Hourly shape of the health price",
        "stand-in",
        "The paper's hourly signal is proprietary. Ours has the paper's weekly means and open, smoother shapes.",
    ),
    (
        "γ, α, β, μ (energy, imbalance, switching, fairness)",
        "chosen here",
        "The paper does not give them all. Ours bring the cost parts to the paper's size; compare ratios and ranking.",
    ),
    (
        "Learning rates η, and the policies' steps",
        "exact",
        "The published columns: η = 0.01, 0.001 and 0.0001 for FairOBD, 0.01 for DMD.",
    ),
    (
        "OPT",
        "proved",
        "The optimum of every window, with a duality gap computed from the problem rather than taken from the solver.",
    ),
    (
        "FairOPT",
        "another minimiser",
        "Its minimiser is not unique, so hitting and switching depend on the solver. Ours has the least total cost "
        "among the fairest, hence far less switching than the published one. Only its fairness cost can be compared.",
    ),
    (
        "Figure 1",
        "in its place",
        "The project has no description of the paper's Figure 1. The figure here is ours: costs over time by policy.",
    ),
    (
        "FairSynergy's two-agent cases",
        "exact",
        "The 86 published configurations; the published code's mistake is shown beside the corrected baselines.",
    ),
    (
        "FairSynergy's random fleets",
        "drawn anew",
        "The published distributions with our own seeds; the published draws are not known.",
    ),
)


def as_html(result: Reproduction, files: Sequence[str] = ()) -> str:
    """One self-contained document: nothing is fetched when it is viewed."""
    body = [
        *_opening(result),
        *_exact(),
        *_tables(result),
        *_over_time(result),
        *fleets_section(result.means),
        *_closing(result, files),
    ]
    return page("evenhand: the papers' tables, ours beside published", body)


def _opening(result: Reproduction) -> list[str]:
    checks = result.checks
    table_, policy, apart = checks.farthest
    best = next(r for r in result.tables[2].rows if r.policy == "FairOBD(eta=0.01)")
    two = {m.rule: m for m in result.means if m.group.startswith("two agents")}
    agree = sum(ours == published for ours, published in checks.rankings.values())
    facts = [
        (f"{apart:.3f}", "largest distance of a FairOBD or ROBD ratio from the published one "
         f"({_label(policy)}; Table {table_}); at most {NEAR} is asked, {'met' if checks.near else 'not met'}"),
        (f"{agree} of {len(checks.rankings)}", "rankings of the online policies are the published ones"),
        (f"{best.ratio:.4f} × OPT", f"FairOBD with η = 0.01 at μ; published {best.published_ratio or 0:.4f}"),
        (f"{100 * two['uniform'].gain:.1f} %", "gain over equal shares in the two-agent cases; "
         f"{100 * two['uniform, as published'].gain:.0f} % as the published code counts"),
    ]  # fmt: skip
    items = "".join(f"<li><b>{text(value)}</b><span>{text(told)}</span></li>" for value, told in facts)
    links = (
        ("exact", "Exact and stand-in"), ("tables", "Tables 1–4"), ("time", "Figure 1"), ("fleets", "FairSynergy"),
        ("files", "Files"),
    )  # fmt: skip
    menu = "".join(f'<li><a href="#{at}">{text(name)}</a></li>' for at, name in links)
    quick = (
        '<p class="bad">A quick run: every twelfth window and a quarter of the random fleets. '
        "Run it without --quick for the figures to quote.</p>"
        if result.quick
        else ""
    )
    return [
        "<h1>The papers’ tables again, ours beside published</h1>",
        '<p class="lead">Fairness-regularised online optimisation with switching costs (FairOBD, NeurIPS 2025) and '
        "fair one-shot allocation for fleets (FairSynergy, GLOBECOM 2025), recomputed by evenhand.</p>",
        quick,
        f'<ul class="facts">{items}</ul>',
        f'<nav aria-label="Sections"><ul>{menu}</ul></nav>',
    ]


def _exact() -> list[str]:
    tone = {"exact": "good", "proved": "good"}
    rows = [
        ("", [Cell(what, "name note", heads=True), Cell(kind, f"name {tone.get(kind, 'warn')}"), Cell(why, "note")])
        for what, kind, why in _STANDINS
    ]
    head = [[Head("what", style="name"), Head("here", style="name"), Head("why, and what follows", style="note")]]
    return [
        '<h2 id="exact">What is exact and what is a stand-in</h2>',
        table("Sources of this report", "", head, rows),
    ]


def _tables(result: Reproduction) -> list[str]:
    head = [[Head("site", style="name"), Head("electricity, $/MWh"), Head("PUE"), Head("mean health price, $/MWh")]]
    rows = [
        (
            "",
            [
                Cell(s.site, "name", heads=True),
                Cell(f"{s.electricity_price:.1f}"),
                Cell(f"{s.pue:.2f}"),
                Cell(f"{s.health_price:.2f}"),
            ],
        )
        for s in result.sites
    ]
    first = result.tables[2]
    count = len(first.windows)
    out = [
        '<h2 id="tables">Tables 1 to 4: seven data centres, one week of AI inference</h2>',
        table("Table 1", "the sites; the health price is the week’s mean of the hourly data used here", head, rows),
        f"<p>Mean cost per round over {count} windows of 72 hours. The ratio is mean total over OPT’s mean total. "
        "Differences are ours minus published; ratios are what can be compared, the values are not "
        "(see above).</p>",
        figure(
            lambda: reproduce_plots.ratios(result.tables),
            _ratios_alt(result),
            "Ratio to OPT of every online policy: dots are ours, rings are published"
            + (", diamonds are ours beyond the paper." if online.extra() else "."),
        ),
    ]
    out += [_table(result, number) for number in result.tables]
    return [*out, *_rankings(result), _remark(result)]


def _remark(result: Reproduction) -> str:
    """What lies outside the comparison asked for, said plainly."""
    ratio = [
        c for c in result.cells if c.part == "ratio" and c.policy in ("HITMIN", "DMD") and c.difference is not None
    ]
    worst = max(ratio, key=lambda c: abs(c.difference or 0.0))
    moves = [c for c in result.cells if c.policy == "DMD" and c.part == "switching"]
    ours, published = (
        ", ".join(f"{v or 0.0:.2f}" for v in column)
        for column in zip(*((c.ours, c.published) for c in moves), strict=True)
    )
    return (
        f"<p>Farthest among the policies not asked to be near is {worst.policy} in Table {worst.table}: its ratio is "
        f"{_number(worst.difference or 0.0, 2, '+')} away. DMD’s switching cost moves with the fairness weight here "
        f"({ours} in Tables 2, 3, 4) and does not in the paper ({published}).</p>"
    )


def _ratios_alt(result: Reproduction) -> str:
    told = [
        f"Table {number}: "
        + ", ".join(
            f"{r.policy} {r.ratio:.3f}" + (f" (published {r.published_ratio:.3f})" if r.published_ratio else "")
            for r in comparison.rows
            if r.policy not in ("OPT", "FairOPT")
        )
        for number, comparison in result.tables.items()
    ]
    return "Dot plot of ratios to OPT, ours against published. " + "; ".join(told) + "."


def _table(result: Reproduction, number: int) -> str:
    weight = WEIGHTS[FACTORS[number]]
    head = [
        [Head("policy", rows=2, style="name"), *(Head(p, span=3, style="first") for p in _COLUMNS)],
        [Head(h, style="first" if h == "ours" else "") for _ in _COLUMNS for h in ("ours", "paper", "±")],
    ]
    values = {(c.policy, c.part): c for c in result.cells if c.table == number}
    policies = list(dict.fromkeys(policy for policy, _ in values))
    played = [r for r in result.tables[number].rows if r.policy not in ("OPT", "FairOPT")]
    cheapest = min(played, key=lambda r: r.total).policy
    rows: list[tuple[str, list[Cell]]] = []
    for policy in policies:
        row = [Cell(_label(policy), "name", heads=True)]
        for part in _COLUMNS:
            row += _three(values[policy, part])
        rows.append(("mark" if policy == cheapest else "", row))
    gap = result.tables[number].gap
    beyond = "; (ours) is beyond the paper" if any(policy in online.extra() for policy in policies) else ""
    note = (
        f"fairness weight {weight}; ± is ours minus the paper's; the cheapest online policy is tinted; "
        f"OPT proved to {gap:.0e} relative{beyond}"
    )
    return table(f"Table {number}", note, head, rows, "dense")


def _three(cell: Value) -> list[Cell]:
    """Ours, the paper's and the difference of one value."""
    places = 4 if cell.part == "ratio" else 2
    if cell.published is None or cell.difference is None:
        return [Cell(_number(cell.ours, places), "first"), Cell("–", "paper"), Cell("–", "paper")]
    tone = "paper"
    if cell.part == "ratio" and cell.policy.startswith(("FairOBD", "ROBD")):
        tone = "good" if abs(cell.difference) <= NEAR else "bad"
    return [
        Cell(_number(cell.ours, places), "first"),
        Cell(_number(cell.published, places), "paper"),
        Cell(_number(cell.difference, places, "+"), tone),
    ]


def _number(value: float, places: int, sign: str = "") -> str:
    return f"{value:{sign}.{places}f}".replace("-", "−")


def _label(policy: str) -> str:
    return policy.replace("(eta=", ", η = ").replace(")", "") if policy.startswith("FairOBD(") else _own(policy)


def _own(policy: str) -> str:
    known = ("OPT", "FairOPT", "HITMIN", "ROBD", "DMD")
    return policy if policy in known else f"{policy} (ours)"


def _rankings(result: Reproduction) -> list[str]:
    numbers = list(result.checks.rankings)
    head = [
        [Head("place", rows=2, style="name"), *(Head(f"Table {n}", span=2, style="first name") for n in numbers)],
        [Head(h, style="first name" if h == "ours" else "name") for _ in numbers for h in ("ours", "published")],
    ]
    rows: list[tuple[str, list[Cell]]] = []
    for place in range(len(result.checks.rankings[numbers[0]][0])):
        cells = [Cell(str(place + 1), "name", heads=True)]
        for number in numbers:
            ours, published = (order[place] for order in result.checks.rankings[number])
            cells.append(Cell(_label(ours), f"name first {'good' if ours == published else 'bad'}"))
            cells.append(Cell(_label(published), "name paper"))
        rows.append(("", cells))
    return [table("Ranking", "the paper’s online policies by mean total cost, cheapest first", head, rows)]


def _over_time(result: Reproduction) -> list[str]:
    last = {p.policy: float(p.total[-1]) for p in result.paths if p.policy != "FairOPT"}
    told = ", ".join(f"{name} {value:.0f}" for name, value in last.items())
    return [
        '<h2 id="time">Figure 1: costs over time</h2>',
        "<p>In place of the paper’s Figure 1, whose content is not among this project’s facts: what every policy has "
        f"paid so far, hour by hour, in the first window (from {_hour(result.times[0])}). At each hour the curves are "
        "averages over the hours so far, the fairness cost is that of the mean burden so far; at the right edge they "
        "are the window’s cost. The third panel divides by OPT’s total so far; FairOPT is left out.</p>",
        figure(
            lambda: reproduce_plots.costs_over_time(result.paths, result.times),
            "Three line charts over 72 hours: operating and fairness cost so far, total so far relative to OPT's. "
            f"Totals at the end: {told}.",
            "OPT is dashed. All policies start at x = 0, so the first hours carry the cost of starting up. OPT is best "
            "over the whole window only: part of the way a policy may be ahead of it.",
        ),
    ]


def _hour(time: str) -> str:
    return text(time.replace("T", " ").removesuffix(":00Z") + " UTC")


def _closing(result: Reproduction, files: Sequence[str]) -> list[str]:
    links = ", ".join(f'<a href="{name}">{text(name)}</a>' for name in files)
    return [
        '<h2 id="files">Files, and how to make this again</h2>',
        f"<p>Every number is in full precision in the files beside this page: {links}.</p>" if files else "",
        f'<p class="soft">`evenhand reproduce{" --quick" if result.quick else ""}`, evenhand {__version__}, Python '
        f"{platform.python_version()} on {platform.machine()}: {result.seconds:.0f} s of computation.</p>".replace(
            "`evenhand", "<code>evenhand"
        ).replace("`,", "</code>,"),
    ]
