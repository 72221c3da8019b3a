"""geo7 against the published tables: ratios to OPT, ranking, and our own totals pinned."""

import numpy as np
import pytest

from evenhand import load
from evenhand.experiment import compare

MU = 10.0 / 3.0
RATIO_POLICIES = ("ROBD", "FairOBD(eta=0.01)", "FairOBD(eta=0.001)", "FairOBD(eta=0.0001)")


@pytest.fixture(scope="module")
def week():
    return compare(load("geo7"), hindsight=("OPT",))


def ratios(result):
    return {row.policy: (row.ratio, row.published_ratio) for row in result.rows}


def check_ratios(result):
    table = ratios(result)
    for name in RATIO_POLICIES:
        ours, theirs = table[name]
        # 0.03: the constants are chosen and the hours of the health prices are a stand-in, see the scenario
        assert abs(ours - theirs) <= 0.03, name


def test_ratios_at_the_papers_weight(week):
    check_ratios(week)
    assert week.gap <= 1e-7
    assert len(week.windows) == 97


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_ratios_at_half_and_twice_the_weight(factor):
    """Every 4th window: the means over them are within 1e-3 of those over all 97."""
    episodes = load("geo7", mu=factor * MU)
    line_up = {k: v for k, v in episodes.scenario.line_up().items() if k in RATIO_POLICIES}
    check_ratios(compare(episodes, line_up, range(0, 97, 4), ("OPT",)))


def test_ranking_is_the_published_one(week):
    ours = {row.policy: row.total for row in week.rows if row.policy != "OPT"}
    theirs = {row.policy: row.published[3] for row in week.rows if row.policy != "OPT"}
    assert sorted(ours, key=ours.get) == sorted(theirs, key=theirs.get)
    assert sorted(ours, key=ours.get) == [
        "FairOBD(eta=0.01)",
        "FairOBD(eta=0.001)",
        "FairOBD(eta=0.0001)",
        "ROBD",
        "DMD",
        "HITMIN",
    ]


def test_our_own_totals_stay(week):
    totals = {row.policy: row.total for row in week.rows}
    for name, total in PINNED.items():
        # OPT is proved to 1e-7; the online policies repeat to rounding, which other processors may change slightly
        assert totals[name] == pytest.approx(total, rel=1e-7 if name == "OPT" else 1e-9), name


PINNED = {
    "OPT": 237.16668467361927,
    "HITMIN": 343.6888556751419,
    "ROBD": 305.979610311016,
    "DMD": 334.9461020329269,
    "FairOBD(eta=0.01)": 243.29105530748475,
    "FairOBD(eta=0.001)": 250.20275506125498,
    "FairOBD(eta=0.0001)": 251.61992496213549,
}


def test_means_are_means(week):
    for row in week.rows:
        run = week.trajectories[row.policy]
        assert row.total == pytest.approx(float(np.mean(run.cost.total)), rel=1e-12)
        assert row.total == pytest.approx(row.hitting + row.switching + row.fairness, rel=1e-12)
        assert run.problem.feasible.violation(run.actions).max() <= 1e-9


def test_all_capacity_serves_the_peak():
    problem = load("geo7").problem
    assert problem.feasible.total.max() == pytest.approx(7.0, rel=1e-12)
    assert problem.setting.horizon == 168
    assert len(load("geo7")) == 97
    assert problem.setting.actions[0] == "Arizona"
    assert problem.setting.actions[-1] == "Wyoming"
