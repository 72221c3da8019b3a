"""The Gymnasium environment: Gymnasium's own checker, our policies through it bit for bit, rewards, the nearest action."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.gym import AllocationEnv, act, nearest, rollout

WEEK = eh.load("geo7").windows().select([0, 40])


def small(feasible, rounds=5, memory=None, switching=None, fairness=None):
    rng = np.random.default_rng(7)
    setting = eh.Setting(
        rounds,
        fairness=fairness or eh.Norm(2.0),
        initial=[0.5, 0.2, 0.1],
        memory=memory,
        switching=switching or eh.Squared(0.5),
    )
    return eh.Problem(
        setting,
        eh.Quadratic(rng.uniform(1, 3, (rounds, 3)), np.ones(3)),
        eh.Diagonal(rng.uniform(0.5, 2, (rounds, 3))),
        feasible,
    )


BUDGET = eh.Budget(total=[1.0, 2.0, 1.5, 1.0, 0.5], upper=[1.0, 1.0, 1.0])
POLYTOPE = eh.Polytope(
    rows=[[1.0, 1.0, 0.0], [0.0, 1.0, 2.0]], low=[0.4, -np.inf], high=[1.2, 1.5], lower=np.zeros(3), upper=np.ones(3)
)


@pytest.mark.parametrize(
    "make",
    [
        lambda: gymnasium.make("evenhand.gym:evenhand/Allocation-v0", problem="geo7", yardstick=False).unwrapped,
        lambda: gymnasium.make("evenhand/Allocation-v0", problem=small(BUDGET, memory=eh.HalfLife(3))).unwrapped,
        lambda: gymnasium.make("evenhand/Allocation-v0", problem=small(POLYTOPE)).unwrapped,
    ],
)
def test_gymnasiums_checker_passes_without_a_warning(make):
    check_env(make())


@pytest.mark.parametrize("policy", [eh.FairOBD(), eh.FairOBD(eta=0.01), eh.DMD(), eh.ROBD(), eh.Greedy()], ids=repr)
def test_a_policy_through_the_environment_is_simulate_bit_for_bit(policy):
    env = gymnasium.make("evenhand/Allocation-v0", problem=WEEK, yardstick=False)
    for k in (1, 0):
        got, want = rollout(env, policy, episode=k), eh.simulate(WEEK.episode(k), policy)
        np.testing.assert_array_equal(got.actions, want.actions)
        assert got.cost == want.cost


@pytest.mark.parametrize(
    "problem",
    [
        small(BUDGET),
        small(BUDGET, memory=eh.Window(2)),
        small(POLYTOPE, fairness=eh.Target(mu=2.0, target=[0.2, 0.3, 0.4])),
        small(eh.Box(np.zeros(3), np.ones(3)), switching=eh.Linear(0.3)),
        small(BUDGET, switching=eh.Limits(rise=0.7, fall=0.7)),
    ],
)
def test_rewards_add_up_to_minus_the_total_and_regret_is_the_distance_to_opt(problem):
    env = AllocationEnv(problem)
    env.action_space.seed(3)
    env.reset(seed=3)
    rewards, done, info = [], False, {}
    while not done:
        _, reward, done, cut, info = env.step(env.action_space.sample())
        rewards.append(reward)
        assert not cut
    run = env.run()
    assert float(run.problem.feasible.violation(run.actions).max()) <= 1e-9
    assert sum(rewards) == pytest.approx(-info["total"], rel=1e-12)
    assert info["total"] == float(run.cost.total)
    assert info["opt"] == float(eh.optimum(problem).cost.total)
    assert info["regret"] == info["total"] - info["opt"] >= -1e-9


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    st.integers(0, 4),
    st.sampled_from(["budget", "polytope", "limits"]),
)
def test_the_nearest_action_is_feasible_no_other_is_nearer_and_it_stays_itself(point, t, kind):
    problem = {
        "budget": small(BUDGET),
        "polytope": small(POLYTOPE),
        "limits": small(BUDGET, switching=eh.Limits(rise=0.7, fall=0.7)),
    }[kind]
    setting, round, point = problem.setting, problem.rounds[t], np.array(point)
    previous = setting.initial
    x = nearest(setting, round, previous, point)
    assert float(round.feasible.violation(x)) <= 1e-9
    if kind == "limits":
        assert np.abs(x - previous).max() <= 0.7 + 1e-9
    assert nearest(setting, round, previous, x).tobytes() == x.tobytes()
    # a projection makes an obtuse angle with every feasible point
    for seed in range(5):
        y = nearest(setting, round, previous, np.random.default_rng(seed).uniform(-1, 2, 3))
        assert (point - x) @ (y - x) <= 1e-7 * (1.0 + np.abs(point).max()) ** 2


def test_the_nearest_point_of_a_simplex_in_closed_form():
    problem = small(eh.Budget(total=1.0, upper=[9.0, 9.0, 9.0]))
    x = nearest(problem.setting, problem.rounds[0], problem.setting.initial, [1.0, 0.6, -5.0])
    np.testing.assert_allclose(x, [0.7, 0.3, 0.0], atol=1e-15)


def test_seeds_draw_episodes_and_options_pick_them():
    env = AllocationEnv(eh.load("geo7"), yardstick=False)
    drawn = [env.reset(seed=k)[1]["episode"] for k in range(6)]
    assert drawn == [env.reset(seed=k)[1]["episode"] for k in range(6)]
    assert len(set(drawn)) > 2
    seen, info = env.reset(options={"episode": 7})
    assert info == {"episode": 7}
    round = eh.load("geo7").window(7).rounds[0]
    np.testing.assert_array_equal(seen["feasible.total"], round.feasible.total)
    np.testing.assert_array_equal(seen["impact.weight"], round.impact.weight)


def test_what_is_wrong_is_told():
    env = AllocationEnv(small(BUDGET))
    with pytest.raises(eh.ProblemError, match="call reset"):
        env.step([0.0, 0.0, 0.0])
    env.reset()
    for bad, told in (([1.0], "shape"), ([np.nan] * 3, "finite"), ("abc", "numbers")):
        with pytest.raises(eh.ProblemError, match=told):
            env.step(bad)
    with pytest.raises(eh.ProblemError, match="not finished"):
        env.run()
    with pytest.raises(eh.EvenhandError, match="episode is 3"):
        env.reset(options={"episode": 3})
    with pytest.raises(eh.ProblemError, match="no finite bound"):
        AllocationEnv(small(eh.Box(np.zeros(3), [1.0, 1.0, np.inf])))
    with pytest.raises(eh.ParameterError, match="render_mode"):
        AllocationEnv(small(BUDGET), render_mode="human")
    with pytest.raises(eh.ParameterError, match="AllocationEnv"):
        act(eh.FairOBD(), gymnasium.make("CartPole-v1"))


def test_without_gymnasium_the_error_says_what_to_install():
    code = "import sys; sys.modules['gymnasium'] = None\ntry:\n import evenhand.gym\nexcept Exception as e: print(type(e).__name__, e)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "MissingExtraError" in told
    assert "pip install 'evenhand[rl]'" in told
