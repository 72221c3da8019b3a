"""The adversaries of spec §6: OPT in closed form, every policy beaten, the turn taken only after watching."""

from dataclasses import dataclass

import numpy as np
import pytest

import evenhand as eh
from evenhand.report.theory import every_policy
from evenhand.theory.adversaries import ConstantRegret, LinearRatio, duel, record
from evenhand.theory.asymptotics import decay, excess_on_periodic, periodic, regret_in_adversary, repeated
from evenhand.theory.search import worst_robd_ratio

POLICIES = {
    **every_policy(),
    "FairOBD(ball)": eh.FairOBD(0.05, domain="ball"),
    "FairOBD(entropy, ball)": eh.FairOBD(0.05, mirror=eh.Entropy(), domain="ball"),
    "FairOBD(kappa1=0)": eh.FairOBD(0.05, kappa1=np.zeros(1)),
    "FairOBD(fast)": eh.FairOBD(2.0, domain="ball", kappa1=np.zeros(1)),
}


@dataclass(frozen=True)
class Constant:
    """Always the same action."""

    action: float

    def init(self, setting):
        return 0

    def decide(self, setting, state, round):
        return np.array([self.action]), state

    def settle(self, setting, state, round, applied, burden):
        return state + 1


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("rounds", [2, 64, 1024])
def test_every_policy_is_beaten(name, rounds):
    regret, ratio = ConstantRegret(rounds), LinearRatio(rounds)
    lost = duel(regret, POLICIES[name])
    assert lost.measured == lost.regret >= regret.proved - 1e-9
    assert lost.optimal == pytest.approx(regret.best(lost.run.problem), abs=1e-9)
    worse = duel(ratio, POLICIES[name])
    assert worse.measured == worse.ratio >= ratio.proved * (1 - 1e-6)
    assert worse.optimal == pytest.approx(ratio.best(worse.run.problem), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("name", every_policy())
def test_beaten_at_4096(name):
    assert duel(ConstantRegret(4096), POLICIES[name]).regret >= ConstantRegret.proved - 1e-9
    assert duel(LinearRatio(4096), POLICIES[name]).ratio >= 2049.0 * (1 - 1e-6)


def test_no_constant_first_half_gets_below_the_proved_regret():
    """The least regret is (23 - 6 sqrt 14)/4; without what fairness charges it would be (3 - 2 sqrt 2)/4 = 0.0429."""
    assert ConstantRegret.proved == pytest.approx(0.1375139, abs=1e-7)
    regrets = []
    for s in np.linspace(-1, 1, 41):
        fought = duel(ConstantRegret(32), Constant(-s))
        regrets.append(fought.regret)
        assert fought.regret >= ConstantRegret.proved - 1e-9
    assert min(regrets) < 0.6


def test_the_proved_regret_is_attained_by_who_knows_the_second_half():
    """A player that plays -s first and then the best answer pays max((s - 1/2)^2, s^2/2 + s) more than OPT."""

    @dataclass(frozen=True)
    class Answer:
        s: float

        def init(self, setting):
            return 0

        def decide(self, setting, state, round):
            first = state < setting.horizon // 2
            second = self.s if round.impact.weight[0] else 0.0
            return np.array([-self.s if first else second]), state

        def settle(self, setting, state, round, applied, burden):
            return state + 1

    s = 2 - np.sqrt(3.5)
    fought = duel(ConstantRegret(16), Answer(s + 1e-12))
    assert fought.regret == pytest.approx(ConstantRegret.proved, abs=1e-9)


@pytest.mark.parametrize("rounds", [2, 4, 64, 256])
def test_opt_of_the_second_adversary_is_below_two_over_t_squared(rounds):
    """OPT pays 2/(T (T + 2)), not the 2/T^2 of playing 1 in the marked round: the exact ratio is T/2 + 1."""
    fought = duel(LinearRatio(rounds), Constant(0.0))
    assert fought.optimal == pytest.approx(2.0 / (rounds * (rounds + 2)), rel=1e-7)
    assert fought.optimal < 2.0 / rounds**2
    assert fought.ratio == pytest.approx(rounds / 2 + 1, rel=1e-7)  # standing still is the best it can do
    half = rounds // 2
    np.testing.assert_allclose(
        fought.best.trajectory.actions[:, 0],
        [-2 / (rounds + 2)] * half + [rounds / (rounds + 2)] + [0.0] * (half - 1),
        atol=1e-6,
    )


def test_a_policy_that_moves_pays_an_infinite_ratio():
    fought = duel(LinearRatio(8), Constant(0.01))
    assert fought.ratio == np.inf
    assert not np.asarray(fought.run.problem.cost.linear).any()  # the same round to the end


def test_the_turn_depends_on_the_first_half_alone():
    away, free = (record(ConstantRegret(8), Constant(a)).problem for a in (0.0, -1.0))
    np.testing.assert_array_equal(away.cost.linear[:, 0], [0] * 4 + [-2.0] * 4)
    np.testing.assert_array_equal(free.impact.weight[:, 0], [1] * 4 + [0.0] * 4)
    np.testing.assert_array_equal(away.cost.linear[:4], free.cost.linear[:4])


def test_play_accepts_an_environment_that_reacts():
    steps = list(eh.play(eh.adversaries.LinearRatio(8), eh.HitMin()))
    assert [step.index for step in steps] == list(range(8))
    assert [float(step.action[0]) for step in steps] == [0.0] * 4 + [1.0] + [0.0] * 3


def test_a_recorded_run_is_the_run_on_its_problem():
    policy = eh.FairOBD(0.1)
    run = record(ConstantRegret(64), policy)
    again = eh.simulate(run.problem, policy)
    np.testing.assert_array_equal(run.actions, again.actions)
    np.testing.assert_array_equal(run.price, again.price)
    assert run.policy is policy


@pytest.mark.parametrize("rounds", [3, 0, 2.5, -2])
@pytest.mark.parametrize("make", [ConstantRegret, LinearRatio])
def test_odd_horizons_are_refused(make, rounds):
    with pytest.raises(eh.ParameterError, match="even number of at least 2"):
        make(rounds)


def test_the_excess_vanishes_on_periodic_traces_and_not_in_the_adversary():
    rounds = (64, 256, 1024)
    excess = excess_on_periodic(rounds)
    assert decay(excess) <= -1 / 3
    assert all(0 <= a <= b for a, b in zip(excess.measured, excess.proved, strict=True))
    assert excess.measured[-1] < 0.2 * excess.measured[0]
    assert min(regret_in_adversary(rounds).measured) >= ConstantRegret.proved


def test_the_optimum_of_a_period_repeated_is_the_r_zero_optimum():
    held = eh.optimum(periodic(32), frame=8, deviation=0.0)
    assert repeated(32).cost.total == pytest.approx(float(held.cost.total), rel=1e-7)
    assert eh.attained_deviation(repeated(32), 8) <= 1e-9
    with pytest.raises(eh.ParameterError, match="the period 8 must divide it"):
        periodic(30)


@pytest.mark.parametrize(
    ("m", "beta", "policy", "near"),
    [
        (1.0, 1.0, None, 0.999),
        (1.0, 10.0, None, 0.97),
        (1.0, 5.0, eh.ROBD(0.5, 0.1), 0.4),
        (1.0, 5.0, eh.ROBD(1.0, 0.0), 0.6),
    ],
)
def test_the_search_stays_within_robds_ratio_and_comes_near(m, beta, policy, near):
    worst = worst_robd_ratio(m, beta, policy)
    print(f"ROBD m={m:g} beta={beta:g} {policy}: worst found {worst.ratio:.5f}, proved {worst.bound:.5f}")
    assert worst.holds
    assert worst.ratio >= near * worst.bound
    assert worst.ratio == worst_robd_ratio(m, beta, policy).ratio
