"""Parameters by name: what a record was built with, another value in their place, the same built anew."""

import numpy as np
import pytest

import evenhand as eh
from evenhand.errors import ParameterError, UnknownNameError
from evenhand.registry import catalogue

POLICIES = catalogue("policies")
MIXED = eh.Mixture((eh.FairOBD(mirror=eh.WeightedEuclidean(2.0)), eh.HitMin()))


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_what_its_parameters_say(name):
    policy = POLICIES[name]()
    for again in (type(policy)(**policy.get_params(deep=False)), policy.set_params(), policy.__sklearn_clone__()):
        assert again == policy
        assert again is not policy
    assert set(policy.get_params(deep=False)) <= set(policy.get_params())


def test_a_change_gives_another_record_and_leaves_the_old_one():
    policy = eh.FairOBD()
    other = policy.set_params(eta=0.5, lambda2=2.0)
    assert other == eh.FairOBD(0.5, lambda2=2.0)
    assert policy == eh.FairOBD()
    assert other.dual.eta == 0.5  # what is made of parameters is made anew
    problem = eh.load("synthetic", rounds=6).window(0)
    again = eh.simulate(problem, eh.clone(other))
    np.testing.assert_array_equal(again.actions, eh.simulate(problem, other).actions)


def test_names_go_down_into_records_and_tuples():
    found = MIXED.get_params()
    assert found["experts__0__mirror__weights"] == 2.0
    assert found["experts__1"] == eh.HitMin()
    other = MIXED.set_params(experts__0__mirror__weights=3.0, experts__1=eh.Greedy(), rate=2.0)
    assert other == eh.Mixture((eh.FairOBD(mirror=eh.WeightedEuclidean(3.0)), eh.Greedy()), rate=2.0)
    moved = eh.FairOBD().set_params(mirror__weights=2.0, mirror=eh.WeightedEuclidean(3.0))
    assert moved.mirror == eh.WeightedEuclidean(2.0)


@pytest.mark.parametrize(
    "record",
    [
        eh.Norm(2.0, 2.0, [1.0, 2.0]),
        eh.Sum(eh.Linear(2.0), eh.Squared(1.0)),
        eh.Quadratic([1.0, 2.0], [0.0, 1.0]),
        eh.Budget(1.0, [1.0, 2.0]),
        eh.Power([0.2, 0.4], scale=2.0),
        eh.HalfLife(24),
        eh.Setting(3, 2.0, eh.Norm(1.0), [0.0, 1.0]),
    ],
    ids=lambda record: type(record).__name__,
)
def test_every_record_has_parameters(record):
    assert eh.clone(record) == record


def test_a_class_of_ones_own_needs_nothing_more(tmp_path, monkeypatch):
    from pathlib import Path

    from evenhand import registry
    from evenhand.templates import written

    monkeypatch.setattr(registry, "_PLUGINS", [])
    (tmp_path / "mine.py").write_text(written("policy", Path("mine.py")))
    mine = registry.load_plugin(tmp_path / "mine.py").Mine()
    assert eh.get_params(mine) == {"weight": 1.0}
    assert eh.set_params(mine, weight=2).weight == 2.0


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: eh.FairOBD().set_params(etta=1.0),
            UnknownNameError,
            "parameter of FairOBD 'etta': did you mean 'eta'",
        ),
        (lambda: eh.FairOBD().set_params(mirror__size=1.0), UnknownNameError, "parameter of Euclidean"),
        (lambda: eh.FairOBD().set_params(eta__x=1.0), UnknownNameError, "part of FairOBD.eta"),
        (lambda: MIXED.set_params(experts__2__eta=1.0), UnknownNameError, "part of Mixture.experts"),
        (lambda: MIXED.set_params(experts__0__etta=1.0), UnknownNameError, "did you mean 'eta'"),
        (lambda: eh.FairOBD().set_params(eta=-1.0), ParameterError, "eta is -1"),
        (lambda: eh.get_params(eh.HitMin), ParameterError, "give a policy"),
        (lambda: eh.clone(3), ParameterError, "record is 3"),
    ],
)
def test_what_is_not_there_is_refused_by_name(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_scikit_learn_clones_and_sets():
    base = pytest.importorskip("sklearn.base")
    model_selection = pytest.importorskip("sklearn.model_selection")
    for point in model_selection.ParameterGrid({"experts__0__eta": [0.1, 0.2], "rate": [1.0]}):
        policy = base.clone(MIXED).set_params(**point)
        assert policy.experts[0].eta == point["experts__0__eta"]
    assert base.clone(MIXED) == MIXED
    assert base.clone([eh.FairOBD(), eh.HitMin()]) == [eh.FairOBD(), eh.HitMin()]
