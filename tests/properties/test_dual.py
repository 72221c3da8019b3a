"""The dual kernels against certificates that leave no doubt: Hölder's equality proves a projection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drawn
import twins
from evenhand.fairness.norm import Norm
from evenhand.kernels import dual
from evenhand.kernels.shifted import shifted_step


def dual_exponent(p):
    return np.inf if p == 1 else 1.0 if p == np.inf else p / (p - 1)


def quiet():
    return np.errstate(all="raise", under="ignore")


def size(kappa, weight, q):
    return twins.weighted_norm(kappa, np.divide(1.0, weight, out=np.zeros_like(weight), where=weight > 0), q)


@settings(max_examples=1200)
@given(drawn.ball())
def test_norm_equals_its_twin(case):
    y, weight, _, p = case
    with quiet():
        got = dual.weighted_norm(y, weight, p)
    assert got == pytest.approx(twins.weighted_norm(y, weight, p), rel=1e-14)


@settings(max_examples=1500)
@given(drawn.ball())
def test_projection_is_proved_by_its_normal(case):
    """k is the projection iff it is in the ball and kappa - k supports the ball at k: (kappa - k).k = mu ||w(kappa - k)||_p."""
    kappa, weight, mu, p = case
    q = dual_exponent(p)
    with quiet():
        k = dual.project_ball(kappa, weight, mu, q)
    assert (k[weight == 0] == 0).all()
    assert size(k, weight, q) <= mu * (1 + 1e-12) + 1e-300
    normal = kappa - k
    unit = np.abs(kappa).max() * max(np.abs(k).max(), mu * weight.max())
    assert abs(normal @ k - mu * twins.weighted_norm(normal, weight, p)) <= 1e-9 * unit + 1e-300


@settings(max_examples=150)
@given(drawn.ball())
def test_projection_equals_its_twin(case):
    kappa, weight, mu, p = case
    q = dual_exponent(p)
    expected = twins.project_ball(kappa, weight, mu, q)
    np.testing.assert_allclose(dual.project_ball(kappa, weight, mu, q), expected, rtol=0, atol=1e-9 * np.abs(kappa).max() + 1e-300)  # fmt: skip


@settings(max_examples=600)
@given(drawn.ball(), st.integers(0, 2**20))
def test_projection_is_idempotent_and_nonexpansive(case, seed):
    kappa, weight, mu, p = case
    q = dual_exponent(p)
    other = kappa + np.random.default_rng(seed).normal(size=kappa.shape) * max(np.abs(kappa).max(), mu)
    one, two = dual.project_ball(np.stack([kappa, other]), weight, mu, q)
    unit = np.abs(np.stack([kappa, other])).max()
    np.testing.assert_allclose(dual.project_ball(one, weight, mu, q), one, rtol=0, atol=1e-12 * unit)
    near, far = (np.linalg.norm(v / max(unit, 1e-300)) for v in (one - two, kappa - other))
    assert near <= far * (1 + 1e-12) + 1e-12


@settings(max_examples=1200)
@given(drawn.ball(positive_weights=True), st.sampled_from([0.0, 0.1, 1.0, 30.0]))
def test_entropic_projection_is_proved_by_its_normal(case, eta):
    """The same certificate with the gradient of the KL divergence, log(start / k), as the normal."""
    direction, weight, mu, p = case
    mu = max(mu, 1e-9)
    q = dual_exponent(p)
    kappa = np.full_like(direction, mu)
    direction = direction / max(np.abs(direction).max(), 1e-300)
    with quiet():
        k = dual.entropic_step(kappa, direction, np.full_like(kappa, eta), weight, mu, q, 1.0)
    assert (k > 0).all()
    assert size(k, weight, q) <= mu * (1 + 1e-12)
    normal = np.log(kappa) - eta * direction - np.log(k)
    if q == 1.0 or (k > 1e-250).all():
        unit = np.abs(normal).max() * mu * weight.max() + mu
        assert abs(normal @ k - mu * twins.weighted_norm(normal, weight, p)) <= 1e-9 * unit


@settings(max_examples=100)
@given(drawn.ball(positive_weights=True), st.sampled_from([0.1, 1.0, 30.0]), st.booleans())
def test_entropic_step_equals_its_twin(case, eta, inside):
    direction, weight, mu, p = case
    mu = max(mu, 1e-9)
    q = dual_exponent(p)
    direction = direction / max(np.abs(direction).max(), 1e-300)
    got = dual.entropic_step(np.full_like(direction, mu), direction, np.full_like(direction, eta), weight, mu, q, float(inside))  # fmt: skip
    expected = twins.entropic_step(np.full_like(direction, mu), direction, eta, weight, mu, q, inside)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * mu)


@settings(max_examples=600)
@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=6),
    st.sampled_from([1e-3, 1.0, 10.0, 1e3]),
    st.sampled_from([1e-9, 1.0, 1e9]),
)
def test_entropic_step_of_the_maximum_norm_is_a_softmax(burden, eta, mu):
    """Where the start is outside or on the ball, p = inf gives mu softmax(log kappa - eta d), whatever the size."""
    burden = np.array(burden)
    kappa = np.full_like(burden, mu / len(burden))
    with quiet():
        got = dual.entropic_step(kappa, -burden, np.full_like(burden, eta), np.ones_like(burden), mu, 1.0, 1.0)
    logs = eta * burden
    if np.exp(np.minimum(logs, 700)).mean() <= 1:  # inside the ball: nothing to project
        expected = kappa * np.exp(logs)
    else:
        expected = mu * np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-290)


def gain(z, kappa, weight, mu, p):
    return mu * twins.weighted_norm(z, weight, p) - kappa @ z


@st.composite
def step(draw, size=None):
    kappa, weight, mu, p = draw(drawn.ball(size=size))
    m = len(kappa)
    unit = draw(drawn.scales)
    return kappa, weight, -draw(drawn.vector(m)) * unit, draw(drawn.vector(m)) * unit, mu, p


@settings(max_examples=1500)
@given(step(), st.integers(0, 2**20))
def test_budget_step_beats_every_feasible_point(case, seed):
    kappa, weight, lower, upper, mu, p = case
    with quiet():
        z = dual.budget_step(*case)
    assert (z >= lower).all()
    assert (z <= upper).all()
    best = gain(z, kappa, weight, mu, p)
    unit = np.abs(kappa).max() * np.maximum(upper, -lower).max() + 1e-300
    rng = np.random.default_rng(seed)
    points = rng.uniform(lower, upper, size=(20, len(z)))
    for point in [*points, upper, lower, np.zeros_like(z), 0.999 * z, *(z + 1e-3 * (points - z))]:
        assert best <= gain(point, kappa, weight, mu, p) + 1e-12 * unit


@settings(max_examples=300)
@given(step())
def test_budget_step_reaches_the_value_of_its_twin(case):
    kappa, weight, lower, upper, mu, p = case
    unit = np.abs(kappa).max() * np.maximum(upper, -lower).max() + 1e-300
    got, expected = (gain(z, kappa, weight, mu, p) for z in (dual.budget_step(*case), twins.budget_step(*case)))
    assert abs(got - expected) <= 1e-9 * unit


@settings(max_examples=500)
@given(step(), drawn.shares)
def test_budget_is_zero_inside_the_dual_ball(case, share):
    kappa, weight, lower, upper, mu, p = case
    inside = share * dual.project_ball(kappa, weight, mu, dual_exponent(p)) * 0.999
    assert gain(dual.budget_step(inside, weight, lower, upper, mu, p), inside, weight, mu, p) == 0.0


@settings(max_examples=300)
@given(st.lists(step(size=3), min_size=2, max_size=5))
def test_batches_are_their_elements_bit_for_bit(cases):
    kappa, weight, lower, upper, mu, p = (np.array(column) for column in zip(*cases, strict=True))
    q = np.array([dual_exponent(v) for v in p])
    z, k = dual.budget_step(kappa, weight, lower, upper, mu, p), dual.project_ball(kappa, weight, mu, q)
    for i in range(len(cases)):
        np.testing.assert_array_equal(z[i], dual.budget_step(*cases[i]))
        np.testing.assert_array_equal(k[i], dual.project_ball(kappa[i], weight[i], mu[i], q[i]))


@st.composite
def wide_ball(draw):
    """kappa, weight, mu, p with any exponent in (1, inf), near and far from the ball, of any size."""
    m = draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    special = st.sampled_from([1.0001, 1.001, 1.01, 1.05, 2.0, 50.0, 1e3])
    p = draw(special | st.floats(-6.0, 3.0).map(lambda e: 1.0 + 10.0**e))
    unit = st.sampled_from([1e-12, 1.0, 1.0, 1e12])
    weight = 10.0 ** rng.uniform(-1, 1, m) * draw(unit) if draw(st.booleans()) else np.ones(m)
    mu = 10.0 ** rng.uniform(-2, 2) * draw(unit)
    reach = draw(st.sampled_from([0.01, 1.0, 12.0]))
    return mu * weight * 10.0 ** rng.uniform(-reach, reach, m) * rng.choice([-1.0, 1.0], m), weight, mu, float(p)


@settings(max_examples=1500)
@given(wide_ball())
def test_projections_hold_for_every_exponent_and_size(case):
    """Euclidean and entropic: on the sphere to rounding, with the normal that proves it (Hölder's equality)."""
    kappa, weight, mu, p = case
    q = dual_exponent(p)
    outside = size(kappa, weight, q) > mu
    with quiet():
        k = dual.project_ball(kappa, weight, mu, q)
    if not outside:
        np.testing.assert_array_equal(k, kappa)
        return
    assert size(k, weight, q) == pytest.approx(mu, rel=1e-14)
    normal = kappa - k
    best = mu * twins.weighted_norm(normal, weight, p)
    assert abs(normal @ k - best) <= 1e-12 * best + 1e-14 * np.abs(kappa * k).sum()
    start = mu * weight
    direction = np.log(start) - np.log(np.abs(kappa))
    with quiet():
        k = dual.entropic_step(start, direction, np.ones_like(start), weight, mu, q, 1.0)
    assert size(k, weight, q) == pytest.approx(mu, rel=1e-13)
    normal = np.log(np.abs(kappa)) - np.log(k)
    if (k > 1e-280).all():
        best = mu * twins.weighted_norm(normal, weight, p)
        logs = np.abs(np.log(k)).max()  # the step is made in logarithms, which are rounded at their own size
        assert abs(normal @ k - best) <= (1e-11 * (np.abs(normal).max() + 1e-3) + 1e-14 * logs) * k.sum()


@pytest.mark.parametrize("p", [1.0001, 1.001, 1.01, 1.1, 2.0, 50.0, 1e3])
@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_a_single_entity_is_clipped_whatever_the_exponent(p, unit):
    """On one entity every norm is the absolute value."""
    np.testing.assert_allclose(Norm(unit, p).project(np.array([-2.0 * unit])), [-unit], rtol=4e-16)


@pytest.mark.parametrize("p", [1.0001, 1.01, 1.5, 2.5, 50.0, 1e3])
def test_the_budget_step_of_many_entities_is_its_optimality_condition(p):
    """Where the norm N is positive, s_i = room_i or the derivative mu w^p s^(p-1) / N^(p-1) equals kappa_i."""
    rng = np.random.default_rng(4)
    m = 3000
    kappa, weight, room = rng.lognormal(0, 1, m), rng.lognormal(0, 1, m), rng.lognormal(0, 1, m)
    mu = 0.7 * size(kappa, weight, dual_exponent(p))
    s = dual.budget_step(kappa, weight, -room, room, mu, p)
    norm = twins.weighted_norm(s, weight, p)
    log_slope = np.log(mu) + p * np.log(weight) + (p - 1.0) * (np.log(np.maximum(s, 1e-300)) - np.log(norm))
    over = log_slope - np.log(kappa)
    assert norm > 0
    assert (over[s == room] <= 1e-9).all()
    inside = (s < room) & (s > 1e-290)
    assert np.abs(over[inside]).max(initial=0.0) <= 1e-9 * max(1.0, p - 1.0)


@settings(max_examples=600)
@given(wide_ball(), st.integers(0, 2**32))
def test_the_step_on_any_box_is_the_budget_step_where_the_box_holds_the_origin(case, seed):
    """Two kernels, one problem: the same value for every exponent, where high powers underflow too."""
    kappa, weight, mu, p = case
    ends = np.random.default_rng(seed).uniform(0.0, 2.0, (2, len(kappa)))
    kappa = np.clip(np.abs(kappa), 0.03 * mu * weight, 30.0 * mu * weight) * np.sign(kappa)
    with quiet():
        one = dual.budget_step(kappa, weight, -ends[0], ends[1], mu, p)
        other = shifted_step(kappa, weight, -ends[0], ends[1], mu, p)
    unit = np.abs(kappa).max() * ends.max()
    assert abs(gain(one, kappa, weight, mu, p) - gain(other, kappa, weight, mu, p)) <= 1e-12 * unit
