"""The level bundle: least values known in closed form, kinks and all scales."""

import numpy as np
import pytest

from evenhand.allocation.several.bundle import minimise


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("K", [1, 2, 5])
def test_the_kink_is_found(K, unit):
    """3 + Σ_k k |p_k/a_k − 1|, least at a: nothing but a kink in every direction."""
    a, k = np.exp(np.linspace(-2.0, 2.0, K)) * unit, np.arange(1, K + 1)

    def distance(p):
        return 3.0 + float(k @ np.abs(p / a - 1.0)), k * np.sign(p / a - 1.0) / a

    found = minimise(distance, np.full(K, unit), 0.0, 1e-9, 500)
    assert found.passes < 500
    assert 3.0 <= found.value <= 3.0 * (1.0 + 1e-9)
    assert found.low <= 3.0 * (1.0 + 1e-12)
    np.testing.assert_allclose(found.point, a, rtol=1e-8)


def test_a_smooth_bowl_and_a_least_value_at_the_edge():
    def bowl(p):
        return 1.0 + float((p - 2.0) @ (p - 2.0)), 2.0 * (p - 2.0)

    found = minimise(bowl, np.ones(3), 0.0, 1e-8, 500)
    assert found.value == pytest.approx(1.0, rel=1e-8)
    np.testing.assert_allclose(found.point, 2.0, atol=2e-4)  # the root of the value's accuracy

    def slope(p):  # least at p = 0, which positive numbers only approach
        return 1.0 + float(p.sum()), np.ones(2)

    assert minimise(slope, np.ones(2), 0.0, 1e-8, 500).value == pytest.approx(1.0, rel=1e-8)


def test_the_passes_are_the_limit():
    calls = []

    def count(p):
        calls.append(p)
        return 3.0 + float(np.abs(p - 7.0).sum()), np.sign(p - 7.0)

    assert minimise(count, np.ones(2), 0.0, 0.0, 9).passes == 9 == len(calls)
