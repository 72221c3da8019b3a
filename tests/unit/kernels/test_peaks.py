"""The best response without concavity: no point of the box is better, on drawn agents of every shape."""

import numpy as np
import pytest

from evenhand.allocation.several.agents import chunks, tabulate
from evenhand.kernels.peaks import best


def surplus(w, scale, g, o, y, price, s):
    return w * (scale * np.prod((o + y) ** g, axis=-1)) ** s / s - y @ price


def respond(agents, price):
    y, out = np.empty_like(agents.base), np.empty((chunks(agents.weight.size), 1 + price.size))
    tables = (agents.bias, agents.want, agents.floor, agents.ceil, agents.gain, agents.base)
    best(0, out.shape[0], np.log(price), agents.s, *tables, y, out)
    return y, out.sum(axis=0)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize(("K", "alpha"), [(1, 0.0), (2, 0.0), (2, 0.4), (3, 0.0), (5, 0.2)])
def test_no_point_of_the_box_is_better(K, alpha, size):
    """1,500 agents a case against a grid of their own path and points drawn from the whole box, on its faces too."""
    rng = np.random.default_rng([K, int(10 * alpha)])
    n, s = 1500, 1.0 - alpha
    g = rng.uniform(0.0, 0.999, (n, K)) * (rng.random((n, K)) > 0.1)
    g[:, 0] = np.maximum(g[:, 0], 0.05)
    o = np.where(rng.random((n, K)) < 0.3, 0.0, rng.uniform(0.0, 1.0, (n, K))) * size
    span = rng.uniform(0.0, 10.0, (n, K)) * (rng.random((n, K)) > 0.1) * size
    w, scale = rng.uniform(0.1, 3.0, n), rng.uniform(0.5, 2.0, n) * size ** -g.sum(axis=1)
    agents = tabulate(w, o, g, 0.0, span, 0.5 * span.sum(axis=0), alpha, scale)  # half of it: nothing is slack
    price = np.exp(rng.uniform(-1.5, 1.0, K)) / size
    y, sums = respond(agents, price)
    assert np.all((y >= 0.0) & (y <= agents.span + 1e-13 * (o + agents.span)))  # it is exp(log(o + y)) − o
    mine = surplus(w, scale, g, o, y, price, s)
    live = agents.weight > 0.0  # one that can have nothing of a useful resource is worth zero whatever it gets
    np.testing.assert_allclose(sums[0], mine[live].sum(), rtol=1e-12)
    np.testing.assert_allclose(sums[1:], y.sum(axis=0), rtol=1e-12)
    for _ in range(200):
        part = rng.random((n, K)) ** rng.choice([0.2, 1.0, 5.0, 20.0])
        part = np.where(rng.random((n, K)) < 0.2, rng.integers(0, 2, (n, K)), part)
        near = np.clip(y * (1.0 + rng.normal(0.0, 0.05, (n, K))), 0.0, agents.span)
        for other in (part * agents.span, near):
            theirs = surplus(w, scale, g, o, other, price, s)
            # the surplus is a difference: rounding of its parts
            assert np.all((theirs <= mine + 1e-12 * (np.abs(theirs) + other @ price + y @ price))[live])


def test_two_peaks_and_the_higher_wins():
    """(o + y)^0.9 (o + z)^0.9 at price p for both, o = 1, span 9: the corners 0 and 9 are the peaks; they tie at p*."""
    agents = tabulate([1.0], [[1.0, 1.0]], [[0.9, 0.9]], 0.0, 9.0, [5.0, 5.0], 0.0)
    tie = (10.0**1.8 - 1.0) / 18.0
    for price, want in ((tie * 0.999, 9.0), (tie * 1.001, 0.0)):
        y, sums = respond(agents, np.full(2, price))
        np.testing.assert_allclose(y, want, rtol=1e-13)
        np.testing.assert_allclose(sums[0], max(10.0**1.8 - 18.0 * price, 1.0), rtol=1e-13)


def test_an_inner_peak_in_closed_form():
    """One resource: γ y^{γ−1} = p inside the span; two, Σγ < 1, nothing on board: y_k = γ_k V/p_k, V = Π (γ/p)^γ^…"""
    agents = tabulate([2.0], [[0.0]], [[0.5]], 0.0, 100.0, [50.0], 0.0)
    np.testing.assert_allclose(respond(agents, np.array([0.25]))[0], [[16.0]], rtol=1e-13)  # (2 · 0.5 / 0.25)²
    g, p = np.array([0.3, 0.4]), np.array([0.1, 0.2])
    agents = tabulate([1.0], [[0.0, 0.0]], [g], 0.0, 1e3, [500.0, 500.0], 0.0)
    value = np.prod((g / p) ** g) ** (1.0 / (1.0 - g.sum()))
    np.testing.assert_allclose(respond(agents, p)[0], [g * value / p], rtol=1e-12)
