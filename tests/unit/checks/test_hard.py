"""The problems that policies are tried on: another future, and rounds that nobody would send on purpose."""

from dataclasses import dataclass, replace

import numpy as np

import evenhand as eh
from evenhand import checks
from evenhand.checks.hard import adversarial, later
from evenhand.columns import column

SAMPLE = checks.sample(14)


def test_another_future_has_the_same_past():
    other = later(SAMPLE, 5)
    for part in ("cost", "impact", "feasible"):
        for name in (f for f in ("linear", "curvature", "weight", "total") if hasattr(getattr(SAMPLE, part), f)):
            ours, theirs = getattr(getattr(SAMPLE, part), name), getattr(getattr(other, part), name)
            np.testing.assert_array_equal(ours[:5], theirs[:5])
            assert (ours[5:] != theirs[5:]).any()
            if name != "linear":
                np.testing.assert_array_equal(ours[5:][::-1], theirs[5:])
    assert (eh.simulate(other, eh.HitMin()).actions[5:] != eh.simulate(SAMPLE, eh.HitMin()).actions[5:]).any()


def test_adversarial_rounds_are_extreme_and_can_be_played():
    hard = adversarial(SAMPLE)
    assert hard is not None
    weight = hard.impact.weight / SAMPLE.impact.weight
    assert set(weight[:, 0]) == {0.0, 1e-9, 1.0, 1e9} or np.allclose(
        sorted(set(weight[:, 0].round(12))), [0, 1e-9, 1, 1e9]
    )
    full = hard.feasible.total / hard.feasible.upper.sum(axis=-1)
    assert (full.min(), full.max()) == (0.0, 1.0)
    assert (hard.cost.linear == 0.0).all(axis=-1).any()  # ties
    run = eh.simulate(hard, eh.FairOBD())
    assert np.isfinite(run.cost.total)
    assert (hard.feasible.violation(run.actions) <= 1e-9).all()
    np.testing.assert_array_equal(hard.setting.burden_upper, (hard.impact.weight * hard.feasible.upper).max(axis=0))


def test_what_is_not_known_is_left_alone():
    for impact, name in ((eh.Stacked(np.ones((14, 1, 3))), "weight"), (eh.Dense(np.ones((14, 3, 3))), "matrix")):
        seen = getattr(adversarial(replace(SAMPLE, impact=impact)).impact, name)
        np.testing.assert_array_equal(seen[:4, 0, 0], [1.0, 0.0, 1e9, 1e-9])

    @dataclass(frozen=True)
    class Own:
        """An impact of somebody's own."""

        weight: np.ndarray = column(1)
        actions = entities = 3
        core = property(lambda self: {"weight": (3,)})
        burden = tilt = lambda self, x: self.weight * x

        def range(self, lower, upper):
            return lower * self.weight, upper * self.weight

    assert adversarial(replace(SAMPLE, impact=Own(np.ones(3)))) is None
    free = replace(SAMPLE, feasible=eh.Budget(1.0, [1.0, 1.0, np.inf]))
    assert (adversarial(free).feasible.total == 1.0).all()
