"""allocate(): closed forms, binding bounds, limits, max-min, bad input, the record and its explanation."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.errors import EvenhandError, InfeasibleError, ParameterError, ProblemError, UnknownNameError
from evenhand.utilities import (
    AlphaFair,
    CobbDouglas,
    Custom,
    Exponential,
    Log,
    Mixed,
    PiecewiseLinear,
    Power,
    Saturating,
)


def test_log_is_proportional_to_weight():
    weight = np.array([1.0, 2.0, 5.0])
    answer = allocate(Fleet(Log(), weight=weight), 16.0)
    np.testing.assert_allclose(answer.x, [2.0, 4.0, 10.0], rtol=1e-15)
    assert answer.price == pytest.approx(0.5, rel=1e-15)  # Σw / C
    assert answer.certificate.proportional <= 1e-14


def test_two_equal_agents_share_equally():
    answer = allocate(Fleet(Power([0.4, 0.4]), onboard=0.5), 3.0)
    np.testing.assert_array_equal(answer.x, [1.5, 1.5])
    assert answer.price == pytest.approx(0.4 * 2.0**-0.6, rel=1e-15)


def test_power_with_one_exponent_has_a_closed_form():
    """r_i ∝ w_i^{1/(1−γ)} (equation of §2 with no bound binding)."""
    weight, onboard, g = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.3]), 0.6
    key = weight ** (1 / (1 - g))
    expected = key / key.sum() * (10.0 + onboard.sum()) - onboard
    np.testing.assert_allclose(allocate(Fleet(Power(g), onboard, weight), 10.0).x, expected, rtol=1e-14)


def test_exponential_has_a_closed_form():
    """r_i = (log(a_i k_i) − t)/k_i with t = (Σ log(a k)/k − C) / Σ 1/k."""
    a, k = np.array([1.0, 2.0, 1.5]), np.array([0.5, 1.0, 2.0])
    t = (np.sum(np.log(a * k) / k) - 9.0) / np.sum(1 / k)
    answer = allocate(Fleet(Exponential(a, k)), 9.0)
    np.testing.assert_allclose(answer.x, (np.log(a * k) - t) / k, rtol=1e-14)
    assert answer.price == pytest.approx(np.exp(t), rel=1e-14)


def test_bounds_bind_where_they_should():
    answer = allocate(Fleet(Log(), lower=[3.0, 0.0, 0.0], upper=[np.inf, 1.0, np.inf]), 6.0)
    np.testing.assert_allclose(answer.x, [3.0, 1.0, 2.0], rtol=1e-15)
    assert answer.binding.tolist() == ["lower", "upper", ""]
    np.testing.assert_allclose(answer.marginal, [1 / 3, 1.0, 0.5])
    assert answer.status == "certified"


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
def test_fairness_of_power_is_power_again(alpha):
    """φ_α(r^γ) has marginal γ r^{γ(1−α)−1}: with one γ, r_i ∝ w_i^{1/(1−γ(1−α))}."""
    g, weight = 0.7, np.array([1.0, 4.0])
    key = weight ** (1 / (1 - g * (1 - alpha)))
    answer = allocate(Fleet(Power(g), weight=weight), 3.0, alpha)
    np.testing.assert_allclose(answer.x, 3.0 * key / key.sum(), rtol=1e-14)


def test_alpha_fair_approaches_max_min():
    """On the resource itself (onboard 0) max-min is the equal split; α = 200 is close."""
    gamma = np.array([0.3, 0.5, 0.9])
    fleet = Fleet(Power(gamma))
    exact = allocate(fleet, 6.0, np.inf)
    np.testing.assert_allclose(exact.utility, exact.utility[0], rtol=1e-14)
    np.testing.assert_allclose(allocate(fleet, 6.0, 200.0).x, exact.x, rtol=0.02)
    assert exact.status == "certified"
    assert np.sum(exact.x) == pytest.approx(6.0, rel=1e-15)


def test_max_min_with_bounds_is_lexicographic():
    """Log with onboard: level up the poor; the rich and the capped stay out."""
    fleet = Fleet(Log(), onboard=[1.0, 2.0, 10.0, 1.0], upper=[np.inf, np.inf, np.inf, 0.5])
    np.testing.assert_allclose(allocate(fleet, 3.5, np.inf).x, [2.0, 1.0, 0.0, 0.5], rtol=1e-14)


def test_max_min_stops_where_everyone_has_its_best():
    fleet = Fleet(PiecewiseLinear([0.0, 1.0], [0.0, 1.0]), onboard=[0.0, 0.5])
    np.testing.assert_allclose(allocate(fleet, 9.0, np.inf).x, [1.0, 0.5])


def test_limits_of_the_capacity():
    fleet = Fleet(Power([0.5, 0.5]), onboard=1.0, upper=[1.0, 2.0])
    full = allocate(fleet, 7.0)
    assert (full.price, full.x.tolist()) == (0.0, [1.0, 2.0])
    assert "capacity is left over" in full.explain(0)
    empty = allocate(fleet, 0.0)
    assert (empty.price, empty.x.tolist()) == (0.5, [0.0, 0.0])
    exact = allocate(fleet, 3.0)
    assert exact.x.tolist() == [1.0, 2.0]
    for answer in (full, empty, exact):
        assert answer.status == "certified"
    assert allocate(Fleet(Power(0.5)), 0.0).price == np.inf  # the first unit is worth more than any price
    alone = allocate(Fleet(Power(0.5)), 4.0)
    assert (alone.x.tolist(), alone.price) == ([4.0], 0.25)


def test_an_agent_without_weight_gets_its_lower_bound():
    answer = allocate(Fleet(Log(), weight=[0.0, 1.0], lower=[0.5, 0.0]), 2.0)
    assert answer.x.tolist() == [0.5, 1.5]
    assert answer.status == "certified"
    fair = allocate(Fleet(Saturating(1.0, 0.5, 1.0), weight=[0.0, 1.0]), 2.0, 1.0)
    assert fair.x.tolist() == [0.0, 2.0]


def test_fairness_lifts_everyone_to_a_positive_utility_first():
    """1 − 0.5/r ≥ 0 needs r ≥ 0.5 each."""
    fleet = Fleet(Saturating(1.0, 0.5, [1.0, 1.0]))
    assert np.all(allocate(fleet, 1.2, 2.0).x > 0.5)
    with pytest.raises(InfeasibleError, match=r"fairness level needs 1\.0"):
        allocate(fleet, 0.9, 2.0)


def test_custom_equals_the_built_in_family():
    gamma = np.array([0.2, 0.5, 0.8])
    own = Custom(lambda r, g: r**g, lambda r, g: g * r ** (g - 1), [gamma])
    mine, theirs = (allocate(Fleet(u, onboard=0.1), 5.0) for u in (own, Power(gamma)))
    np.testing.assert_allclose(mine.x, theirs.x, rtol=1e-12)
    both = Mixed([own.take([0, 1]), Power(0.8)], [0, 0, 1])
    np.testing.assert_allclose(allocate(Fleet(both, onboard=0.1), 5.0).x, theirs.x, rtol=1e-12)


def test_a_warm_start_gives_the_same_answer_sooner():
    rng = np.random.default_rng(0)
    fleet = Fleet(Power(rng.uniform(0.1, 0.9, 500)), onboard=rng.uniform(0, 1, 500))
    first = allocate(fleet, 300.0)
    again = allocate(fleet, 303.0, start=first)
    cold = allocate(fleet, 303.0)
    np.testing.assert_allclose(again.x, cold.x, rtol=1e-12, atol=1e-13)
    assert again.steps <= cold.steps


def test_large_fleets_take_the_sampled_start():
    rng = np.random.default_rng(0)
    n = 50_000
    fleet = Fleet(Power(rng.uniform(0.05, 0.95, n)), onboard=rng.uniform(0, 0.1, n), weight=rng.uniform(0.5, 2, n))
    answer = allocate(fleet, 0.4 * n)
    assert answer.certificate.stationarity <= 1e-12
    assert abs(np.sum(answer.x) - 0.4 * n) <= 1e-13 * n
    rare = np.zeros(n)
    rare[7] = 1.0  # the sample sees nobody with weight
    assert allocate(Fleet(Power(0.5), weight=rare), 1.0).x[7] == pytest.approx(1.0, rel=2e-15)


def test_the_record():
    fleet = Fleet(Log(), onboard=1.0, upper=[1.0, np.inf], names=["ant", "bee"], resources=["cpu"])
    answer = allocate(fleet, {"cpu": 3.0})
    frame = answer.to_frame()
    assert frame.columns.tolist() == ["agent", "x", "utility", "marginal", "binding"]
    assert frame["agent"].tolist() == ["ant", "bee"]
    assert frame["binding"].tolist() == ["upper", ""]
    assert answer.explain("ant") == (
        "ant gets 1 of cpu on top of 1 on board: at the price 0.333333 its weighted marginal utility is 0.5, "
        "above the price: its upper bound 1 binds; one more unit of capacity would give it 0."
    )
    assert "equal to the price (no bound binds); one more unit of capacity would give it 1." in answer.explain(1)
    with pytest.raises(UnknownNameError, match="did you mean 'ant'"):
        answer.explain("and")
    with pytest.raises(ProblemError, match="0 to 1"):
        answer.explain(2)


def test_explain_predicts_the_effect_of_more_capacity():
    from evenhand.allocation.explain import sensitivity

    rng = np.random.default_rng(1)
    fleet = Fleet(Power(rng.uniform(0.2, 0.8, 6)), onboard=rng.uniform(0, 0.5, 6))
    answer, h = allocate(fleet, 2.0), 1e-6
    slope = (allocate(fleet, 2.0 + h).x - allocate(fleet, 2.0 - h).x) / (2 * h)
    told = sensitivity(fleet, fleet.utility, answer.x, answer.price)
    np.testing.assert_allclose(told, slope, atol=1e-7)
    assert told.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: Fleet(Power(0.5), names=["a", "b", "a"]), ProblemError, "'a' appears twice"),
        (
            lambda: Fleet(Power([0.5, 0.6]), onboard=[1.0, 1.0, 1.0]),
            ProblemError,
            "different numbers of agents",
        ),
        (lambda: Fleet(Power(0.5), onboard=[]), ProblemError, "no agents"),
        (lambda: Fleet(Power(0.5), onboard=[0.0, np.nan]), ProblemError, "onboard of agent 1 = nan"),
        (lambda: Fleet(Power(0.5), onboard=[0.0, -1.0], names=["a", "b"]), ProblemError, "agent 'b' = -1.0"),
        (lambda: Fleet(Power(0.5), weight=[0.0, 0.0]), ProblemError, "every weight is 0"),
        (lambda: Fleet(Power(0.5), lower=[0.0, 2.0], upper=1.0), ProblemError, "agent 1: 2.0 > 1.0"),
        (lambda: Fleet(Power(0.5), upper=[1.0, np.nan]), ProblemError, "upper of agent 1 = nan"),
        (lambda: Fleet(Power(0.5), lower="x"), ProblemError, "lower must be numbers"),
        (lambda: Fleet(Power(0.5), resources=["a", "b"]), ProblemError, "1 distinct names"),
        (lambda: allocate(Fleet(Power(0.5)), -1.0), ProblemError, "capacity of 'resource' = -1.0"),
        (lambda: allocate(Fleet(Power(0.5)), np.nan), ProblemError, "= nan"),
        (lambda: allocate(Fleet(Power(0.5)), [1.0, 2.0]), ProblemError, r"expected 1 number"),
        (lambda: allocate(Fleet(Power(0.5), resources=["cpu"]), {"gpu": 1.0}), UnknownNameError, "'gpu'"),
        (
            lambda: allocate(Fleet(Power(0.5), resources=["cpu"]), {}),
            ProblemError,
            "no value for resource 'cpu'",
        ),
        (lambda: allocate(Fleet(Power(0.5), lower=[1.0, 2.0]), 2.5), InfeasibleError, "add up to 3.0"),
        (lambda: allocate(Fleet(Power(0.5)), 1.0, -0.5), ParameterError, "fairness = -0.5"),
        (lambda: allocate(Fleet(Power(0.5)), 1.0, np.nan), ParameterError, "fairness = nan"),
        (lambda: allocate(Fleet(AlphaFair(2.0)), 1.0, 1.0), ParameterError, "already"),
        (
            lambda: Fleet(CobbDouglas([[0.5, 0.4]] * 3), onboard=[1.0, 1.0, 1.0]),
            ProblemError,
            "agents, resources",
        ),
        (
            lambda: allocate(Fleet(CobbDouglas([[0.5, 0.4]])), [1.0, 1.0], np.inf),
            ParameterError,
            "one resource",
        ),
    ],
)
def test_bad_input_names_what_where_and_the_remedy(call, error, said):
    with pytest.raises(error, match=said) as caught:
        call()
    assert isinstance(caught.value, EvenhandError)


def test_nothing_given_is_changed():
    gamma, onboard, upper = np.array([0.3, 0.6]), np.array([0.1, 0.2]), np.array([1.0, 5.0])
    before = [a.copy() for a in (gamma, onboard, upper)]
    allocate(Fleet(Power(gamma), onboard, upper=upper), 3.0)
    for a, b in zip((gamma, onboard, upper), before, strict=True):
        np.testing.assert_array_equal(a, b)
        a[0] = 9.0  # and the caller's arrays stay writable


def test_the_sweep_lifts_the_least_advantaged():
    from evenhand.allocation.solve import sweep

    rng = np.random.default_rng(2)
    fleet = Fleet(Power(rng.uniform(0.2, 0.9, 20)), onboard=rng.uniform(0, 0.1, 20))
    answers = sweep(fleet, 30.0, (0.0, 0.5, 1.0, 2.0, 5.0, np.inf))
    lowest = [a.fairness.lowest for a in answers]
    total = [float(np.sum(a.utility)) for a in answers]
    assert np.all(np.diff(lowest) > 0)
    assert np.all(np.diff(total) < 0)


def test_effect_of_more_of_one_resource():
    """α = 1 separates the resources: ∂x_ik/∂C_k = w γ_ik / Σ w γ_jk among the free agents, 0 across
    resources."""
    from evenhand.allocation.explain import joint_sensitivity

    g, w = np.array([[0.2, 0.4], [0.6, 0.1], [0.3, 0.3]]), np.array([1.0, 2.0, 1.0])
    fleet = Fleet(CobbDouglas(g), weight=w)
    x = (w[:, None] * g) / np.sum(w[:, None] * g, axis=0) * [5.0, 7.0]
    for i in range(3):
        told = joint_sensitivity(fleet, fleet.utility, x, 1.0, i)
        np.testing.assert_allclose(told, np.diag(x[i] / [5.0, 7.0]), atol=1e-14)
    # α = 0: one unit more of everything is divided without rest
    parts = [joint_sensitivity(fleet, fleet.utility, x, 0.0, i) for i in range(3)]
    np.testing.assert_allclose(np.sum(parts, axis=0), np.eye(2), atol=1e-12)
