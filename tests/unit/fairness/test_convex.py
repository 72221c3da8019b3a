"""A fairness cost written in CVXPY beside the family it spells out: values, prices, optima, certificates, refusals."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.fairness.dual import supported

GOAL = [0.5, 1.0, 0.0, 3.0]
PAIRS = [
    (lambda y, d: 2 * cp.norm_inf(y), eh.Norm(2.0)),
    (lambda y, d: 2 * cp.norm(y, 2), eh.Norm(2.0, 2.0)),
    (lambda y, d: 2 * cp.norm(y, 1), eh.Norm(2.0, 1.0)),
    (lambda y, d: 2 * cp.pnorm(y, 3), eh.Norm(2.0, 3.0)),
    (lambda y, d: 1.5 * cp.norm(cp.pos(y + d), 2), eh.Shortfall(1.5, GOAL, 2.0)),
    (lambda y, d: 1.5 * cp.max(cp.pos(y + d)), eh.Shortfall(1.5, GOAL)),
    (lambda y, d: 1.5 * cp.pnorm(y - d, 1.5), eh.Target(1.5, GOAL, 1.5)),
]
IDS = [f"{type(g).__name__}-{g.p}" for _, g in PAIRS]


@pytest.mark.parametrize(("build", "model"), PAIRS, ids=IDS)
def test_values_prices_and_steps_are_its_models(build, model):
    g = eh.ConvexFairness(build, 4, GOAL)
    rng = np.random.default_rng(0)
    y, raw = rng.normal(size=(2, 12, 4)) * [[[1.0]], [[5.0]]]
    np.testing.assert_allclose(g.value(y), model.value(y), rtol=1e-12)
    np.testing.assert_allclose(g.subgradient(y), model.subgradient(y), atol=1e-5)
    np.testing.assert_allclose(g.project(raw), model.project(raw), atol=1e-5)
    inside = model.project(raw)
    np.testing.assert_allclose(g.conjugate(inside), model.conjugate(inside), atol=1e-7)
    assert np.isinf(g.conjugate(10.0 * raw)).all()
    np.testing.assert_allclose(g.recession(y), model.recession(y), rtol=1e-8, atol=1e-9)
    low, high = np.full(4, -1.0), np.linspace(0.5, 2.0, 4)
    ours, theirs = (f.budget(raw, low, high) for f in (g, model))
    least = model.value(theirs) - (raw * theirs).sum(-1)
    np.testing.assert_allclose(model.value(ours) - (raw * ours).sum(-1), least, atol=1e-7)
    kappa = np.abs(raw) + 0.1
    step = [f.project_entropic(kappa, np.zeros(4), np.ones(4), True) for f in (g, model)]
    np.testing.assert_allclose(step[0], step[1], atol=1e-4)
    assert g.lipschitz(4) >= model.lipschitz(4) * (1 - 1e-9)
    np.testing.assert_allclose(g.scaled(3.0).value(y), 3.0 * g.value(y), rtol=1e-12)


@pytest.mark.parametrize(("build", "model"), PAIRS, ids=IDS)
def test_a_supported_price_is_proved_whatever_was_asked_for(build, model):
    """The price is in the model's dual ball without any tolerance, and its charge is not below g* there."""
    g = eh.ConvexFairness(build, 4, GOAL)
    rng = np.random.default_rng(1)
    for scale in (1e-3, 0.3, 1.0, 30.0):
        price, charge = supported(g, rng.normal(size=(8, 4)) * scale)
        assert (model.norm if hasattr(model, "norm") else model).dual_norm(price).max() <= model.mu * (1 + 1e-14)
        exact = model.conjugate(price)
        assert (charge >= exact - 1e-14 * (1 + np.abs(exact))).all()
        far = rng.normal(size=(200, 1, 4)) * 10.0 ** rng.uniform(-3, 3, (200, 1, 1))
        assert (model.value(far) - (far * price).sum(-1) + charge >= -1e-12 * (1 + np.abs(far).sum(-1))).all()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 2**20), st.sampled_from(range(len(PAIRS))))
def test_optimum_and_certificates_are_its_models(seed, which):
    build, model = PAIRS[which]
    rng = np.random.default_rng(seed)
    upper = rng.uniform(0.5, 2.0, (4, 4))

    def problem(fairness):
        rng = np.random.default_rng(seed)
        return eh.Problem(
            eh.Setting(4, 0.5, fairness, np.full(4, 0.2)),
            eh.Quadratic(rng.uniform(-1, 1, (4, 4)), rng.uniform(0.2, 2.0, (4, 4)), 5.0),
            eh.Diagonal(rng.uniform(-1.5, 1.5, (4, 4))),
            eh.Budget(upper.sum(-1) * rng.uniform(0.2, 0.8, 4), upper),
        )

    ours, theirs = problem(eh.ConvexFairness(build, 4, GOAL)), problem(model)
    a, b = eh.optimum(ours), eh.optimum(theirs)
    assert a.gap <= 1e-6
    assert a.cost.total == pytest.approx(b.cost.total, rel=1e-7)
    assert a.lower_bound <= b.cost.total * (1 + 1e-12)
    for separable in (False, True):
        one, other = (eh.lower_bound(p, separable=separable).value for p in (ours, theirs))
        assert one == pytest.approx(other, rel=1e-6)
        assert one <= a.cost.total * (1 + 1e-12)


def test_units_do_not_matter():
    """The same problem in money and burdens 1e9 times as large."""
    rng = np.random.default_rng(4)
    linear, weight, total = rng.uniform(-1, 1, (4, 4)), rng.uniform(0.3, 1.5, (4, 4)), rng.uniform(1.0, 2.0, 4)

    def total_of(money, burden):
        fair = eh.ConvexFairness(lambda y, d: money * (cp.norm(y / burden - d, 2) + cp.max(y / burden)), 4, GOAL)
        one = eh.Problem(
            eh.Setting(4, 0.5 * money, fair, np.full(4, 0.2)),
            eh.Quadratic(linear * money, money),
            eh.Diagonal(weight * burden),
            eh.Budget(total, np.ones(4)),
        )
        best = eh.optimum(one)
        assert best.gap <= 1e-6
        return float(best.cost.total) / money

    first = total_of(1.0, 1.0)
    for money, burden in ((1e9, 1.0), (1e-9, 1e6), (1.0, 1e-6)):
        assert total_of(money, burden) == pytest.approx(first, rel=1e-7)


def test_a_block_of_ones_own_beside_a_norm():
    ours = eh.Blocks((eh.ConvexFairness(lambda y, d: 2 * cp.norm_inf(y), 2), eh.Norm(1.0, 2.0)), (2, 2))
    theirs = eh.Blocks((eh.Norm(2.0), eh.Norm(1.0, 2.0)), (2, 2))
    rng = np.random.default_rng(4)

    def best(fairness):
        rng = np.random.default_rng(4)
        return eh.optimum(
            eh.Problem(
                eh.Setting(4, 0.5, fairness, np.full(4, 0.2)),
                eh.Quadratic(rng.uniform(-1, 1, (4, 4)), 1.0),
                eh.Diagonal(rng.uniform(0.3, 1.5, (4, 4))),
                eh.Budget(rng.uniform(1.0, 2.0, 4), np.ones(4)),
            )
        )

    assert best(ours).cost.total == pytest.approx(best(theirs).cost.total, rel=1e-8)
    price, charge = ours.support(rng.normal(size=4))
    assert np.isfinite(theirs.conjugate(price))
    assert charge >= 0.0


@pytest.mark.parametrize("domain", ["free", "ball"])
def test_policies_play_with_it(domain):
    rng = np.random.default_rng(4)
    one = eh.Problem(
        eh.Setting(6, 0.5, eh.Norm(2.0), np.full(3, 0.2)),
        eh.Quadratic(rng.uniform(-1, 1, (6, 3)), 1.0),
        eh.Diagonal(rng.uniform(0.3, 1.5, (6, 3))),
        eh.Budget(rng.uniform(1.0, 2.0, 6), np.ones(3)),
    )
    from dataclasses import replace

    own = replace(one, setting=replace(one.setting, fairness=eh.ConvexFairness(lambda y, d: 2 * cp.norm_inf(y), 3)))
    for mirror in (eh.Euclidean(), eh.WeightedEuclidean([0.5, 1.0, 2.0]), eh.Entropy()):
        policy = eh.FairOBD(0.1, mirror=mirror, domain=domain, kappa1=[0.9, 0.5, 0.3])
        a, b = eh.simulate(own, policy), eh.simulate(one, policy)
        np.testing.assert_allclose(a.actions, b.actions, atol=2e-4)


@pytest.mark.parametrize(
    ("build", "entities", "text"),
    [
        (lambda y, d: -cp.norm(y, 2), 3, "must be a convex scalar"),
        (lambda y, d: y, 3, "must be a convex scalar"),
        (lambda y, d: cp.sum_squares(y), 3, "must be Lipschitz.*huber"),
        (lambda y, d: cp.exp(cp.max(y)), 3, "must be Lipschitz"),
        (lambda y, d: cp.norm(y, 2), 0, "entities"),
    ],
)
def test_what_is_no_fairness_cost_is_refused(build, entities, text):
    with pytest.raises(eh.EvenhandError, match=text):
        eh.ConvexFairness(build, entities)


def test_another_number_of_entities_is_refused():
    with pytest.raises(eh.ProblemError, match="for 3 entities, the burdens have 2"):
        eh.ConvexFairness(lambda y, d: cp.norm(y, 2), 3).value(np.zeros(2))
