"""Water-filling against its optimality conditions and its exact twin, on thousands of drawn cases."""

from fractions import Fraction

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


@st.composite
def wide(draw):
    """Every number from 1e-12 to 1e12 of its own accord, costs to 1e27: tilts that dwarf the budget, ties, corners."""
    n = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def sized(span):
        return 10.0 ** rng.uniform(-span, span, n)

    spans = st.sampled_from([0.0, 1.0, 3.0, 6.0, 12.0])
    q = sized(draw(spans)) * (rng.random(n) >= draw(st.sampled_from([0.0, 0.3, 0.9])))
    c = sized(draw(spans)) * rng.choice([-1.0, 1.0], n) * draw(st.sampled_from([1.0, 1.0, 1e6, 1e15]))
    if draw(st.booleans()):
        c = c[0] + np.round(rng.normal(size=n)) * draw(st.sampled_from([c[0], 1.0, 1e-6]))
    span = draw(spans)
    lower = sized(span) * rng.choice([-1.0, 0.0, 0.0, 1.0], n) * draw(st.sampled_from([0.0, 1.0]))
    upper = lower + sized(span) * (rng.random(n) > 0.05)
    part = draw(st.sampled_from([0.0, 0.5, rng.random(), 10.0 ** rng.uniform(-12, 0)]))
    total = float(lower.sum() + part * (upper - lower).sum())
    if draw(st.integers(0, 4)) == 0:  # just where one agent is full and the next still empty
        k = draw(st.integers(0, n))
        total = float(upper[:k].sum() + lower[k:].sum())
    return q, c, lower, upper, min(max(total, float(lower.sum())), float(upper.sum())), float(draw(st.booleans()))


@settings(max_examples=2500)
@given(wide())
def test_the_budget_and_the_conditions_hold_whatever_the_tilt(case):
    """In exact rationals: nobody who could give has a higher marginal cost than anybody who could take.

    The tolerance is rounding of actions alone; no cost, however large, excuses anything.
    """
    q, c, lower, upper, total, equal = case
    x, nu = solve(*case)
    assert (x >= lower).all()
    assert (x <= upper).all()
    size = max(abs(total), float(np.abs(x).sum()), float(np.abs(lower).sum()))
    gap = float(sum(map(Fraction, x.tolist())) - Fraction(total))
    assert gap <= 4e-16 * size
    if equal or nu < 0:
        assert abs(gap) <= 4e-16 * size
    hair = Fraction(2e-12 * size)
    bend, held = [Fraction(v) for v in q.tolist()], [Fraction(v) for v in x.tolist()]
    marginal = [b * h + Fraction(v) for b, h, v in zip(bend, held, c.tolist(), strict=True)]
    givers = [i for i in range(len(q)) if held[i] - hair > Fraction(lower[i])]
    takers = [i for i in range(len(q)) if held[i] + hair < Fraction(upper[i])]
    price = Fraction(float(nu))
    rounding = [Fraction(4e-16 * (abs(c[i]) + q[i] * abs(x[i]) + abs(nu))) for i in range(len(q))]
    if equal or nu < 0:
        assert all(marginal[i] - marginal[j] <= (bend[i] + bend[j]) * hair for i in givers for j in takers)
    assert all(marginal[i] - price <= bend[i] * hair + rounding[i] for i in givers)
    assert all(price - marginal[i] <= bend[i] * hair + rounding[i] for i in takers)


@settings(max_examples=200)
@given(st.lists(wide(), min_size=2, max_size=6))
def test_a_batch_of_any_sizes_is_its_elements_bit_for_bit(cases):
    n = min(len(case[0]) for case in cases)
    cut = []
    for *columns, total, equal in cases:
        q, c, lower, upper = (column[:n] for column in columns)
        cut.append((q, c, lower, upper, min(max(total, lower.sum()), upper.sum()), equal))
    x, nu = solve(*(np.array(column) for column in zip(*cut, strict=True)))
    for k, case in enumerate(cut):
        alone, price = solve(*case)
        np.testing.assert_array_equal(x[k], alone)
        np.testing.assert_array_equal(nu[k], price)


@settings(max_examples=1200)
@given(st.integers(0, 2**32), st.booleans())
def test_agents_without_curvature_or_bounds(seed, equal):
    """Ties, jumps and infinite ends on both sides: NaN exactly where the cost falls without end, else the conditions."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 6)
    q = rng.choice([0.0, 0.0, 1.0, 2.0, 0.5], n) * 10.0 ** rng.choice([0, 0, -6, 6])
    c = rng.choice([-1.0, 0.0, 0.0, 1.0, 2.0], n) * 10.0 ** rng.choice([0, 0, -6, 6, 12])
    lower = rng.choice([0.0, -1.0, 1.0, -np.inf], n)
    start = np.where(np.isfinite(lower), lower, 0.0)
    upper = np.where(rng.random(n) < 0.4, np.inf, start + rng.choice([0.0, 1.0, 2.0], n))
    total = float(min(max(3.0 * rng.normal(), lower.sum()), upper.sum()))
    x, nu = solve(q, c, lower, upper, total, float(equal))
    gives = c[(q == 0) & (lower == -np.inf)].max(initial=-np.inf)
    takes = c[(q == 0) & (upper == np.inf)].min(initial=np.inf if equal else 0.0)
    if takes < gives:
        assert np.isnan(nu)
        return
    size = max(abs(total), float(np.abs(x).sum()))
    gap = x.sum() - total
    assert gap <= 4e-16 * size * n
    if equal or nu < 0:
        assert gap >= -4e-16 * size * n
    over = q * x + c - nu
    tolerance = q * 1e-12 * size + 1e-14 * (np.abs(c) + q * np.abs(x) + abs(nu))
    assert (over[x - 1e-12 * size > lower] <= tolerance[x - 1e-12 * size > lower]).all()
    assert (over[x + 1e-12 * size < upper] >= -tolerance[x + 1e-12 * size < upper]).all()
