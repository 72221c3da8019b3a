"""Water-filling against its optimality conditions and its exact twin, on thousands of drawn cases."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import drawn
import twins
from evenhand.kernels.waterfill import waterfill


def solve(q, c, lower, upper, total, equal):
    with np.errstate(all="raise", under="ignore"):
        return waterfill(q, c, lower, upper, total, equal)


def size_of(lower, upper, total):
    """The unit in which actions are measured: the largest finite number among bounds and total."""
    ends = np.concatenate([lower, upper[np.isfinite(upper)], [total]])
    return float(np.abs(ends).max())


@settings(max_examples=1200)
@given(drawn.water())
def test_equals_the_exact_twin(case):
    q, c, lower, upper, total, _ = case
    x, nu = solve(*case)
    expected, price = twins.waterfill(*case)
    # 1e-9 is the promise; costs and curvatures of one case differ by at most 1e7, rounding by 1e-16 of that
    assert np.abs(x - expected).max() <= 1e-9 * max(size_of(lower, upper, total), 1e-300)
    room = min(total - lower.sum(), upper.sum() - total) > 1e-9 * max(size_of(lower, upper, total), 1e-300)
    if price is not None and q.min() > 0 and room:  # elsewhere the price may jump within rounding of the total
        assert abs(nu - price) <= 1e-9 * (np.abs(c).max() + q.max() * size_of(lower, upper, total))


@settings(max_examples=1500)
@given(drawn.water())
def test_satisfies_the_optimality_conditions(case):
    q, c, lower, upper, total, equal = case
    x, nu = solve(*case)
    unit = size_of(lower, upper, total)
    assert (x >= lower).all()
    assert (x <= upper).all()
    if equal or nu < 0:
        assert abs(x.sum() - total) <= 4e-16 * max(unit, np.abs(x).sum()) * len(x)
    else:
        assert nu == 0.0
        assert x.sum() <= total + 4e-16 * max(unit, np.abs(x).sum()) * len(x)
    if not equal:
        assert nu <= 0.0
    slope = q * x + c - nu
    # a slope may miss by rounding of its terms; an action may miss its bound by rounding of its size
    tolerance = 1e-9 * (np.abs(c) + q * np.abs(x) + abs(nu) + q * unit) + 1e-14 * (np.abs(c).max() + q.max() * unit)
    inside = (x > lower + 1e-12 * unit) & (x < upper - 1e-12 * unit)
    assert (np.abs(slope[inside]) <= tolerance[inside]).all()
    assert (slope[x < upper - 1e-12 * unit] >= -tolerance[x < upper - 1e-12 * unit]).all()
    assert (slope[x > lower + 1e-12 * unit] <= tolerance[x > lower + 1e-12 * unit]).all()


@settings(max_examples=500)
@given(drawn.water(unbounded=False), drawn.shares, drawn.shares)
def test_more_to_place_gives_nobody_less(case, one, other):
    q, c, lower, upper, _, equal = case
    low, high = (lower.sum() + share * (upper.sum() - lower.sum()) for share in sorted((one, other)))
    (few, cheap), (many, dear) = solve(q, c, lower, upper, low, equal), solve(q, c, lower, upper, high, equal)
    unit = size_of(lower, upper, high)
    assert (many >= few - 1e-12 * unit).all()
    if low > lower.sum() and high < upper.sum():  # at the ends the price is only a one-sided derivative
        assert dear >= cheap - 1e-9 * (np.abs(c).max() + np.abs(q).max() * unit)


@settings(max_examples=500)
@given(st.lists(drawn.water(least=4, most=4), min_size=1, max_size=6))
def test_a_batch_is_its_elements_bit_for_bit(cases):
    columns = [np.array(column) for column in zip(*cases, strict=True)]
    x, nu = solve(*columns)
    for k, case in enumerate(cases):
        alone, price = solve(*case)
        np.testing.assert_array_equal(x[k], alone)
        np.testing.assert_array_equal(nu[k], price)
    strided = np.asfortranarray(columns[0]), np.asfortranarray(columns[1])
    np.testing.assert_array_equal(solve(*strided, *columns[2:])[0], x)


@settings(max_examples=500)
@given(drawn.water(), st.randoms(use_true_random=False))
def test_order_of_agents_does_not_matter(case, random):
    q, c, lower, upper, total, equal = case
    order = np.array(random.sample(range(len(q)), len(q)))
    x, _ = solve(*case)
    moved, _ = solve(q[order], c[order], lower[order], upper[order], total, equal)
    assert np.abs(moved - x[order]).max() <= 1e-9 * max(size_of(lower, upper, total), 1e-300)


@settings(max_examples=800)
@given(st.data())
def test_mixed_sizes_satisfy_the_conditions_to_rounding_of_each_agent(data):
    """Agents of very different cost side by side: a dear one must not blur the cheap ones."""
    n = data.draw(st.integers(2, 5))
    sizes = st.sampled_from([1e-6, 1.0, 1.0, 1e6, 1e12])
    q = data.draw(drawn.vector(n, st.floats(0.1, 4.0)))
    c = data.draw(drawn.vector(n, st.floats(-4.0, 4.0))) * data.draw(drawn.vector(n, sizes))
    upper = data.draw(drawn.vector(n, st.floats(0.1, 4.0)))
    total = float(data.draw(st.floats(0.01, 0.99)) * upper.sum())
    equal = float(data.draw(st.booleans()))
    x, _ = solve(q, c, np.zeros(n), upper, total, equal)
    expected, _ = twins.waterfill(q, c, np.zeros(n), upper, total, equal)
    # each agent's marginal cost c_i + q_i x_i is only known to rounding of c_i; that, over q, is what x may miss
    # agents that end inside their bounds have |c_i| near the price: those sizes decide, not the largest
    inside = (expected > 0) & (expected < upper)
    blur = 1e-15 * (np.abs(c[inside]).max(initial=0.0) + 10.0) / q.min() * n
    assert np.abs(x - expected).max() <= 1e-9 + blur
