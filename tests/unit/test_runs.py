"""The loop, trajectories, comparisons, tables and figures."""

import json

import numpy as np
import pytest

from evenhand import FairOBD, Greedy, HitMin, ProblemError, checks, evaluate, load, play, simulate
from evenhand.errors import EvenhandError, ParameterError, UnknownNameError
from evenhand.experiment import compare, pick_policies, pick_windows
from evenhand.report import compare as tables
from evenhand.report import compare_plots as plots


@pytest.fixture(scope="module")
def result():
    episodes = load("geo7")
    policies, hindsight = pick_policies(episodes, "OPT,HITMIN,FairOBD(eta=0.01)")
    return compare(episodes, policies, [0, 5], hindsight)


def test_cost_by_hand():
    problem = checks.sample(2, 2)
    actions = np.array([[0.1, 0.2], [0.3, 0.1]])
    run = evaluate(problem, actions)
    f, a = problem.cost, problem.impact.weight
    hitting = (0.5 * f.curvature * actions**2 + f.linear * actions).sum(-1)
    np.testing.assert_allclose(run.hitting, hitting, rtol=1e-14)
    np.testing.assert_allclose(run.switching, [0.01 + 0.04, 0.04 + 0.01])
    assert run.cost.fairness == pytest.approx(1.5 * (a * actions).mean(0).max())
    assert run.cost.total == pytest.approx(run.cost.hitting + run.cost.switching + run.cost.fairness, rel=1e-15)


@pytest.mark.parametrize("shape", [(3, 3), (12, 2), (12,)])
def test_evaluate_refuses_other_shapes(shape):
    with pytest.raises(ProblemError, match="actions has shape"):
        evaluate(checks.sample(), np.zeros(shape))


def test_evaluate_refuses_other_leading_axes():
    with pytest.raises(ProblemError, match="actions"):
        evaluate(checks.sample().windows(3), np.zeros((4, 3, 3)))


class Wrong:
    def __init__(self, action):
        self.action = action

    def init(self, setting):
        return 0

    def decide(self, setting, state, round):
        return self.action, state

    def settle(self, setting, state, round, applied, burden):
        return state + 1


@pytest.mark.parametrize(
    ("action", "words"), [(np.full(3, 9.0), "round 0"), (np.zeros(2), "shape"), (np.full(3, np.nan), "round 0")]
)
def test_simulate_refuses_what_leaves_the_set(action, words):
    with pytest.raises(ProblemError, match=words):
        simulate(checks.sample(), Wrong(action))


def test_play_is_lazy_and_shows_the_price_in_force():
    steps = play(checks.sample(), FairOBD(eta=0.1))
    first = next(steps)
    np.testing.assert_array_equal(first.price, np.ones(3))
    assert first.index == 0
    assert next(steps).index == 1
    assert next(play(checks.sample(), HitMin())).price is None
    assert len(list(play(checks.sample(), Greedy()))) == 12


def test_frames(result):
    run = result.trajectories["FairOBD(eta=0.01)"]
    frame = run.to_frame()
    assert len(frame) == 2 * 72 * 7
    one = frame[(frame["window"] == 1) & (frame["round"] == 3)]
    np.testing.assert_array_equal(one["action"], run.actions[1, 3])
    np.testing.assert_array_equal(one["kappa"], run.price[1, 3])
    assert result.trajectories["HITMIN"].to_frame()["kappa"].isna().all()
    np.testing.assert_array_equal(run.episode(1).actions, run.actions[1])


def test_tables(result):
    rows = json.loads(tables.as_json(result))
    assert [r["policy"] for r in rows] == ["OPT", "HITMIN", "FairOBD(eta=0.01)"]
    assert rows[0]["ratio"] == 1.0
    assert rows[1]["published_total"] == 343.62
    assert (
        tables.as_csv(result)
        .splitlines()[0]
        .startswith("policy,hitting,switching,fairness,total,ratio,published_hitting")
    )
    assert tables.as_markdown(result).count("\n") == 2 + 3
    assert list(result.to_frame()["policy"]) == [r["policy"] for r in rows]


def test_figures(result, tmp_path):
    for draw in (plots.cost_by_policy, plots.burden_by_site):
        draw(result, tmp_path / "a.png")
        assert (tmp_path / "a.png").stat().st_size > 5000
    result.trajectories["FairOBD(eta=0.01)"].episode(0).plot(str(tmp_path / "b.png"))
    assert (tmp_path / "b.png").exists()
    with pytest.raises(ParameterError, match="episode"):
        result.trajectories["HITMIN"].plot()


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "x.csv"
    target.write_text("old")

    def fail():
        with tables.writing(target) as path:
            path.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.parametrize(
    ("text", "picked"),
    [
        ("all", None),
        ("12", [12]),
        ("0,24,48", [0, 24, 48]),
        ("0:48:24", [0, 24]),
        (":3", [0, 1, 2]),
        ("5,0:2", [5, 0, 1]),
    ],
)
def test_windows_by_text(text, picked):
    assert pick_windows(text, 97) == picked


def test_compare_refuses():
    episodes = load("geo7")
    for windows in ([], [97], [-1]):
        with pytest.raises(ParameterError):
            compare(episodes, {"HITMIN": HitMin()}, windows, ("OPT",))
    with pytest.raises(UnknownNameError, match="OPT"):
        compare(episodes, hindsight=("OPTT",))
    with pytest.raises(EvenhandError, match="seed"):
        load("geo7", seed=3)


def test_windows_and_episodes_are_the_same_rounds():
    episodes = load("geo7", mu=1.0)
    for k in (0, 96):
        one, same = episodes.window(k), episodes.windows().episode(k)
        np.testing.assert_array_equal(one.feasible.total, same.feasible.total)
        assert simulate(one, HitMin()).cost.total == simulate(same, HitMin()).cost.total
    with pytest.raises(ParameterError, match="97"):
        episodes.window(97)


def test_shipped_data_are_checked():
    from evenhand.scenarios.shipped import columns_of

    assert len(columns_of("geo7_sites.csv")["site"]) == 7
    with pytest.raises(ProblemError, match=r"no_such\.csv"):
        columns_of("no_such.csv")
