"""Units do not matter: actions, money and burdens times 10^-9 or 10^9 change answers by rounding only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drawn
import evenhand as eh
from evenhand import DMD, ROBD, FairOBD, Greedy, HitMin, fair_optimum, lower_bound, optimum, simulate

#: policies whose parameters have no units, and how far rounding of 1e-16 may grow: through plans by their sweeps'
#: conditioning, about 1e2, and by prices at a corner of the dual ball
UNITLESS = {
    "FairOBD auto": FairOBD(),
    "FairOBD auto, entropy": FairOBD(mirror=eh.Entropy()),
    "FairOBD auto, free": FairOBD(domain="free", kappa1=0.0),
    "DMD auto": DMD(),
    "Mixture": eh.Mixture((FairOBD(), ROBD(), HitMin())),
    "AdaptiveFairOBD": eh.AdaptiveFairOBD(),
    "AdaptiveFairOBD, period": eh.AdaptiveFairOBD(period=2, steps=2),
}
factors = st.tuples(*[st.sampled_from([1e-9, 1.0, 1e9])] * 3)


def size(best):
    """The money that answers are compared to: what a gap is relative to."""
    parts = abs(best.cost.hitting) + best.cost.switching + best.cost.fairness
    return float(max(parts, best.least))


@settings(max_examples=150)
@given(drawn.problems(), factors)
def test_the_same_optimum_and_the_same_certificate(problem, by):
    action, money, _ = by
    other = drawn.in_other_units(problem, *by)
    best, moved = optimum(problem), optimum(other)
    unit = size(best)
    assert moved.cost.total / money == pytest.approx(float(best.cost.total), abs=1e-7 * unit)
    assert moved.lower_bound / money == pytest.approx(float(best.lower_bound), abs=1e-7 * unit)
    assert abs(moved.gap) <= 1e-7
    assert abs(best.gap) <= 1e-7
    assert other.feasible.violation(moved.trajectory.actions).max() <= 1e-9
    whole = lower_bound(problem).value
    assert lower_bound(other).value / money == pytest.approx(float(whole), abs=1e-7 * unit)
    # strongly convex with modulus 0.2 or more: a gap bounds the distance, (0.1 / T) ||x - x*||^2 <= gap
    reach = np.sqrt(2e-7 * unit * problem.setting.horizon / 0.1)
    assert np.abs(moved.trajectory.actions / action - best.trajectory.actions).max() <= reach


@settings(max_examples=60)
@given(drawn.problems(), factors)
def test_the_same_fair_optimum(problem, by):
    fair, moved = fair_optimum(problem), fair_optimum(drawn.in_other_units(problem, *by))
    unit = size(fair)
    assert moved.cost.fairness / by[1] == pytest.approx(float(fair.cost.fairness), abs=2e-5 * unit)


@settings(max_examples=40)
@given(drawn.problems(horizon=4, families=("diagonal", "equal", "at_most")), factors, st.sampled_from([1, 2]))
def test_the_same_optimum_in_frames(problem, by, frame):
    reach = float(eh.attained_deviation(optimum(problem).trajectory, frame))
    least = eh.offline.frames.least_deviation(problem, frame)
    delta = 0.5 * (least + reach)
    best = optimum(problem, frame=frame, deviation=delta)
    moved = optimum(drawn.in_other_units(problem, *by), frame=frame, deviation=delta * by[2])
    assert moved.cost.total / by[1] == pytest.approx(float(best.cost.total), abs=2e-7 * size(best))


@pytest.mark.parametrize("name", ["HitMin", "Greedy", "ROBD", "DMD", "FairOBD free", "FairOBD ball", *UNITLESS])
@settings(max_examples=25)
@given(drawn.problems(families=("diagonal", "equal", "at_most", "box")), factors)
def test_the_same_actions_of_a_policy(name, problem, by):
    action, money, burden = by
    other = drawn.in_other_units(problem, *by)

    def policy(rate, price):
        return (
            UNITLESS.get(name)
            or {
                "HitMin": HitMin(),
                "Greedy": Greedy(),
                "ROBD": ROBD(),
                "DMD": DMD(eta=0.1 * rate, domain="ball"),
                "FairOBD free": FairOBD(eta=0.1 * rate, kappa1=price),
                "FairOBD ball": FairOBD(eta=0.1 * rate, domain="ball"),
            }[name]
        )

    one = simulate(problem, policy(1.0, 1.0))
    two = simulate(other, policy(money / burden / burden, money / burden))  # kappa is money per burden, d a burden
    near = 1e-7 if name.startswith("Adaptive") else 1e-9
    np.testing.assert_allclose(two.actions / action, one.actions, rtol=near, atol=near)  # actions of size about one
    assert two.cost.total / money == pytest.approx(float(one.cost.total), rel=near, abs=near)
