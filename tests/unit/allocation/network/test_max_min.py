"""Lexicographic max-min on networks: a sequence of linear programmes, closed forms, its proof, all scales."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

import evenhand as eh
from evenhand.allocation.network.max_min import max_min_network
from evenhand.errors import ProblemError


def by_programmes(R, c, w, u):
    """The levels: raise the least of those still free by a linear programme, hold whom a second one cannot raise."""
    n = w.size
    held = np.full(n, np.nan)
    while np.isnan(held).any():
        free = np.isnan(held)
        # maximise t: x = w t for the free, at least; the held have their level
        rows = np.block([[R, np.zeros((len(R), 1))], [-np.diag(free.astype(float)), np.where(free, w, 0.0)[:, None]]])
        limits = np.concatenate((c, np.zeros(n)))
        bounds = [(0.0, u[i]) if free[i] else (held[i] * w[i] * (1 - 1e-12), u[i]) for i in range(n)] + [(0.0, None)]
        t = linprog(np.eye(n + 1)[n] * -1.0, rows, limits, bounds=bounds).x[n]
        for i in np.flatnonzero(free):
            low = [(t * w[j] * (1 - 1e-9) if free[j] else held[j] * w[j] * (1 - 1e-9), u[j]) for j in range(n)]
            most = -linprog(-np.eye(n)[i], R, c, bounds=low).fun
            if most <= t * w[i] * (1.0 + 1e-6):
                held[i] = t
    return held


@pytest.mark.parametrize("seed", range(12))
def test_a_sequence_of_programmes(seed):
    rng = np.random.default_rng([3, seed])
    links, n = int(rng.integers(1, 5)), int(rng.integers(1, 7))
    R = rng.uniform(0.2, 2.0, (links, n)) * (rng.random((links, n)) < 0.6)
    R[rng.integers(0, links, n), np.arange(n)] = 1.0
    c, w = rng.uniform(0.5, 5.0, links), rng.choice([0.5, 1.0, 2.0], n)
    u = np.where(rng.random(n) < 0.3, rng.uniform(0.05, 2.0, n), np.inf)
    answer = max_min_network(R, c, weight=w, upper=u)
    np.testing.assert_allclose(answer.level, by_programmes(R, c, w, u), rtol=1e-5)  # the programmes hold by 1e-6
    assert answer.overload <= 0.0
    assert answer.above <= 1e-12


def test_a_line_of_links():
    """One flow over both links of 1 and 2, a short one on each: 1/2, 1/2 and the rest of the wide link."""
    answer = max_min_network([[1, 1, 0], [1, 0, 1]], [1.0, 2.0])
    np.testing.assert_allclose(answer.x, [0.5, 0.5, 1.5], rtol=1e-15)
    np.testing.assert_array_equal(answer.stopped_by, [0, 0, 1])
    bounded = max_min_network([[1, 1, 0], [1, 0, 1]], [1.0, 2.0], upper=[0.1, np.inf, 1.2])
    np.testing.assert_allclose(bounded.x, [0.1, 0.9, 1.2], rtol=1e-15)
    np.testing.assert_array_equal(bounded.stopped_by, [-1, 0, -1])
    weighted = max_min_network([[1, 1]], 3.0, weight=[1.0, 2.0])
    np.testing.assert_allclose(weighted.x, [1.0, 2.0], rtol=1e-15)


def test_dominant_resources():
    """Ghodsi et al. 2011: tasks of (1 CPU, 4 GB) and (3 CPU, 1 GB) on 9 CPU, 18 GB: three of the one, two of the other."""
    R = np.array([[1.0, 3.0], [4.0, 1.0]])
    dominant = np.max(R / np.array([[9.0], [18.0]]), axis=0)
    np.testing.assert_allclose(max_min_network(R, [9.0, 18.0], weight=1.0 / dominant).x, [3.0, 2.0], rtol=1e-14)


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_units_and_small_weights(unit):
    """Weights over nine decades on two links: sums are taken anew, so the light ones keep their digits."""
    rng = np.random.default_rng(1)
    R = sparse.csr_array((rng.random((30, 400)) < 0.1).astype(float))
    R = sparse.vstack((R, np.ones((1, 400))))
    w = 10.0 ** rng.uniform(-9.0, 0.0, 400)
    answer = max_min_network(R, unit * np.append(10.0 ** rng.uniform(-4.0, 1.0, 30), 20.0), weight=w)
    assert answer.overload <= 0.0
    assert answer.above <= 1e-12
    assert np.unique(answer.stopped_by).size > 5


def test_what_stops_a_flow_at_once():
    """No room on a link; everything bounded; a flow on no link."""
    np.testing.assert_array_equal(max_min_network([[1, 0], [1, 1]], [0.0, 3.0]).x, [0.0, 3.0])
    answer = max_min_network(np.zeros((1, 2)), 1.0, upper=[1.0, 2.0])
    np.testing.assert_array_equal(answer.x, [1.0, 2.0])
    with pytest.raises(ProblemError, match="flow 1 crosses no link"):
        max_min_network([[1, 0]], 1.0)
    with pytest.raises(ProblemError, match=r"weight\[0\]"):
        max_min_network([[1, 1]], 1.0, weight=[0.0, 1.0])


def test_high_levels_of_fairness_approach_it():
    rng = np.random.default_rng(2)
    R = (rng.random((6, 20)) < 0.3).astype(float)
    R[rng.integers(0, 6, 20), np.arange(20)] = 1.0
    c = rng.uniform(1.0, 10.0, 6)
    exact = eh.max_min_network(R, c).x
    apart = [float(np.max(np.abs(np.log(eh.solve_network(eh.AlphaFair(a), R, c).x / exact)))) for a in (2.0, 8.0, 32.0)]
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.15
