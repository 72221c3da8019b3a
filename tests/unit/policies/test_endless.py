"""Systems without an end: bounded states, and late rounds played as early ones were."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

import evenhand as eh
from evenhand import checks
from evenhand.experiment import remembering
from evenhand.planning.history import VISITS, observe, visits

PERIOD, SITES = 24, 4
POLICIES = {
    "HitMin": eh.HitMin(),
    "Greedy": eh.Greedy(),
    "ROBD": eh.ROBD(),
    "DMD": eh.DMD(eta=1e-2, domain="ball"),
    "FairOBD": eh.FairOBD(eta=1e-2, domain="ball"),
    "FairOBD, free": eh.FairOBD(eta=1e-2),
    "FairOBD, entropy": eh.FairOBD(eta=1e-2, domain="ball", mirror=eh.Entropy()),
    "AdaptiveFairOBD": eh.AdaptiveFairOBD(hold=4, steps=2, sweeps=3),
    "AdaptiveFairOBD, daily": eh.AdaptiveFairOBD(period=PERIOD, reach=12, steps=2, sweeps=3),
    "RecedingHorizon": eh.RecedingHorizon(reach=12, steps=2, sweeps=3),
    "HalfLifeFairShare": eh.HalfLifeFairShare(),
    "RateLimitedFairShare": eh.RateLimitedFairShare(),
    "ProportionalShare": eh.ProportionalShare(),
    "StaticQuota": eh.StaticQuota(),
    "VirtualTokenCounter": eh.VirtualTokenCounter(),
    "AdaptiveResolving": eh.AdaptiveResolving(sample=24, steps=2),
}
#: a budget step that jumps, and an order that does, end in cycles of their own: nothing to compare round by round
JUMPY = {"FairOBD, free", "HalfLifeFairShare"}


def periodic(rounds, memory, asked=False):
    rng = np.random.default_rng(3)

    def often(day):
        return np.tile(day, (-(-rounds // PERIOD),) + (1,) * (day.ndim - 1))[:rounds]

    linear = often(rng.uniform(0, 2, (PERIOD, SITES)))
    cost = eh.Unserved(often(rng.uniform(0, 1.5, (PERIOD, SITES))), 2.0, 0.5, 0.1 * linear, 0.2)
    return eh.Problem(
        eh.Setting(None, 2.0, eh.Norm(3.0), np.full(SITES, 0.5), memory=memory),
        cost if asked else eh.Quadratic(linear, 0.5),
        eh.Diagonal(often(rng.uniform(0.2, 2.0, (PERIOD, SITES)))),
        eh.Budget(often(rng.uniform(0.3, 0.8, PERIOD) * SITES), np.ones(SITES)),
    )


def size_of(value):
    """Numbers in a state."""
    if isinstance(value, np.ndarray):
        return value.size
    if isinstance(value, tuple):
        return sum(map(size_of, value))
    if is_dataclass(value):
        return sum(size_of(getattr(value, f.name)) for f in fields(value))
    return 0


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("memory", [eh.HalfLife(6), eh.Window(12), None])
def test_states_do_not_grow(name, memory):
    problem = periodic(160, memory)
    sizes = [size_of(step.state) for step in eh.play(problem, POLICIES[name])]
    assert len(set(sizes[60:])) == 1


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("memory", [eh.HalfLife(3), eh.HalfLife(3, start=0.2), eh.Window(4), eh.HalfLife(np.inf)])
def test_policies_conform_where_fairness_remembers(name, memory):
    """Batches, JSON, resumed runs: with an end and without."""
    problem = remembering(checks.sample(10), memory)
    checks.check_policy(POLICIES[name], problem)
    checks.check_policy(POLICIES[name], replace(problem, setting=replace(problem.setting, horizon=None)))


def test_moves_that_cannot_be_planned_are_priced_by_sums_that_fade():
    square = 0.5 * np.eye(3) + 0.1
    switching = eh.Sum(eh.Weighted(square), eh.Linear(0.1))
    problem = remembering(checks.sample(10), eh.HalfLife(3))
    problem = replace(problem, setting=replace(problem.setting, horizon=None, switching=switching))
    checks.check_policy(eh.AdaptiveFairOBD(), problem)
    once = list(eh.play(problem, eh.AdaptiveFairOBD()))
    fade, energy = eh.HalfLife(3).retention, 0.0
    for step in once:
        energy = fade * energy + float((step.burden**2).sum())  # a norm's budget is 0 in the ball
    assert float(once[-1].state.fair.rate.energy) == pytest.approx(energy, rel=1e-12)


@pytest.mark.parametrize("name", sorted(set(POLICIES) - JUMPY))
@pytest.mark.parametrize("asked", [False, True])
def test_a_late_day_is_an_early_day_where_fairness_fades(name, asked):
    problem = periodic(1512, eh.HalfLife(6), asked)
    actions = eh.simulate(problem, POLICIES[name]).actions
    np.testing.assert_allclose(actions[1488:1512], actions[984:1008], atol=1e-9)


def test_day_four_thousand_is_day_forty():
    """10^5 rounds of FairOBD: the actions of the last day are those of day 41 to rounding."""
    problem = periodic(100_008, eh.HalfLife(24))
    late = {}
    for step in eh.play(problem, POLICIES["FairOBD"]):
        if step.index >= 99_984 or 984 <= step.index < 1008:
            late[step.index] = step.action
    for k in range(24):
        np.testing.assert_allclose(late[99_984 + k], late[984 + k], atol=1e-9)


@pytest.mark.parametrize("name", ["AdaptiveFairOBD", "AdaptiveFairOBD, daily", "RecedingHorizon"])
def test_a_plan_does_not_ask_how_late_it_is(name):
    """The same state, said to be in round 10^6 (whole days later), takes the same actions."""
    problem, policy = periodic(240, eh.HalfLife(6)), POLICIES[name]
    setting, late = problem.setting, 24 * 41_666
    rounds = list(problem.rounds)
    state = policy.init(setting)
    for round in rounds[:120]:
        _, state = eh.step(policy, setting, state, round)
    later = replace(state, round=state.round + late)
    for round in rounds[120:144]:
        x, state = eh.step(policy, setting, state, round)
        y, later = eh.step(policy, setting, later, replace(round, index=round.index + late))
        np.testing.assert_allclose(y, x, atol=1e-12)


def test_what_was_seen_is_forgotten_where_there_is_no_end():
    """A surge long ago is a peak of an episode for ever, and fades towards the mean in a system that goes on."""
    problem = periodic(400, None)
    assert visits(problem.setting) == VISITS
    assert visits(replace(problem.setting, horizon=400)) == np.inf
    assert visits(replace(problem.setting, horizon=400, memory=eh.HalfLife(24))) == VISITS
    calm = problem.rounds[0]
    surge = replace(calm, feasible=eh.Budget(4.0, np.ones(SITES)))
    kept = fading = None
    for round in (surge, *[calm] * 300):
        kept, fading = observe(kept, round, 1), observe(fading, round, 1, VISITS)
    assert kept.peaks[0][..., 0] == 4.0
    usual = float(calm.feasible.total)
    assert usual <= fading.peaks[0][..., 0] <= usual + 1e-3
    assert fading.means[0][..., 0] == pytest.approx(usual, rel=1e-3)
