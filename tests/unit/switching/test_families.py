"""Switching costs by value: each family, its canonical form, what is refused, JSON, the registry."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenhand as eh
from evenhand import Limits, Linear, Moves, RampDown, RampUp, Squared, Sum, Weighted
from evenhand.checks import check_switching, sample
from evenhand.errors import EvenhandError
from evenhand.registry import catalogue, from_plain, parse, to_plain

FAMILIES = (
    Squared(3.0),
    Weighted([1.0, 2.0, 0.0]),
    Weighted([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]),
    Linear(2.0),
    Linear([1.0, 0.0, 2.0]),
    RampUp(1.5),
    RampDown([1.0, 2.0, 3.0]),
    Limits(rise=1.0),
    Limits(rise=[1.0, 2.0, np.inf], fall=0.5, from_start=False),
    Sum(RampUp(2.0), Squared(0.5), Limits(fall=0.25), Weighted(np.eye(3))),
)
X, BEFORE = np.array([2.0, 0.0, 5.0]), np.array([1.0, 3.0, 5.0])


@pytest.mark.parametrize(
    ("switching", "cost"),
    [
        (Squared(3.0), 1.5 * (1.0 + 9.0)),
        (Weighted([1.0, 2.0, 7.0]), 0.5 * (1.0 + 2.0 * 9.0)),
        (Weighted([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]), 0.5 * (2.0 - 6.0 + 18.0)),
        (Linear(2.0), 2.0 * (1.0 + 3.0)),
        (Linear([1.0, 0.5, 9.0]), 1.0 + 1.5),
        (RampUp(2.0), 2.0),
        (RampDown(2.0), 6.0),
        (Limits(rise=0.1), 0.0),
        (Sum(RampUp(2.0), RampDown([1.0, 1.0, 1.0]), Squared(1.0)), 2.0 + 3.0 + 5.0),
    ],
)
def test_value(switching, cost):
    assert float(switching.value(X, BEFORE)) == pytest.approx(cost, rel=1e-15)


@pytest.mark.parametrize("switching", FAMILIES, ids=repr)
def test_conforms(switching):
    check_switching(switching, 3)


@pytest.mark.parametrize("switching", FAMILIES, ids=repr)
def test_json_keeps_every_bit(switching):
    back = from_plain(json.loads(json.dumps(to_plain(switching))))
    assert type(back) is type(switching)
    np.testing.assert_array_equal(back.moves.terms, switching.moves.terms)
    assert back.moves.waived == switching.moves.waived
    assert (back.moves.matrix is None) == (switching.moves.matrix is None)


def test_the_same_cost_in_several_words():
    x, before = np.random.default_rng(1).normal(size=(2, 50, 3))
    squared = Squared(2.5).value(x, before)
    for other in (
        Weighted(2.5),
        Weighted([2.5] * 3),
        Weighted(2.5 * np.eye(3)),
        Sum(Squared(2.5)),
        Sum(Squared(1.5), Squared(1.0)),
    ):
        np.testing.assert_allclose(other.value(x, before), squared, rtol=1e-14)
    both = Sum(RampUp(1.5), RampDown(1.5)).value(x, before)
    np.testing.assert_allclose(both, Linear(1.5).value(x, before), rtol=1e-14)


def test_flags():
    assert Squared(1.0).moves.smooth
    assert Weighted([1.0, 2.0]).moves.smooth
    assert not Weighted(np.eye(2)).moves.smooth
    assert Linear(1.0).moves.kinked
    assert not Linear(0.0).moves.kinked
    assert Limits(fall=1.0).moves.limited
    assert not Limits().moves.limited
    assert Squared(0.0).moves.free
    assert not Limits(fall=1.0).moves.free
    assert Weighted([[2.0, 1.0], [1.0, 2.0]]).moves.stiffness == pytest.approx(3.0)


def test_limits_of_the_first_round():
    moves = Limits(rise=1.0, from_start=False).moves
    assert not moves.at(0).limited
    assert moves.at(1).limited
    assert Limits(rise=1.0).moves.at(0).limited


def test_the_tighter_limit_holds():
    moves = Sum(Limits(rise=[1.0, 5.0], fall=2.0), Limits(rise=3.0)).moves
    np.testing.assert_array_equal(moves.rise, [1.0, 3.0])
    np.testing.assert_array_equal(moves.terms[4], [2.0, 2.0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Weighted([1.0, -1.0]), ["weight", "-1", "at least 0"]),
        (lambda: Weighted([[1.0, 2.0], [0.0, 1.0]]), ["weight", "symmetric"]),
        (lambda: Weighted([[1.0, 2.0], [2.0, 1.0]]), ["weight", "eigenvalue", "-1"]),
        (lambda: Weighted(np.zeros((2, 3))), ["weight", "(2, 3)", "(n, n)"]),
        (lambda: Linear(-2.0), ["c", "-2"]),
        (lambda: Linear(np.nan), ["c", "nan"]),
        (lambda: Linear(np.inf), ["c", "inf"]),
        (lambda: Linear([]), ["c", "shape"]),
        (lambda: RampUp("x"), ["c", "x"]),
        (lambda: RampDown([[1.0]]), ["c", "(1, 1)"]),
        (lambda: Limits(rise=-1.0), ["rise", "-1"]),
        (lambda: Limits(fall=np.nan), ["fall", "nan"]),
        (lambda: Limits(1.0, from_start="no"), ["from_start", "no"]),
        (lambda: Limits([1.0, 2.0], [1.0, 2.0, 3.0]), ["rise (2,)", "fall (3,)"]),
        (lambda: Sum(), ["Sum", "no part"]),
        (lambda: Sum(Squared(1.0), 3.0), ["Sum", "3.0"]),
        (lambda: Sum(Linear([1.0, 2.0]), RampUp([1.0, 2.0, 3.0])), ["Sum", "2", "3"]),
        (lambda: Sum(Limits(rise=1.0), Limits(fall=1.0, from_start=False)), ["from the start", "waived"]),
        (lambda: eh.Setting(3, switching=Linear([1.0, 2.0]), fairness=eh.Norm(1.0), initial=[0.0]), ["2", "1"]),
        (lambda: eh.Setting(3, switching=Linear, fairness=eh.Norm(1.0), initial=[0.0]), ["switching"]),
        (lambda: parse("switching", "Linear(1.0, 2.0)"), ["Linear", "1 parameters"]),
        (lambda: parse("switching", "Linea(1.0)"), ["Linea", "Linear"]),
    ],
)
def test_refuses(make, words):
    with pytest.raises(EvenhandError) as caught:
        make()
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_registry():
    known = catalogue("switching")
    assert {"Squared", "Weighted", "Linear", "RampUp", "RampDown", "Sum", "Limits"} <= set(known)
    assert parse("switching", "Linear(2.0)") == Linear(2.0)
    assert parse("switching", "ramp_up(c=3)").moves.up == 3.0
    both = parse("switching", "Sum(RampUp(2.0), Limits(rise=[1.0, inf], from_start=False))")
    np.testing.assert_array_equal(both.moves.terms[3], [1.0, np.inf])
    assert both.moves.waived


@dataclass(frozen=True, slots=True)
class Own:
    """A plugin's switching cost: its canonical form is all it says."""

    c: float = 2.0
    moves: Moves = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", Moves(rho=0.5, up=self.c))


def test_canonical_form_is_all_that_is_asked_for():
    problem = sample()
    ours = replace(problem, setting=replace(problem.setting, switching=Own()))
    same = replace(problem, setting=replace(problem.setting, switching=Sum(Squared(0.5), RampUp(2.0))))
    for policy in (eh.FairOBD(), eh.Greedy(), eh.ROBD(), eh.AdaptiveFairOBD()):
        one, other = eh.simulate(ours, policy), eh.simulate(same, policy)
        np.testing.assert_array_equal(one.actions, other.actions)
        assert one.cost.total == other.cost.total


@given(st.integers(0, 2**20))
def test_batched_value_is_that_of_its_elements(seed):
    x, before = np.random.default_rng(seed).normal(size=(2, 4, 2, 3))
    for switching in FAMILIES:
        batch = switching.value(x, before)
        for index in np.ndindex(4, 2):
            assert batch[index] == switching.value(x[index], before[index])
