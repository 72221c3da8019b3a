"""What the figures of comparisons and sweeps show: a panel and unit for each kind of burden, names for all lines."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import evenhand as eh
from evenhand.report import allocate, allocate_plots, theory_plots
from evenhand.report import compare_plots as plots
from evenhand.report.kinds import kinds_in
from evenhand.report.palette import looks
from evenhand.report.sweep_plots import parameters, pareto
from evenhand.scenarios.fleet import FleetCases
from evenhand.theory import asymptotics

KINDS = ("carbon", "water")


@pytest.fixture(scope="module")
def carbon_and_water():
    return eh.compare(eh.load("geo10", length=12), windows=[0, 30], hindsight=["OPT"])


def test_each_kind_of_burden_has_a_panel_a_unit_and_its_worst(carbon_and_water):
    axes = plots.burden_by_site(carbon_and_water).axes
    assert [a.get_ylabel() for a in axes] == ["mean carbon per round (t)", "mean water per round (m³)"]
    for k, panel in enumerate(axes):
        assert [t.get_text() for t in panel.get_xticklabels()][:2] == ["Texas", "Virginia"]
        assert len(panel.containers) == len(carbon_and_water.trajectories)
        for bars, line, run in zip(panel.containers, panel.lines, carbon_and_water.trajectories.values(), strict=True):
            mean = run.mean_burden.mean(axis=0)[10 * k : 10 * k + 10]
            np.testing.assert_allclose([bar.get_height() for bar in bars], mean, rtol=1e-12)
            assert line.get_ydata()[0] == mean.max()
            assert line.get_marker() == "v"
    assert axes[0].get_ylim()[1] < 1.0 < axes[1].get_ylim()[1]


def test_costs_have_a_unit(carbon_and_water):
    assert plots.cost_by_policy(carbon_and_water).axes[0].get_ylabel() == "mean cost per round ($)"


def test_a_run_with_two_kinds_names_every_line(carbon_and_water):
    run = carbon_and_water.trajectories["AdaptiveFairOBD"].episode(0)
    axes = plots.trajectory(run).axes
    labels = ["action", "price of carbon", "price of water", "mean carbon so far", "mean water so far"]
    assert [a.get_ylabel() for a in axes] == labels
    sites = list(run.problem.setting.actions)
    legend = axes[0].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == sites
    styles = [(line.get_color(), line.get_linestyle()) for line in axes[0].lines]
    assert len(set(styles)) == len(sites)
    for panel in axes:  # one legend for all: the same site looks the same everywhere
        assert [(line.get_color(), line.get_linestyle()) for line in panel.lines] == styles
    np.testing.assert_array_equal(axes[2].lines[3].get_ydata(), run.price[:, 13])


def test_entities_that_are_no_actions_have_a_legend_of_their_own():
    run = eh.simulate(eh.load("provisioning").window(0), eh.FairOBD(domain="ball"))
    axes = plots.trajectory(run).axes
    regions = list(run.problem.setting.entities)
    assert [t.get_text() for t in axes[1].get_legend().get_texts()] == regions
    assert axes[2].get_legend() is None


def test_kinds_are_found_by_name_or_counted():
    setting = eh.load("geo10").problem.setting
    assert tuple(kind.name for kind in kinds_in(setting)) == KINDS
    other = SimpleNamespace(fairness=setting.fairness, entities=tuple(map(str, range(20))), actions=setting.actions)
    assert [kind.name for kind in kinds_in(other)] == ["burden 1", "burden 2"]
    assert kinds_in(other)[1].entities == tuple(map(str, range(10, 20)))


def test_policies_are_told_apart():
    found = looks(["OPT", "FairOPT", *(f"policy {k}" for k in range(30))])
    assert len({(look.colour, look.hatch) for look in found.values()}) == 32
    eight = [look.colour for label, look in found.items() if label.startswith("policy")][:8]
    rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (*eight, found["OPT"].colour)], dtype=float)
    apart = np.linalg.norm(rgb[:, None] - rgb[None], axis=-1)[np.triu_indices(9, 1)]
    assert apart.min() > 40.0


def test_points_of_a_pareto_figure_are_labelled_with_what_varies():
    head = ("scenario", "policy", "param_eta", "param_lambda2", "param_domain", "hitting", "switching", "fairness")
    rows = [
        ("geo7", "OPT", np.nan, np.nan, np.nan, 10.0, 1.0, 2.0),
        ("geo7", "FairOBD", 0.01, 0.0, "ball", 11.0, 1.0, 2.5),
        ("geo7", "FairOBD", 0.001, 0.0, "ball", 10.5, 1.0, 3.5),
        ("geo7", "FairOBD", 0.1, 0.0, "ball", 12.0, 1.0, 3.0),  # worse than the first in both
        ("geo7", "DMD", 0.01, np.nan, "ball", 10.2, 1.6, 3.0),
    ]
    summary = pd.DataFrame(rows, columns=head)
    assert parameters(summary[summary["policy"] == "FairOBD"]) == ["eta=0.01", "eta=0.001", "eta=0.1"]
    texts = [text.get_text() for text in pareto(summary).axes[0].texts]
    assert {"eta=0.01", "eta=0.001"} <= set(texts)
    assert "eta=0.1" not in texts


def drawings():
    """(how many panels, what draws them) of every figure that takes axes."""
    week = eh.load("geo10", length=6)
    compared = eh.compare(week, {"mine": eh.FairOBD(), "rule": eh.Greedy()}, windows=[0], hindsight=["OPT"])
    run = compared.trajectories["mine"].episode(0)
    answer = eh.allocate(eh.Fleet(eh.CobbDouglas([[0.3, 0.2], [0.1, 0.5]])), [1.0, 2.0])
    levels = allocate.sweep_frame([eh.allocate(eh.Fleet(eh.Power([0.3, 0.6])), 1.0, level) for level in (0.0, 1.0)])
    r = np.array([1.0, 2.0, 4.0, 8.0])
    curves = {name: eh.fit(r, scale * r**0.4, "power") for name, scale in (("a", 1.0), ("b", 2.0))}
    splits = eh.compare_allocators("cases", FleetCases(sizes=(3,), draws=1))
    summary = pd.DataFrame(
        {
            "scenario": ["s", "s"],
            "policy": ["OPT", "mine"],
            "hitting": [1.0, 1.1],
            "switching": [0.5, 0.5],
            "fairness": [0.2, 0.3],
        }
    )
    horizons = asymptotics.Horizons((2, 4, 8), (1.0, 0.5, 0.25), (2.0, 1.5, 1.0))
    groups = len(dict.fromkeys(row.group for row in splits.rows))
    return {
        "cost_by_policy": (1, lambda ax: plots.cost_by_policy(compared, ax=ax)),
        "burden_by_site": (2, lambda ax: plots.burden_by_site(compared, ax=ax)),
        "trajectory": (5, lambda ax: run.plot(ax=ax)),
        "allocation": (4, lambda ax: allocate_plots.allocation(answer, ax=ax)),
        "fairness_sweep": (1, lambda ax: allocate_plots.fairness_sweep(levels, ax=ax)),
        "fits": (2, lambda ax: allocate_plots.fits(curves, dict.fromkeys(curves, (r, r)), ax=ax)),
        "splits": (2 * groups, lambda ax: allocate_plots.splits(splits, ax=ax)),
        "pareto": (1, lambda ax: pareto(summary, ax=ax)),
        "adversary": (1, lambda ax: theory_plots.adversary("regret", [2, 4], {"mine": [1.0, 2.0]}, ax=ax)),
        "vanishing": (1, lambda ax: theory_plots.vanishing(horizons, horizons, ax=ax)),
        "periodicity": (1, lambda ax: theory_plots.periodicity({2: np.ones(3), 4: np.ones(3)}, 8, ax=ax)),
        "certificates": (1, lambda ax: theory_plots.certificates({"mine": np.ones(2)}, [0, 1], ax=ax)),
    }  # fmt: skip


def test_every_figure_draws_into_axes_of_the_callers(tmp_path):
    for name, (count, draw) in drawings().items():
        own = Figure()
        axes = own.subplots(count + 1, 1)
        assert draw(axes[0] if count == 1 else axes[:count]) is own, name
        assert all(panel.has_data() for panel in axes[:count]), name
        assert not axes[count].has_data()
        assert len(own.axes) == count + 1, name
        with pytest.raises(eh.ParameterError, match=f"this figure has {count} panels"):
            draw(list(axes))
        with pytest.raises(eh.ParameterError, match="ax is 'here'"):
            draw("here")
