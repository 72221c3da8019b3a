"""Network utility maximisation by value: closed forms, edge cases, errors that name argument and remedy."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import sparse

from evenhand.allocation.network import schur
from evenhand.allocation.network.problem import pose
from evenhand.allocation.network.solve import NetworkStatus, dual_gradient, solve
from evenhand.errors import InfeasibleError, ParameterError, ProblemError, SolverError
from evenhand.utilities import AlphaFair

TIGHT = 1e-11  # relative gap; a strongly concave optimum is then right to its square root or better


@dataclass(frozen=True, slots=True)
class Log:
    def value(self, r):
        return np.log(r)

    def marginal(self, r):
        return 1.0 / r

    def demand(self, price):
        return 1.0 / price

    def curvature(self, r):
        return -1.0 / r**2


@dataclass(frozen=True, slots=True)
class Power:
    gamma: object

    def value(self, r):
        return r**self.gamma

    def marginal(self, r):
        return self.gamma * r ** (self.gamma - 1.0)

    def demand(self, price):
        return (price / self.gamma) ** (1.0 / (self.gamma - 1.0))

    def curvature(self, r):
        return self.gamma * (self.gamma - 1.0) * r ** (self.gamma - 2.0)


@dataclass(frozen=True, slots=True)
class Saturating:
    """1 − exp(−k r): finite marginal at zero, marginals that underflow far out."""

    k: object

    def value(self, r):
        return 1.0 - np.exp(-self.k * r)

    def marginal(self, r):
        return self.k * np.exp(-self.k * r)

    def demand(self, price):
        return np.maximum(0.0, -np.log(price / self.k) / self.k)

    def curvature(self, r):
        return -(self.k**2) * np.exp(-self.k * r)


@dataclass(frozen=True, slots=True)
class Linear:
    """U = r: the problem is a linear programme."""

    def value(self, r):
        return r

    def marginal(self, r):
        return np.ones_like(r)

    def demand(self, price):
        return np.where(price > 1.0, 0.0, np.inf)

    def curvature(self, r):
        return np.zeros_like(r)


@dataclass(frozen=True, slots=True)
class Scalar:
    """Answers with one number for all flows, which is wrong."""

    def value(self, r):
        return 1.0

    marginal = demand = curvature = value


def linear_network(links: int):
    """One long flow over all links and one short flow on each."""
    return sparse.csr_array(np.hstack([np.ones((links, 1)), np.eye(links)]))


@pytest.mark.parametrize("links", [1, 2, 7, 40])
def test_linear_network_has_the_closed_form_of_proportional_fairness(links):
    got = solve(Log(), linear_network(links), np.ones(links), tol=TIGHT)
    want = np.r_[1.0, np.full(links, links)] / (links + 1)
    np.testing.assert_allclose(got.x, want, rtol=1e-7)  # √(gap 1e-11) is 3e-6; the last step is far below it
    np.testing.assert_allclose(got.price, (links + 1) / links, rtol=1e-6)
    assert got.status is NetworkStatus.SOLVED


def test_linear_network_with_alpha_two():
    """α = 2: x_long = 1 / (1 + √L), from x⁻² over L prices."""

    @dataclass(frozen=True)
    class Harmonic:
        def value(self, r):
            return -1.0 / r

        def marginal(self, r):
            return r**-2.0

        def demand(self, price):
            return price**-0.5

        def curvature(self, r):
            return -2.0 * r**-3.0

    got = solve(Harmonic(), linear_network(9), np.ones(9), tol=TIGHT)
    np.testing.assert_allclose(got.x, np.r_[0.25, np.full(9, 0.75)], rtol=1e-7)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_one_link_splits_in_proportion_to_weights(scale):
    weight = np.array([1.0, 2.0, 5.0, 0.5])
    got = solve(Log(), np.ones((1, 4)), 3.0 * scale, weight=weight, tol=TIGHT)
    np.testing.assert_allclose(got.x, 3.0 * scale * weight / weight.sum(), rtol=1e-6)
    np.testing.assert_allclose(got.price, weight.sum() / (3.0 * scale), rtol=1e-6)


def test_one_link_power_equalises_marginals():
    gamma = np.array([0.3, 0.5, 0.9])
    got = solve(Power(gamma), np.ones((1, 3)), 2.0, tol=TIGHT)
    np.testing.assert_allclose(gamma * got.x ** (gamma - 1.0), got.price[0], rtol=1e-5)  # √gap
    assert got.x.sum() == pytest.approx(2.0, rel=1e-9)


def test_one_flow_takes_its_tightest_link():
    got = solve(Log(), np.array([[1.0], [2.0], [1.0]]), [3.0, 4.0, 9.0], tol=TIGHT)
    assert got.x[0] == pytest.approx(2.0, rel=1e-9)
    np.testing.assert_allclose(got.price, [0.0, 0.25, 0.0], atol=1e-8)


def test_bounds_bind_and_the_rest_is_shared():
    got = solve(Log(), np.ones((1, 3)), 9.0, lower=[5.0, 0.0, 0.0], upper=[np.inf, 1.0, np.inf], tol=TIGHT)
    np.testing.assert_allclose(got.x, [5.0, 1.0, 3.0], rtol=1e-6)


def test_onboard_can_leave_a_flow_with_nothing():
    got = solve(Log(), np.ones((1, 2)), 2.0, onboard=[10.0, 1.0], tol=TIGHT)
    np.testing.assert_allclose(got.x, [0.0, 2.0], atol=1e-9)
    assert got.price[0] == pytest.approx(1.0 / 3.0, rel=1e-6)


def test_redundant_and_repeated_links_share_the_price():
    one = solve(Log(), np.ones((1, 2)), 1.0, tol=TIGHT)
    many = solve(Log(), np.ones((5, 2)), [1.0, 1.0, 1.0, 50.0, 7.0], tol=TIGHT)
    np.testing.assert_allclose(many.x, one.x, rtol=1e-7)
    assert many.price[:3].sum() == pytest.approx(2.0, rel=1e-6)
    np.testing.assert_allclose(many.price[3:], 0.0, atol=1e-7)


def test_a_link_without_flows_has_no_price():
    got = solve(Log(), np.array([[1.0, 1.0], [0.0, 0.0]]), [1.0, 0.0], tol=TIGHT)
    np.testing.assert_allclose(got.x, 0.5, rtol=1e-7)
    assert got.price[1] == 0.0


def test_a_flow_on_no_link_takes_its_upper_bound():
    got = solve(Log(), np.array([[1.0, 0.0]]), [2.0], upper=[np.inf, 3.0], tol=TIGHT)
    np.testing.assert_allclose(got.x, [2.0, 3.0], rtol=1e-8)


def test_no_flow_on_any_link():
    got = solve(Log(), np.zeros((2, 2)), 1.0, upper=[1.0, 3.0], tol=1e-9)
    np.testing.assert_allclose(got.x, [1.0, 3.0], rtol=1e-7)


def test_link_without_room_holds_its_flows_at_their_lower_bound():
    routing = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    got = solve(Power(0.5), routing, [0.0, 4.0], tol=TIGHT)
    np.testing.assert_allclose(got.x, [0.0, 4.0, 0.0], rtol=1e-8, atol=0.0)
    full = solve(Log(), routing, [3.0, 4.0], lower=[1.0, 0.0, 2.0], tol=TIGHT)
    np.testing.assert_allclose(full.x, [1.0, 2.0, 2.0], rtol=1e-8)


def test_everything_fixed():
    got = solve(Log(), np.ones((1, 2)), 3.0, lower=[1.0, 2.0])
    np.testing.assert_array_equal(got.x, [1.0, 2.0])
    assert got.gap == 0.0
    assert got.iterations == 0


def test_link_without_room_under_log_utility_is_refused():
    with pytest.raises(InfeasibleError, match=r"flow 1 can have no more than 0, where its utility is -inf.*raise"):
        solve(Log(), np.array([[1.0, 0.0], [0.0, 1.0]]), [1.0, 0.0])


def test_sparse_and_dense_factorisations_agree(monkeypatch):
    """A line of links with neighbourly flows: banded, so SuperLU takes over above the size limit."""
    links, rng = 120, np.random.default_rng(3)
    columns = np.arange(links - 2)
    rows = np.concatenate([columns, columns + 1, columns + 2])
    routing = sparse.csr_array((np.ones(rows.size), (rows, np.tile(columns, 3))), (links, links - 2))
    capacity = rng.uniform(1.0, 3.0, links)
    dense = solve(Log(), routing, capacity, tol=1e-10)
    monkeypatch.setattr(schur, "DENSE_LINKS", 0)
    assert not schur.field_of(pose(Log(), routing, capacity, 1.0, 0.0, 0.0, np.inf)).dense
    lu = solve(Log(), routing, capacity, tol=1e-10)
    np.testing.assert_allclose(lu.x, dense.x, rtol=1e-8)
    np.testing.assert_allclose(lu.price, dense.price, rtol=1e-6, atol=1e-9)


def test_random_routing_is_factorised_dense():
    """Its Schur complement has few entries and fills in completely."""
    rng = np.random.default_rng(5)
    routing = sparse.csr_array((np.ones(1600), (rng.integers(0, 400, 1600), np.repeat(np.arange(400), 4))), (400, 400))
    assert schur.field_of(pose(Log(), routing, 1.0, 1.0, 0.0, 0.0, np.inf)).dense


def test_marginals_that_underflow_do_not_stop_it():
    k = np.array([1.0, 300.0, 1e4, 0.01])
    routing = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    got = solve(Saturating(k), routing, [20.0, 8.0], tol=1e-10)
    assert got.gap <= 1e-10
    assert np.all(routing @ got.x <= [20.0, 8.0])


def test_answer_is_frozen_and_consistent():
    routing = linear_network(4)
    got = solve(Log(), routing, np.ones(4))
    with pytest.raises(AttributeError):
        got.gap = 0.0  # type: ignore[misc]
    assert got.history.shape == (got.iterations + 1,)
    np.testing.assert_allclose(got.path_price, routing.T @ got.price)
    assert got.objective == pytest.approx(np.log(got.x).sum())
    assert got.gap == pytest.approx((got.dual_objective - got.objective) / max(abs(got.objective), got.price.sum()))


def test_residuals_see_what_is_wrong():
    problem = pose(Log(), np.ones((1, 2)), 2.0, 1.0, 0.0, 0.0, np.inf)
    right = problem.residuals(np.array([1.0, 1.0]), np.array([1.0]))
    assert (right.primal, right.dual, right.slackness, right.stationarity) == (0.0, 0.0, 0.0, 0.0)
    assert problem.residuals(np.array([2.0, 1.0]), np.array([1.0])).primal == pytest.approx(0.5)
    assert problem.residuals(np.array([1.0, 1.0]), np.array([-1.0])).dual == pytest.approx(1.0)
    assert problem.residuals(np.array([0.5, 0.5]), np.array([2.0])).slackness == pytest.approx(0.5)
    assert problem.residuals(np.array([0.5, 1.0]), np.array([1.0])).stationarity == pytest.approx(0.5)


def test_inputs_are_not_changed():
    routing = sparse.coo_array(np.array([[1.0, 0.0], [1.0, 1.0]]))
    capacity, weight = np.array([1.0, 2.0]), np.array([1.0, 3.0])
    before = routing.data.copy(), capacity.copy(), weight.copy()
    solve(Log(), routing, capacity, weight=weight)
    dual_gradient(Log(), routing, capacity, weight=weight, iterations=5)
    for old, new in zip(before, (routing.data, capacity, weight), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("links", [1, 3])
def test_dual_gradient_reaches_the_same_optimum(links):
    got = dual_gradient(Log(), linear_network(links), np.ones(links), tol=1e-8, iterations=20_000)
    assert got.status is NetworkStatus.SOLVED
    np.testing.assert_allclose(got.x, np.r_[1.0, np.full(links, links)] / (links + 1), rtol=3e-4)  # √1e-8 = 1e-4
    assert got.history[-1] <= 1e-8
    assert np.all(np.diff(got.history) <= 1e-12)  # the best pair so far is kept


def test_dual_gradient_says_when_it_has_not_converged():
    got = dual_gradient(Log(), linear_network(3), np.ones(3), step=0.01, iterations=3)
    assert got.status is NetworkStatus.ROUNDS
    assert got.iterations == 3
    assert got.gap > 1e-6
    assert got.residuals.primal == 0.0


TWO = np.ones((1, 2))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"capacity": [-1.0]}, r"capacity\[0\] = -1: give a finite number"),
        ({"capacity": [np.nan]}, r"capacity\[0\] = nan"),
        ({"capacity": [np.inf]}, r"capacity\[0\] = inf.*drop links"),
        ({"capacity": [1.0, 2.0]}, r"capacity has shape \(2,\): routing has 1 links, give shape \(1,\)"),
        ({"capacity": "much"}, "capacity"),
        ({"routing": np.array([[1.0, -2.0]])}, r"routing\[0, 1\] = -2: entries"),
        ({"routing": np.array([[1.0, np.nan]])}, r"routing\[0, 1\] = nan"),
        ({"routing": np.ones(2)}, r"routing has shape \(2,\): give a matrix"),
        ({"routing": np.ones((0, 2)), "capacity": np.ones(0)}, r"routing has shape \(0, 2\)"),
        ({"weight": [1.0, 0.0]}, r"weight\[1\] = 0: give a finite number > 0"),
        ({"weight": [1.0, 2.0, 3.0]}, r"weight has shape \(3,\).*shape \(2,\), one per flow"),
        ({"onboard": [-1.0, 0.0]}, r"onboard\[0\] = -1"),
        ({"lower": [0.0, np.nan]}, r"lower\[1\] = nan"),
        ({"lower": [0.5, 0.5], "upper": [1.0, 0.25]}, r"lower\[1\] = 0.5: .*above upper"),
        ({"upper": [np.nan, 1.0]}, r"upper\[0\] = nan: use numpy.inf"),
        ({"routing": np.array([[1.0, 0.0]])}, r"flow 1 crosses no link and upper\[1\] = inf: .*finite upper"),
        ({"utility": Scalar()}, r"utility.value returns shape \(\): routing has 2 flows"),
    ],
)
def test_bad_input_is_named(change, text):
    given = {"utility": Log(), "routing": TWO, "capacity": [1.0]} | change
    for solver in (solve, dual_gradient):
        with pytest.raises(ProblemError, match=text):
            solver(**given)


def test_lower_bounds_beyond_a_link_name_the_link():
    with pytest.raises(InfeasibleError, match=r"link 1: .*load it with 3, its capacity is 2; raise capacity\[1\] by 1"):
        solve(Log(), np.array([[1.0, 0.0], [1.0, 1.0]]), [5.0, 2.0], lower=[1.0, 2.0])


def test_bad_parameters_are_named():
    with pytest.raises(ParameterError, match="tol is 0"):
        solve(Log(), TWO, 1.0, tol=0.0)
    with pytest.raises(ParameterError, match="step"):
        dual_gradient(Log(), TWO, 1.0, step=-1.0)
    with pytest.raises(ParameterError, match="iterations is 0"):
        dual_gradient(Log(), TWO, 1.0, iterations=0)


def test_impossible_tolerance_is_a_solver_error_with_the_gap_reached(monkeypatch):
    monkeypatch.setattr("evenhand.allocation.network.solve.MOST_ITERATIONS", 2)
    monkeypatch.setattr("evenhand.allocation.network.temper.MOST", 2)
    with pytest.raises(SolverError, match=r"used up .*gap .*tol 1e-15"):
        solve(Log(), linear_network(5), np.ones(5), tol=1e-15)


def test_linear_utility_is_a_linear_programme():
    """Two links of 1: the long flow would use both, so the short ones take all, at price w on each link."""
    got = solve(Linear(), linear_network(2), np.ones(2), weight=[1.0, 1.0, 0.9], tol=1e-9)
    np.testing.assert_allclose(got.x, [0.0, 1.0, 1.0], atol=1e-7)
    np.testing.assert_allclose(got.price, [1.0, 0.9], rtol=1e-6)


def test_kinked_utility_is_refused_with_a_remedy(monkeypatch):
    @dataclass(frozen=True)
    class Kinked:
        """min(r, 1) + r / 2 in turn."""

        def value(self, r):
            return np.minimum(r, 1.0) + 0.5 * r

        def marginal(self, r):
            return np.where(r < 1.0, 1.5, 0.5)

        def demand(self, price):
            return np.where(price > 1.5, 0.0, np.where(price > 0.5, 1.0, np.inf))

        def curvature(self, r):
            return np.zeros_like(r)

    monkeypatch.setattr("evenhand.allocation.network.solve.MOST_ITERATIONS", 60)
    with pytest.raises(SolverError, match=r"no curvature: fit a smooth family"):
        solve(Kinked(), np.ones((1, 3)), 2.3, weight=[1.0, 1.1, 1.2], tol=1e-9)


@pytest.mark.parametrize("alpha", [2.0, 8.0, 20.0])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_flow_counts_however_little_it_weighs_in_the_objective(alpha, unit):
    """A flow on a link of 1e-3 and one of 10, with one short flow on each: half of the narrow link, the wide rest.

    x0^-alpha = (c1 - x0)^-alpha + (c2 - x0)^-alpha, whose last term is below 1e-8 of the others from alpha = 2 on.
    """
    narrow, wide = 1e-3 * unit, 10.0 * unit
    got = solve(AlphaFair(alpha), np.array([[1, 1, 0], [1, 0, 1]]), [narrow, wide], tol=1e-10)
    assert got.status is NetworkStatus.SOLVED
    np.testing.assert_allclose(got.x, [narrow / 2, narrow / 2, wide - narrow / 2], rtol=1e-6)
    np.testing.assert_allclose(np.log(got.price), -alpha * np.log([narrow / 2, wide]), rtol=1e-3)


def test_many_links_at_fairness_eight_meet_every_marginal():
    """Prices over twenty decades: w U' is the path price for every flow, in logarithms, and no link is overloaded."""
    rng = np.random.default_rng(1)
    links, flows = 12, 40
    routing = (rng.random((links, flows)) < 0.2).astype(float)
    routing[rng.integers(0, links, flows), np.arange(flows)] = 1.0
    capacity = 10.0 ** rng.uniform(-1, 2, links)
    got = solve(AlphaFair(8.0), routing, capacity)
    assert got.status is NetworkStatus.SOLVED
    assert np.max(np.abs(-8.0 * np.log(got.x) - np.log(got.path_price))) < 1e-3
    assert np.all(routing @ got.x <= capacity)
    assert np.ptp(np.log10(got.price[got.price > 0])) > 12.0


def test_dual_gradient_does_not_call_a_gap_alone_solved():
    """At level 4 a link of 100 has 1e-8 of the price of one of 1: its flows are anywhere when the gap is proved."""
    routing, capacity = np.array([[1, 1, 0, 0], [0, 0, 1, 1.0]]), [1.0, 100.0]
    got = dual_gradient(AlphaFair(4.0), routing, capacity, step=0.5, iterations=2000)
    assert got.gap <= 1e-6
    assert got.residuals.stationarity > 0.9
    assert got.status is NetworkStatus.UNSETTLED


def test_a_flow_near_its_bound_is_excused_only_if_it_would_stay():
    """Log utility never stays at 0: a flow of weight 1e-9 with 1,000 times its due of 1e-9 is off by all of it."""
    weight = np.array([1.0, 1e-9])
    problem = pose(Log(), np.ones((1, 2)), 1.0, weight, 0.0, 0.0, np.inf)
    due, x = weight / weight.sum(), np.array([1.0 - 1e-6, 1e-6])
    assert problem.residuals(due, np.array([weight.sum()])).stationarity <= 1e-12
    assert problem.residuals(x, np.array([weight.sum()])).stationarity > 0.99


def test_a_proved_gap_alone_is_not_called_solved(monkeypatch):
    monkeypatch.setattr("evenhand.allocation.network.temper.MOST", 1)
    monkeypatch.setattr("evenhand.allocation.network.solve.MOST_FINISHING", 0)
    rng = np.random.default_rng(10)
    routing = (rng.random((12, 40)) < 0.2).astype(float)
    routing[rng.integers(0, 12, 40), np.arange(40)] = 1.0
    got = solve(AlphaFair(8.0), routing, 10.0 ** rng.uniform(-1, 3, 12))
    assert got.gap <= 1e-6
    assert got.residuals.stationarity > 1e-3
    assert got.status is NetworkStatus.UNSETTLED
