"""The public checks over everything the registry discovers, over a user's file, and over things that break promises."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pytest

from evenhand import (
    Box,
    Budget,
    DenseQuadratic,
    Entropy,
    Euclidean,
    FairOBD,
    Limits,
    Linear,
    Log,
    Norm,
    Polytope,
    Power,
    Quadratic,
    Squared,
    checks,
)
from evenhand.errors import ConformanceError
from evenhand.registry import KINDS, catalogue, load_plugin

#: constructor arguments where defaults are not enough; a member that is missing here is built without any
ARGUMENTS = {
    "Norm": [
        {"mu": 2.0, "p": p, "weights": w} for p in (1.0, 1.5, 2.0, 4.0, np.inf) for w in (1.0, [1.0, 0.5, 2.0, 1.5])
    ],
    "Target": [{"mu": 2.0, "target": [0.5, -1.0, 0.0, 3.0], "p": p} for p in (1.0, 1.5, 2.0, np.inf)],
    "Shortfall": [{"mu": 2.0, "quota": [0.5, 1.0, 0.0, 3.0], "p": p} for p in (1.0, 1.5, 2.0, np.inf)],
    "Blocks": [{"parts": (Norm(2.0), Norm(1.0, 2.0)), "sizes": (3, 1)}],
    "ConvexFairness": [
        {"build": lambda y, d: 2.0 * cp.norm_inf(y), "entities": 4},
        {"build": lambda y, d: cp.norm(cp.pos(y + d), 2) + cp.sum(cp.huber(y)), "entities": 4, "data": [0.5, 0, 1, 2]},
        {"build": lambda y, d: cp.pnorm(y - d, 3), "entities": 4, "data": [0.5, 0, 1, 2]},
        {"build": lambda y, d: cp.log_sum_exp(cp.multiply(d, y)), "entities": 4, "data": [0.5, 1, 1, 2]},
    ],
    "Unserved": [{"demand": [0.5, 0.0], "weight": 2.0, "price": [0.0, 1.0], "linear": [1.0, 0.0], "curvature": 0.5}],
    "Pooled": [{"demand": 0.7, "linear": [1.0, 0.0], "curvature": [0.0, 1.0], "rate": [1.0, 2.0], "price": 1.0}],
    "Synthetic": [{"family": f} for f in ("constant", "one-round", "one-action", "free-moves", "toggle", "drift")],
    "Tenants": [{}, {"form": "target", "tenants": 12}],
    "Quadratic": [{"linear": [1.0, -1.0], "curvature": [0.0, 2.0]}],
    "DenseQuadratic": [{"matrix": [[2.0, 1.0], [1.0, 2.0]], "linear": [1.0, -1.0]}],
    "Convex": [{"build": lambda x, d: cp.sum_squares(x) + d @ x, "data": [1.0, 0.0], "n": 2, "modulus": 2.0}],
    "UtilityCost": [{"utility": Power([0.5, 0.3]), "weight": [1.0, 2.0], "onboard": 2.0, "best": 4.0}],
    "Box": [{"lower": [-1.0, 0.0], "upper": [1.0, 2.0]}],
    "Budget": [{"total": 1.0, "upper": [1.0, 2.0]}, {"total": 1.0, "upper": [1.0, np.inf], "equal": False}],
    "Polytope": [{"rows": [[1.0, 1.0]], "low": 0.5, "high": 1.0, "lower": 0.0, "upper": 1.0}],
    "FairOBD": [{}, {"domain": "ball"}, {"mirror": Entropy(), "domain": "ball"}, {"lambda1": 0.5, "lambda2": 0.5}],
    "DMD": [{}, {"domain": "ball", "mirror": Entropy()}],
    "Squared": [{"beta": 2.0}],
    "Weighted": [{"weight": [1.0, 0.0, 2.0, 3.0]}],
    "Linear": [{"c": 2.0}],
    "RampUp": [{"c": 2.0}],
    "RampDown": [{"c": [1.0, 2.0, 0.0, 1.0]}],
    "Limits": [{"rise": 2.0}],
    "Sum": [{"parts": (Linear(2.0), Squared(1.0), Limits(rise=1.0))}],
    "WeightedEuclidean": [{"weights": 2.0}, {"weights": [0.1, 1.0, 3.0, 20.0]}],
    "Diagonal": [{"weight": [0.5, 1.0, -2.0]}, {"weight": [[0.5, 1.0], [2.0, 0.0]]}],
    "Dense": [{"matrix": [[0.5, 1.0, -2.0], [0.0, 1.0, 3.0]]}],
    "Stacked": [{"weight": [[1.0, 2.0], [0.5, -1.0]]}],
    "Power": [{"gamma": 0.3}, {"gamma": [0.1, 0.5, 0.9], "scale": 2.0}],
    "Log": [{}, {"shift": [0.0, 0.5, 2.0]}],
    "AlphaFair": [{"alpha": a} for a in (0.5, 1.0, 2.0)],
    "Saturating": [{"a": 0.9, "b": [0.1, 0.2], "c": [0.5, 2.0]}],
    "Exponential": [{"a": 1.0, "k": [0.01, 0.02, 0.005]}],
    "PiecewiseLinear": [{"at": [0.0, 1.0, 3.0], "level": [0.0, 2.0, 3.0]}],
    "Mixed": [{"parts": [Power([0.2, 0.7]), Log()], "member": [0, 1, 0]}],
    "Custom": [{"value_function": np.log1p, "marginal_function": lambda r: 1 / (1 + r)}],
    "Fair": [{"utility": Power([0.1, 0.4, 0.9]), "alpha": 2.0}, {"utility": Log(1.0), "alpha": 1.0}],
    "CobbDouglas": [{"exponents": [[0.5, 0.3], [0.0, 0.7]]}],
    "HalfLife": [{"rounds": r} for r in (0.5, 24.0, np.inf)] + [{"rounds": 3.0, "start": [1.0, 0.0, -1.0, 2.0]}],
    "Window": [{"rounds": 1}, {"rounds": 7}, {"rounds": 100}],
    "RateLimitedFairShare": [{}, {"rate": np.inf}],
    "ROBD": [{}, {"lambda1": 0.5, "lambda2": 2.0}],
}
FOUND = [
    pytest.param(kind, member, arguments, id=f"{name}-{k}")
    for kind in checks.SUITES
    for name, member in catalogue(kind).items()
    for k, arguments in enumerate(ARGUMENTS.get(name, [{}]))
]


@pytest.mark.parametrize(("kind", "member", "arguments"), FOUND)
def test_conforms(kind, member, arguments):
    verdicts = checks.examine(kind, member(**arguments))
    assert [(one.check.name, one.told) for one in verdicts if one.result == "broken"] == []
    assert len(verdicts) == len(checks.SUITES[kind].checks)
    assert not any("not reached" in one.note for one in verdicts)


def test_every_kind_has_a_suite():
    assert set(checks.SUITES) == set(KINDS)


def test_the_catalogue_holds_what_the_project_promises():
    assert {"HitMin", "Greedy", "ROBD", "DMD", "FairOBD"} <= set(catalogue("policies"))
    assert {"Box", "Budget", "Polytope"} <= set(catalogue("sets"))
    assert {"Quadratic", "DenseQuadratic", "Convex"} <= set(catalogue("costs"))
    assert {"Euclidean", "WeightedEuclidean", "Entropy"} == set(catalogue("mirrors"))
    assert "Geo7" in catalogue("scenarios")


@pytest.mark.parametrize(
    "feasible", [Box(np.zeros(3), 2.0), Polytope([[1.0, 1.0, 0.0]], 0.2, 1.0, 0.0, 1.0)], ids=["box", "polytope"]
)
@pytest.mark.parametrize(
    "cost",
    [Quadratic([1.0, 0.5, 0.2], 1.0), DenseQuadratic(np.eye(3) + 0.5, [1.0, 0.5, 0.2])],
    ids=["diagonal", "dense"],
)
def test_policies_conform_on_other_structures(cost, feasible):
    from dataclasses import replace

    problem = replace(checks.sample(6), cost=cost, feasible=feasible)
    for policy in (FairOBD(domain="ball"), *(catalogue("policies")[name]() for name in ("HitMin", "Greedy", "ROBD"))):
        checks.check_policy(policy, problem)


PLUGIN = '''
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True, slots=True)
class EvenState:
    round: int

@dataclass(frozen=True, slots=True)
class Even:
    """Everybody gets the same."""
    def init(self, setting):
        return EvenState(0)
    def decide(self, setting, state, round):
        total = np.asarray(round.feasible.total)[..., None]
        upper = round.feasible.upper
        x = np.broadcast_to(total / upper.sum(axis=-1, keepdims=True) * upper, upper.shape)
        return x, state
    def settle(self, setting, state, round, applied, burden):
        return EvenState(state.round + 1)
'''


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    from evenhand import registry

    monkeypatch.setattr(registry, "_PLUGINS", list(registry._PLUGINS))
    file = tmp_path / "own_policies.py"
    file.write_text(PLUGIN)
    yield load_plugin(file)
    registry._found.cache_clear()
    registry._types.cache_clear()


def test_a_users_file_is_found_and_conforms(plugin):
    member = catalogue("policies")["Even"]
    assert member.__module__.startswith("evenhand_plugin_")
    checks.check_policy(member())


@dataclass(frozen=True)
class State:
    round: int
    notes: object = None


def policy(step, init=lambda setting: State(0)):
    """A policy out of two functions."""

    @dataclass(frozen=True)
    class Broken:
        def init(self, setting):
            return init(setting)

        def decide(self, setting, state, round):
            return step(setting, state, round)

        def settle(self, setting, state, round, applied, burden):
            return state

    return Broken()


def fair_share(round):
    upper = round.feasible.upper
    return np.asarray(round.feasible.total)[..., None] / upper.sum(axis=-1, keepdims=True) * upper


def spoils(setting, state, round):
    x = fair_share(round)
    round.feasible.upper.flags.writeable = True
    round.feasible.upper[...] *= 0.5
    return x, State(state.round + 1)


class Counter:
    calls = 0


def remembers(setting, state, round):
    Counter.calls += 1
    x = fair_share(round)
    if Counter.calls % 2:
        x = x + np.array([1e-8, -1e-8] + [0.0] * (x.shape[-1] - 2))
    return x, State(state.round + 1)


BROKEN = {
    "stay in the set": policy(lambda s, state, r: (2.0 * fair_share(r), State(state.round + 1))),
    "finite": policy(lambda s, state, r: (np.nan * fair_share(r), State(state.round + 1))),
    "gives an array": policy(lambda s, state, r: (list(fair_share(r)), State(state.round + 1))),
    "shape": policy(lambda s, state, r: (fair_share(r)[..., :2], State(state.round + 1))),
    "same action": policy(remembers),
    "decide in round 0 failed with ZeroDivisionError": policy(lambda s, state, r: 1 / 0),
    "JSON": policy(lambda s, state, r: (fair_share(r), State(state.round + 1, {"a": 1}))),
    "batch|failed": policy(lambda s, state, r: (r.feasible.total / r.feasible.upper.shape[-1] * np.ones(r.feasible.upper.shape[-1]), State(state.round + 1))),
}  # fmt: skip


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_policy_is_told_what_it_breaks(words, monkeypatch):
    import sys

    from evenhand import registry

    monkeypatch.setattr(registry, "_PLUGINS", [sys.modules[__name__]])
    registry._types.cache_clear()
    with pytest.raises(ConformanceError, match=words) as caught:
        checks.check_policy(BROKEN[words], even())
    assert "\n" not in str(caught.value)
    registry._types.cache_clear()
    registry._found.cache_clear()


def even():
    """A problem in which an even split is feasible in every round."""
    from dataclasses import replace

    return replace(checks.sample(6), feasible=Budget(np.linspace(0.5, 1.0, 6), np.ones(3)))


NORM = Norm(2.0, 2.0)


@dataclass(frozen=True)
class Twisted:
    """A norm with one method replaced by a wrong one."""

    wrong: str
    how: object
    inner: Norm = NORM

    def __getattribute__(self, name):
        if name in ("wrong", "how", "inner") or name.startswith("__"):
            return object.__getattribute__(self, name)
        return self.how if name == self.wrong else getattr(self.inner, name)


WRONG = {
    "convex": ("value", lambda y: -np.linalg.norm(np.atleast_2d(y), axis=-1).reshape(np.shape(y)[:-1])),
    "subgradient": ("subgradient", lambda y: np.ones_like(y) * 5.0),
    "Lipschitz": ("lipschitz", lambda m: 0.1),
    "dom": ("project", lambda k: k),
    "stays in its box": ("budget", lambda k, low, high: high + 1.0),
    "optimal": ("budget", lambda k, low, high: low),
    "centre": ("centre", lambda m: np.full(m, 9.0)),
    "scaled": ("scaled", lambda factor: Norm(2.0, 2.0)),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_fairness_cost_is_told_where(words):
    with pytest.raises(ConformanceError, match=words):
        checks.check_fairness(Twisted(*WRONG[words]))


def test_a_wrong_set_cost_and_mirror_are_told():
    @dataclass(frozen=True)
    class Loose:
        inner: object = Budget(1.0, [1.0, 1.0])
        bounds = property(lambda self: (np.zeros(2), np.full(2, 0.1)))
        support = property(lambda self: self.inner.support)
        violation = property(lambda self: self.inner.violation)
        actions = 2
        core = property(lambda self: {})

    with pytest.raises(ConformanceError, match="bounds"):
        checks.check_set(Loose())

    @dataclass(frozen=True)
    class Bent:
        actions = 2
        core = property(lambda self: {})

        def value(self, x):
            return (x**2).sum(-1)

        def gradient(self, x):
            return 2 * x

        def strong_convexity(self):
            return 3.0

    with pytest.raises(ConformanceError, match="m_f"):
        checks.check_cost(Bent(), np.random.default_rng(0).normal(size=(5, 2)))

    @dataclass(frozen=True)
    class Normless:
        def step(self, kappa, direction, eta, fairness, ball):
            return kappa

        def divergence(self, kappa, start):
            return 0.5 * ((kappa - start) ** 2).sum(-1)

    with pytest.raises(ConformanceError, match="missing: order, burden_weights, positive, modulus"):
        checks.check_mirror(Normless())

    @dataclass(frozen=True)
    class Stiff(Normless):
        order, burden_weights, positive = 2.0, 1.0, False

        def step(self, kappa, direction, eta, fairness, ball):
            return Euclidean().step(kappa, direction, eta, fairness, ball)

        def modulus(self, largest):
            return 1.5 * np.ones_like(largest)

    with pytest.raises(ConformanceError, match="strongly convex by its modulus"):
        checks.check_mirror(Stiff())

    @dataclass(frozen=True)
    class Slow:
        order, burden_weights, positive = 2.0, 1.0, False

        def modulus(self, largest):
            return np.ones_like(largest)

        def step(self, kappa, direction, eta, fairness, ball):
            return fairness.project(kappa - 0.5 * eta * direction) if ball else kappa - 0.5 * eta * direction

        def divergence(self, kappa, start):
            return 0.5 * ((kappa - start) ** 2).sum(-1)

    with pytest.raises(ConformanceError, match="minimises"):
        checks.check_mirror(Slow())
