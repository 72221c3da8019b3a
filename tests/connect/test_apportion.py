"""Whole weights with a constant sum, and amounts within a guard: by hand, and on drawn cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.connect.apportion import Guard, apportion, guarded_amounts, guarded_weights
from evenhand.errors import InfeasibleError, ParameterError

FREE = (np.int64(0), np.int64(10**6))


def free(shares, total):
    n, shares = len(shares), np.array(shares, dtype=float)
    return apportion(total * (shares / shares.sum()), total, np.full(n, FREE[0]), np.full(n, FREE[1])).tolist()


def test_by_hand():
    assert free([1, 1, 1], 100) == [34, 33, 33]  # the tie goes to the first
    assert free([1, 2], 3) == [1, 2]
    assert free([0.0, 5.0], 7) == [0, 7]
    assert free([41, 29, 17, 13], 10) == [4, 3, 2, 1]  # quotas 4.1 2.9 1.7 1.3: the remainders .9 and .7 win
    assert free([1e-300, 1e-300], 5) == [3, 2]
    assert free([1e-12, 1e12], 1000) == [0, 1000]
    assert free([3.0], 1) == [1]


@given(
    st.lists(st.floats(0.0, 1e12), min_size=1, max_size=8).filter(lambda s: sum(s) > 0),
    st.integers(1, 10**6),
)
@settings(max_examples=300)
def test_each_is_its_quota_rounded_and_the_sum_is_kept(shares, total):
    found = np.array(free(shares, total))
    quota = total * (np.array(shares) / sum(shares))
    assert found.sum() == total
    assert (np.abs(found - quota) < 1.0 + 1e-6).all()


@given(st.data(), st.integers(1, 7), st.integers(1, 5000))
@settings(max_examples=300)
def test_within_bounds_it_is_as_near_as_can_be(data, n, total):
    """The nearest whole point: no unit moved from one site to another brings it nearer, beyond what rounding costs."""
    shares = np.array(data.draw(st.lists(st.floats(0.0, 1.0), min_size=n, max_size=n))) + 1e-9
    low = np.array(data.draw(st.lists(st.integers(0, total), min_size=n, max_size=n)), dtype=np.int64)
    high = low + np.array(data.draw(st.lists(st.integers(0, total), min_size=n, max_size=n)), dtype=np.int64)
    if low.sum() > total or high.sum() < total:
        with pytest.raises(InfeasibleError, match="do not fit between"):
            apportion(total * shares / shares.sum(), total, low, high)
        return
    found = apportion(total * shares / shares.sum(), total, low, high)
    assert found.sum() == total
    assert (low <= found).all()
    assert (found <= high).all()
    quota = total * shares / shares.sum()
    for i in range(n):
        for j in range(n):
            if i != j and found[i] > low[i] and found[j] < high[j]:
                gain = (found[i] - quota[i]) - (found[j] - quota[j])
                assert gain <= 1.0 + 1e-6 * total


def test_a_guard_limits_the_change_from_what_is_there():
    guard = Guard(least=10, most=80, max_change=15)
    assert guarded_weights(guard, {"a": 0.0, "b": 1.0}, {"a": 50, "b": 50}, 100) == {"a": 35, "b": 65}
    assert guarded_weights(guard, {"a": 0.0, "b": 1.0}, {"a": 21, "b": 79}, 100) == {"a": 20, "b": 80}
    assert guarded_weights(guard, {"a": 0.0, "b": 1.0}, {"a": 20, "b": 80}, 100) is None
    assert guarded_weights(guard, {"a": 1.0, "b": 1.0}, {}, 100) == {"a": 50, "b": 50}
    with pytest.raises(InfeasibleError, match="do not fit between 45 and 95"):  # 65 and 30 at most
        guarded_weights(guard, {"a": 1.0, "b": 1.0}, {"a": 50, "b": 15}, 100)
    with pytest.raises(ParameterError, match="give a total from 1 to 1000000"):
        guarded_weights(Guard(), {"a": 1.0}, {}, 1_000_001)


def test_a_site_outside_its_guard_comes_back_as_fast_as_it_may():
    guard = Guard(least=10, max_change=4)
    assert guarded_weights(guard, {"a": 1.0, "b": 99.0}, {"a": 0, "b": 100}, 100) == {"a": 4, "b": 96}


def test_small_changes_are_ignored():
    guard = Guard(ignore_below=5)
    assert guarded_weights(guard, {"a": 54.0, "b": 46.0}, {"a": 50, "b": 50}, 100) is None
    assert guarded_weights(guard, {"a": 56.0, "b": 44.0}, {"a": 50, "b": 50}, 100) == {"a": 56, "b": 44}
    assert guarded_amounts(guard, {"a": 54.0, "b": 46.0}, {"a": 50.0, "b": 50.0}, 1.0) is None


@given(
    st.lists(st.floats(0.0, 1e4), min_size=1, max_size=6),
    st.sampled_from([1.0, 0.25, 0.001, 5.0]),
)
@settings(max_examples=200)
def test_amounts_are_multiples_and_their_sum_is_rounded_down(amounts, step):
    action = {str(k): x for k, x in enumerate(amounts)}
    found = guarded_amounts(Guard(), action, {}, step)
    assert found is not None
    counts = np.array(list(found.values())) / step
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-6)
    assert sum(found.values()) <= sum(amounts) * (1 + 1e-9) + 1e-9 * step
    assert sum(found.values()) > sum(amounts) - step * (1 + 1e-6) - 1e-9
    assert all(abs(found[site] - x) < step * (1 + 1e-6) + 1e-9 for site, x in action.items())


def test_amounts_keep_their_sum_within_the_guard():
    assert guarded_amounts(Guard(least=1.0), {"a": 0.0, "b": 5.0}, {}, None) == {"a": 1.0, "b": 4.0}
    assert guarded_amounts(Guard(most=3.0), {"a": 1.0, "b": 5.0}, {}, None) == {"a": 3.0, "b": 3.0}
    assert guarded_amounts(Guard(most=3.0), {"a": 4.0, "b": 5.0}, {}, None) == {"a": 3.0, "b": 3.0}  # no room for 9
    assert guarded_amounts(Guard(max_change=1.0), {"a": 0.0, "b": 9.0}, {"a": 4.0, "b": 5.0}, 0.5) == {
        "a": 3.0,
        "b": 6.0,
    }
    assert guarded_amounts(Guard(), {"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, 1.0) == {"a": 0.0, "b": 0.0}
    with pytest.raises(InfeasibleError, match="no multiple of 5 lies within the guard of 'a'"):
        guarded_amounts(Guard(least=1.0, most=4.0), {"a": 2.0}, {}, 5.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"least": -1.0}, "least is -1"), ({"most": 0.5, "least": 1.0}, "most is 0.5, below least"), ({"max_change": float("nan")}, "max_change is nan")],
)  # fmt: skip
def test_guards_that_are_none(given, words):
    with pytest.raises(ValueError, match=words):
        Guard(**given)
