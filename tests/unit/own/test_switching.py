"""`switching:` in a configuration: every kind, lists, numbers per site, the live controller, and what is refused."""

import numpy as np
import pytest

import evenhand as eh
from own_tables import load


@pytest.mark.parametrize(
    ("said", "cost"),
    [
        ({"kind": "squared", "cost": 2.0}, eh.Squared(2.0)),
        ({"kind": "weighted", "cost": {"sites": {"a": 1.0, "b": 3.0}}}, eh.Weighted([1.0, 3.0])),
        ({"kind": "linear", "cost": 2.0}, eh.Linear([2.0, 2.0])),
        ({"kind": "ramp_up", "cost": {"sites": {"b": 3.0, "a": 1.0}}}, eh.RampUp([1.0, 3.0])),
        ({"kind": "ramp_down", "cost": 2}, eh.RampDown([2.0, 2.0])),
        (
            [{"kind": "ramp_up", "cost": 2.0}, {"kind": "limits", "rise": 9.0, "from_start": False}],
            eh.Sum(eh.RampUp([2.0, 2.0]), eh.Limits([9.0, 9.0], from_start=False)),
        ),
    ],
)
def test_every_kind(folder, said, cost):
    moves = load(folder, switching=said, beta=0.0).problem.setting.switching.moves
    np.testing.assert_array_equal(np.broadcast_to(moves.terms, (5, 2)), np.broadcast_to(cost.moves.terms, (5, 2)))
    assert moves.waived == cost.moves.waived


def test_beta_is_short_for_squared(folder):
    one = eh.optimum(load(folder, beta=3.0).problem)
    other = eh.optimum(load(folder, beta=0.0, switching={"kind": "squared", "cost": 3.0}).problem)
    assert one.cost.total == other.cost.total


def test_limits_hold_for_every_policy(folder):
    said = [{"kind": "linear", "cost": 1.0}, {"kind": "limits", "rise": 1.0, "fall": 0.5, "from_start": False}]
    result = eh.compare(load(folder, beta=0.0, switching=said))
    assert {"OPT", "HITMIN"} <= {row.policy for row in result.rows}
    assert all(row.ratio >= 1.0 - 1e-9 for row in result.rows)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"switching": {"kind": "ramp", "cost": 1}}, ["switching.0.kind", "ramp"]),
        ({"switching": {"kind": "linear"}}, ["switching.0", "cost"]),
        ({"switching": {"kind": "linear", "cost": -1}}, ["switching.0.cost", "-1", "at least 0"]),
        ({"switching": {"kind": "linear", "cost": 1, "rise": 2}}, ["switching.0", "rise"]),
        ({"switching": {"kind": "limits", "cost": 1}}, ["switching.0", "rise, fall"]),
        ({"switching": {"kind": "limits", "rise": -1}}, ["switching.0.rise", "-1"]),
        ({"switching": {"kind": "linear", "cost": {"sites": {"a": 1, "z": 2}}}}, ["switching.0.cost", "z"]),
        ({"switching": {"kind": "linear", "cost": "price"}}, ["switching.0.cost", "may not change"]),
        ({"switching": {"kind": "linear", "cost": 1, "costs": 2}}, ["costs", "cost"]),
        ({"switching": {"kind": "linear", "cost": 1}, "beta": 2.0}, ["beta or switching"]),
        ({"switching": 3}, ["switching", "3"]),
    ],
)
def test_refuses(folder, changes, words):
    with pytest.raises(eh.EvenhandError) as caught:
        load(folder, **{"beta": 0.0, **changes})
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text
