"""The water-filling kernel: closed forms, exact sums, ties, any number of threads, extreme scales."""

from __future__ import annotations

import numpy as np
import pytest

import evenhand as eh
from evenhand.kernels.allocate import CHUNK, fill
from evenhand.kernels.envelope import envelope
from evenhand.utilities import Exponential, Fair, PiecewiseLinear, Power

FREE = (np.zeros(1), np.zeros(1), np.full(1, np.inf))


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_same_bits_for_any_number_of_threads(threads):
    rng = np.random.default_rng(1)
    n = 20 * CHUNK + 17
    columns = Power(rng.uniform(0.05, 0.95, n)).columns(np.log(rng.uniform(0.5, 2, n)), 0.0)
    one = fill(columns, *FREE, n, 0.3 * n, 0.0, threads=1)
    many = fill(columns, *FREE, n, 0.3 * n, 0.0, threads=threads)
    assert one.log_price == many.log_price
    np.testing.assert_array_equal(one.x, many.x)


def test_same_bits_for_piecewise_ties_too():
    rng = np.random.default_rng(2)
    n = 10 * CHUNK
    u = PiecewiseLinear(np.tile([1.0, 2.0, 3.0], (n, 1)), np.round(np.cumsum(rng.uniform(0, 1, (n, 3)), axis=1), 1))
    one, many = (fill(u.columns(np.zeros(1), 0.0), *FREE, n, 0.7 * n, 0.0, threads=k) for k in (1, 5))
    np.testing.assert_array_equal(one.x, many.x)
    assert abs(np.sum(one.x) - 0.7 * n) <= 1e-12 * n


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_scales(scale, spread):
    """Capacity, onboard and bounds from 1e-12 to 1e12: Σ x = C to rounding, all marginals equal."""
    rng = np.random.default_rng(3)
    n = 50
    u = Power(rng.uniform(0.02, 0.98, n))
    onboard = spread * scale * rng.uniform(0, 0.1, n)
    found = fill(u.columns(np.zeros(1), 0.0), onboard, np.zeros(1), np.full(1, scale), n, 5 * scale, 0.0)
    assert abs(np.sum(found.x) - 5 * scale) <= 4e-15 * 5 * scale
    inside = (found.x > 0) & (found.x < scale)
    slopes = u.marginal(onboard + found.x)[inside]
    # one unit in the last place of r moves U' by (1 − γ) units; the price carries |t| ≤ 30 ulp
    np.testing.assert_allclose(slopes, np.exp(found.log_price), rtol=1e-12)


@pytest.mark.parametrize("ratio", [1e6, 1e9, 1e12])
def test_a_small_capacity_on_top_of_a_large_onboard(ratio):
    """Where o + x rounds x away, the answer is still feasible and uses the capacity exactly."""
    rng = np.random.default_rng(4)
    n = 30
    u = Power(rng.uniform(0.2, 0.8, n))
    onboard = ratio * rng.uniform(0.5, 1.5, n)
    found = fill(u.columns(np.zeros(1), 0.0), onboard, np.zeros(1), np.full(1, np.inf), n, 1.0, 0.0)
    assert np.all(found.x >= 0)
    assert abs(np.sum(found.x) - 1.0) <= 1e-14


def test_steep_exponents():
    """γ next to 1 makes demand a near step in the price; γ next to 0 nearly inelastic."""
    u = Power(np.array([1 - 1e-9, 1 - 1e-6, 0.5, 1e-9]))
    found = fill(u.columns(np.zeros(1), 0.0), *FREE, 4, 10.0, 0.0)
    assert np.sum(found.x) == pytest.approx(10.0, rel=1e-15)
    slopes = u.marginal(found.x)
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-9)  # r carries 1e9 ulp of the price at γ = 1 − 1e-9


@pytest.mark.parametrize("guess", [-700.0, -5.0, 0.0, 5.0, 700.0])
def test_any_first_price_gives_the_same_answer(guess):
    rng = np.random.default_rng(5)
    n = 40
    onboard = rng.uniform(0, 3, n)
    for u in (
        Power(rng.uniform(0.1, 0.9, n)),
        Exponential(1.0, rng.uniform(0.1, 3, n)),
        Fair(Exponential(1.0, 2.0), 2.0),
    ):
        found = fill(u.columns(np.zeros(1), 0.0), onboard, np.zeros(1), np.full(1, 2.0), n, 7.0, guess)
        near = fill(u.columns(np.zeros(1), 0.0), onboard, np.zeros(1), np.full(1, 2.0), n, 7.0, 0.1)
        np.testing.assert_allclose(found.x, near.x, rtol=1e-11, atol=1e-13)
        assert found.passes < 100


def test_limits():
    u = Power(np.array([0.5, 0.5]))
    columns = u.columns(np.zeros(1), 0.0)
    everything = fill(columns, np.zeros(1), np.zeros(1), np.array([1.0, 2.0]), 2, 3.0, 0.0)
    assert everything.log_price == -np.inf
    np.testing.assert_array_equal(everything.x, [1.0, 2.0])
    nothing = fill(columns, np.zeros(1), np.zeros(1), np.full(1, np.inf), 2, 0.0, 0.0)
    assert nothing.log_price == np.inf
    np.testing.assert_array_equal(nothing.x, [0.0, 0.0])


def test_tied_pieces_are_split_in_proportion():
    u = PiecewiseLinear([[0.0, 1.0, 2.0], [0.0, 3.0, 4.0]], [[0.0, 1.0, 1.5], [0.0, 3.0, 3.1]])
    found = fill(u.columns(np.zeros(1), 0.0), *FREE, 2, 2.0, 0.0)  # both start with slope 1: lengths 1 and 3
    np.testing.assert_allclose(found.x, [0.5, 1.5], rtol=1e-15)
    assert found.log_price == 0.0


def test_envelope_keeps_only_corners():
    x, y, count = envelope(np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 2.0, 2.5]]))
    np.testing.assert_array_equal(x, [[0.0, 2.0, 3.0, 3.0]])
    np.testing.assert_array_equal(y, [[0.0, 2.0, 2.5, 2.5]])
    assert count[0] == 3


@pytest.mark.parametrize("seed", range(40))
def test_any_problem_ends_and_an_answer_that_misses_the_capacity_is_an_error(seed):
    """Demands that jump by hundreds of decades between two prices: the search ends, and what is missed is told."""
    rng = np.random.default_rng(seed)
    n, reach = int(rng.integers(1, 6)), 10.0 ** rng.uniform(0, 2.4)
    steep = 10.0 ** rng.uniform(-reach, reach, n)
    found = fill(
        Exponential(1.0, steep).columns(np.log(10.0 ** rng.uniform(-3, 3, n)), 0.0),
        rng.uniform(0.0, 2.0, n), np.zeros(1), np.full(1, np.inf), n, 1.0, 0.0,
    )  # fmt: skip
    assert found.passes <= 170
    try:
        answer = eh.allocate(eh.Fleet(Exponential(1.0, steep)), 1.0)
    except eh.SolverError:
        return  # told
    assert answer.price == 0.0 or np.sum(answer.x) == pytest.approx(1.0, rel=1e-12)
