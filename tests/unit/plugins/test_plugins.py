"""Files as a user writes them, each beside the built-in family that it imitates: same optimum, same certificate."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pytest

import evenhand as eh
from evenhand import checks
from evenhand.checks import forms
from evenhand.columns import column
from evenhand.conic import epigraph
from evenhand.errors import ConformanceError
from evenhand.theory.guarantees import guarantee
from unit.plugins.own_cost import Missed
from unit.plugins.own_fairness import Worst
from unit.plugins.own_mirror import Paced
from unit.plugins.own_set import Disc, Shared
from unit.plugins.own_switching import StartStop

T, N = 6, 3
RNG = np.random.default_rng(5)
DEMAND, PRICE, WEIGHT = (RNG.uniform(0.2, 2.0, (T, N)) for _ in range(3))
LINEAR, UPPER = RNG.uniform(0.0, 1.0, (T, N)), RNG.uniform(1.0, 2.0, (T, N))
TOTAL = UPPER.sum(axis=-1) * RNG.uniform(0.3, 0.8, T)
IMPACT = eh.Diagonal(RNG.uniform(0.3, 1.5, (T, N)))
NORM = eh.Norm(1.5)


def episode(cost, feasible, fairness=NORM, impact=IMPACT, **given):
    given = given or {"beta": 0.7}
    return eh.Problem(eh.Setting(T, fairness=fairness, initial=np.full(N, 0.2), **given), cost, impact, feasible)


QUADRATIC = episode(eh.Quadratic(LINEAR, 1.0), eh.Budget(TOTAL, UPPER))
UNSERVED = episode(eh.Unserved(DEMAND, WEIGHT, PRICE), eh.Budget(TOTAL, UPPER))


def same(ours, theirs):
    """OPT, FairOPT, frames and both certificates, to 1e-8."""
    for solve in (eh.optimum, eh.fair_optimum, lambda p: eh.optimum(p, frame=2, deviation=2.0)):
        a, b = solve(ours), solve(theirs)
        if solve is not eh.fair_optimum:
            assert a.gap <= 1e-7
            assert a.cost.total == pytest.approx(b.cost.total, rel=1e-8)
            assert a.lower_bound == pytest.approx(b.lower_bound, rel=1e-8)
        else:  # least to 1e-6, so that the costs that come second may differ by as much
            assert a.cost.fairness == pytest.approx(b.cost.fairness, rel=1e-6)
            assert a.cost.total == pytest.approx(b.cost.total, rel=1e-5)
    for separable in (False, True):
        a, b = (eh.lower_bound(p, separable=separable).value for p in (ours, theirs))
        assert a == pytest.approx(b, rel=1e-8)
    kappa = np.array([0.75, 0.5, 0.25])
    a, b = (eh.lower_bound(p, kappa, separable=True).value for p in (ours, theirs))
    assert a == pytest.approx(b, rel=1e-8)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (episode(Missed(DEMAND, PRICE, WEIGHT), eh.Budget(TOTAL, UPPER)), UNSERVED),
        (episode(eh.Quadratic(LINEAR, 1.0), Shared(TOTAL, UPPER)), QUADRATIC),
        (episode(Missed(DEMAND, PRICE, WEIGHT), Shared(TOTAL, UPPER)), UNSERVED),
        (episode(eh.Quadratic(LINEAR, 1.0), eh.Budget(TOTAL, UPPER), Worst(1.5, 1, (1.0, 1.0, 1.0))), QUADRATIC),
        (
            episode(
                eh.Quadratic(LINEAR, 1.0),
                eh.Budget(TOTAL, UPPER),
                eh.ConvexFairness(lambda y, d: 1.5 * cp.norm_inf(y), N),
            ),
            QUADRATIC,
        ),
    ],
    ids=["cost", "set", "cost and set", "fairness", "convex fairness"],
)
def test_a_file_of_ones_own_gets_what_its_model_gets(ours, theirs):
    same(ours, theirs)


def test_a_switching_cost_of_ones_own():
    ours, theirs = (
        episode(eh.Quadratic(LINEAR, 1.0), eh.Budget(TOTAL, UPPER), switching=s)
        for s in (StartStop(0.0, wear=0.7), eh.Squared(0.7))
    )
    same(ours, theirs)
    x = [p.cost.total for p in (eh.simulate(ours, eh.FairOBD()), eh.simulate(theirs, eh.FairOBD()))]
    assert x[0] == x[1]


def test_an_impact_of_ones_own_needs_no_form():
    @dataclass(frozen=True, slots=True)
    class Doubled:
        weight: np.ndarray = column(1)

        @property
        def actions(self):
            return self.weight.shape[-1]

        @property
        def core(self):
            return {"weight": self.weight.shape[-1:]}

        entities = N

        def burden(self, x):
            return 2.0 * self.weight * x

        def tilt(self, kappa):
            return 2.0 * self.weight * kappa

        def range(self, lower, upper):
            return eh.Diagonal(2.0 * self.weight).range(lower, upper)

    half = Doubled(np.asarray(IMPACT.weight) / 2.0)
    same(episode(eh.Quadratic(LINEAR, 1.0), eh.Budget(TOTAL, UPPER), impact=half), QUADRATIC)


def test_a_mirror_of_ones_own():
    a = (0.5, 1.0, 2.0)
    best = eh.optimum(QUADRATIC)
    told = []
    for mirror in (Paced(a), eh.WeightedEuclidean(a)):
        run = eh.simulate(QUADRATIC, eh.FairOBD(0.05, mirror=mirror))
        told.append(guarantee(run, best, frame=2))
        assert told[-1].holds
        held = eh.optimum(QUADRATIC, frame=2, deviation=1.5, mirror=mirror)
        assert eh.attained_deviation(held.trajectory, 2, mirror) <= 1.5 * (1 + 1e-6)
        told.append(held.cost.total)
    assert told[0].bound == pytest.approx(told[2].bound, rel=1e-12)
    assert told[1] == pytest.approx(told[3], rel=1e-8)


def test_a_curved_set_against_cvxpy():
    radius, linear = RNG.uniform(0.5, 2.0, T), RNG.normal(size=(T, 2)) * 3.0
    weight = RNG.uniform(0.3, 1.5, (T, 2))
    one = eh.Problem(
        eh.Setting(T, 0.5, eh.Norm(1.5, 2.0), np.full(2, 0.2)),
        eh.Quadratic(linear, 0.5),
        eh.Diagonal(weight),
        Disc(radius),
    )
    x = cp.Variable((T, 2))
    before = cp.vstack([np.full((1, 2), 0.2), x[:-1]])
    goal = cp.sum(cp.multiply(linear, x)) + 0.25 * cp.sum_squares(x) + 0.25 * cp.sum_squares(x - before)
    goal = goal / T + 1.5 * cp.norm(cp.sum(cp.multiply(weight, x), axis=0) / T, 2)
    made = cp.Problem(cp.Minimize(goal), [cp.norm(x[t], 2) <= radius[t] for t in range(T)])
    made.solve(solver="CLARABEL")
    best = eh.optimum(one)
    assert best.gap <= 1e-7
    assert best.cost.total == pytest.approx(made.value, rel=1e-7)
    assert eh.lower_bound(one, separable=True).value <= best.cost.total
    assert eh.fair_optimum(one).cost.fairness <= 1e-6
    for policy in (eh.FairOBD(domain="ball"), eh.HitMin()):
        run = eh.simulate(one, policy)
        assert (one.feasible.violation(run.actions) <= 1e-9).all()
        assert run.cost.total >= best.lower_bound - 1e-9


def test_what_these_files_say_about_themselves_is_checked():
    checks.check_cost(Missed(DEMAND[0], PRICE[0], WEIGHT[0]), RNG.uniform(0.0, 2.0, (8, N)))
    for own in (Shared(TOTAL[0], UPPER[0]), Disc(np.array(1.5))):
        checks.check_set(own)
    checks.check_fairness(Worst(1.5, 2, (1.0, 0.5, 2.0, 1.0)))


@dataclass(frozen=True, slots=True)
class Bare:
    """A set without a conic form."""

    upper: np.ndarray = column(1)

    @property
    def actions(self):
        return self.upper.shape[-1]

    @property
    def core(self):
        return {"upper": self.upper.shape[-1:]}

    @property
    def bounds(self):
        return np.zeros_like(self.upper), self.upper

    def violation(self, x):
        return np.maximum(x - self.upper, -x).max(axis=-1)

    def support(self, direction):
        return (np.minimum(direction, 0.0) * self.upper).sum(axis=-1)


def test_what_is_missing_is_said_with_the_remedy():
    one = episode(eh.Quadratic(LINEAR, 1.0), Bare(UPPER))
    with pytest.raises(eh.ProblemError, match=r"Bare has no .*in_units"):
        eh.optimum(one)
    with pytest.raises(eh.ProblemError, match=r"Quadratic on Bare: give Bare a method conic\(\)"):
        eh.simulate(one, eh.HitMin())

    class Formless:
        """Nothing at all."""

    with pytest.raises(eh.ProblemError, match=r"Formless has no conic form.*a method epigraph.*Epigraph"):
        epigraph(Formless(), 3)


def test_a_form_that_lies_is_caught():
    @dataclass(frozen=True, slots=True)
    class Half:
        """Half of a cost, with the form of all of it."""

        inner: Missed
        actions = N

        def value(self, x):
            return 0.5 * self.inner.value(x)

        def conic(self):
            return self.inner.conic()

    one = Missed(DEMAND[:1], PRICE[:1], WEIGHT[:1])
    points = RNG.uniform(0.0, 2.0, (8, N))
    with pytest.raises(ConformanceError, match="its form has its values"):
        forms.cost(Half(one), points, 0.5 * one.value(points))
