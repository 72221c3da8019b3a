"""Names to objects to plain data: lookup, text, round trips, plugins, and what comes in from outside."""

import json

import numpy as np
import pytest

from evenhand import DMD, ROBD, Entropy, FairOBD, HitMin, Norm, UnknownNameError, from_plain, to_plain
from evenhand.errors import EvenhandError
from evenhand.registry import catalogue, construct, load_plugin, lookup, parse


@pytest.mark.parametrize("name", ["FairOBD", "fairobd", "fair_obd", "FAIR-OBD"])
def test_names_in_any_case(name):
    assert lookup("policies", name) is FairOBD


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HitMin", HitMin()),
        ("ROBD(lambda1=0.5, lambda2=None)", ROBD(0.5)),
        ("DMD(eta=1e-3, domain=ball)", DMD(1e-3, domain="ball")),
        ("fair_obd(mirror=Entropy())", FairOBD(mirror=Entropy())),
        (" FairOBD( mirror = entropy , domain='ball' ) ", FairOBD(mirror=Entropy(), domain="ball")),
    ],
)
def test_text(text, expected):
    assert parse("policies", text) == expected


def test_text_of_a_norm():
    assert parse("fairness", "Norm(mu=2, p=inf)").p == np.inf


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: catalogue("policy"), ["kind", "policy", "policies"]),
        (lambda: lookup("policies", "FairODB"), ["policy", "FairODB", "FairOBD"]),
        (lambda: construct("policies", "DMD", {"etta": 1}), ["parameter of DMD", "etta", "eta"]),
        (lambda: construct("fairness", "Norm", {}), ["Norm", "mu"]),
        (lambda: construct("fairness", "Norm", {"mu": "x"}), ["mu", "x"]),
        (lambda: parse("policies", "DMD(0.1)"), ["DMD(0.1)", "by name"]),
        (lambda: parse("policies", "DMD(eta=1/3)"), ["1 / 3", "number"]),
        (lambda: parse("policies", "DMD(mirror=Round())"), ["Round"]),
        (lambda: parse("policies", "__import__('os').system('x')"), ["cannot read"]),
        (lambda: parse("policies", "DMD("), ["cannot read"]),
        (lambda: load_plugin("/no/such.py"), ["/no/such.py", "not a file"]),
        (lambda: to_plain({"a": 1}), ["dict", "plain"]),
        (lambda: to_plain(FairOBD), ["type"]),
        (lambda: from_plain({"type": "Popen", "args": "x"}), ["type", "Popen"]),
        (lambda: from_plain({"args": "x"}), ["type"]),
        (lambda: from_plain({"type": "Norm", "mu": -1.0}), ["mu", "-1"]),
        (lambda: from_plain({"type": "Norm", "mew": 1.0}), ["Norm", "mew"]),
        (lambda: from_plain({"type": "array", "shape": [3], "data": [1.0]}), ["array"]),
        (lambda: from_plain({"type": "array", "data": [1.0]}), ["array", "shape"]),
        (lambda: from_plain({"type": "array", "shape": [1], "data": ["x"]}), ["array", "x"]),
    ],
)
def test_refuses(call, words):
    with pytest.raises(EvenhandError) as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_every_bit_survives_json():
    rng = np.random.default_rng(0)
    numbers = np.concatenate(
        [rng.normal(size=50) * 10.0 ** rng.integers(-300, 300, 50), [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324]]
    )
    back = from_plain(json.loads(json.dumps(to_plain(numbers.reshape(7, 8)))))
    assert back.shape == (7, 8)
    assert back.tobytes() == numbers.tobytes()
    assert from_plain(json.loads(json.dumps(to_plain(np.zeros((0, 3)))))).shape == (0, 3)


def test_records_survive_json():
    policy = FairOBD(eta=[0.1, 0.2], mirror=Entropy(), domain="ball", kappa1=[1.0, 2.0])
    back = from_plain(json.loads(json.dumps(to_plain(policy))))
    np.testing.assert_array_equal(back.eta, policy.eta)
    np.testing.assert_array_equal(back.dual.start, policy.dual.start)
    assert back.mirror == Entropy()
    g = from_plain(json.loads(json.dumps(to_plain(Norm(2.0, np.inf, [1.0, 0.5])))))
    assert g.p == np.inf
    np.testing.assert_array_equal(g.weights, [1.0, 0.5])


def test_the_state_of_a_packages_policy_is_known(tmp_path, monkeypatch):
    """A policy found by its entry point brings its state along, though the package's module is in no folder of ours."""
    from evenhand import registry

    (tmp_path / "their_package.py").write_text(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass TheirState:\n    round: int\n"
        "@dataclass(frozen=True)\nclass Theirs:\n    def init(self, s):\n        return TheirState(0)\n    def decide(self, s, state, r):\n        return None, state\n    def settle(self, s, state, r, x, y):\n        return state\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    class Point:
        def load(self):
            import their_package

            return their_package.Theirs

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()] if group == "evenhand.policies" else [])
    for cache in (registry._found, registry._types):
        cache.cache_clear()
    try:
        member = catalogue("policies")["Theirs"]
        assert from_plain(to_plain(member().init(None))).round == 0
    finally:
        monkeypatch.undo()
        for cache in (registry._found, registry._types):
            cache.cache_clear()


def test_unknown_names_offer_the_nearest():
    assert "did you mean 'mu'" in str(UnknownNameError("setting", "nu", ["mu", "beta"]))
    assert "known: a, b" in str(UnknownNameError("setting", "zzz", ["b", "a"]))
    assert "known: none" in str(UnknownNameError("setting", "zzz", []))
