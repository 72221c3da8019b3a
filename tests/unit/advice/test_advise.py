"""An advice: two parts that share no round, the cheapest on the first, proved and priced on the second."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import evenhand as eh
from evenhand.advice.advise import FACTORS, advise, row_of
from evenhand.advice.line_up import BLIND, sensible, spelled, warm
from evenhand.advice.parts import LONGEST, MOST, daily, in_parts
from evenhand.experiment import Episodes
from evenhand.registry import parse
from evenhand.trajectory import evaluate


@dataclass(frozen=True)
class Plain:
    """A scenario around a problem at hand."""

    whole: eh.Problem
    length: int

    def problem(self):
        return self.whole

    def line_up(self):
        return {"FairOBD": eh.FairOBD(eta=0.1, domain="ball")}

    def published(self):
        return {}


def episodes(rounds=80, length=10, seed=0, beta=1.0, mu=2.0, times=()):
    rng = np.random.default_rng(seed)
    problem = eh.Problem(
        eh.Setting(rounds, beta, eh.Norm(mu), np.zeros(3)),
        eh.Quadratic(rng.uniform(0, 2, (rounds, 3)), 0.5),
        eh.Diagonal(rng.uniform(0.2, 2, (rounds, 3))),
        eh.Budget(rng.uniform(0.5, 2.0, rounds), np.ones(3)),
        times,
    )
    return Episodes("drawn", Plain(problem, length), problem)


FEW = {"FairOBD": eh.FairOBD(eta=0.1, domain="ball"), "HITMIN": eh.HitMin(), "AdaptiveFairOBD": eh.AdaptiveFairOBD()}


@pytest.fixture(scope="module")
def advice():
    return advise(episodes(), FEW)


# --- the parts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounds", "length"), [(2, 1), (2, 2), (3, 3), (80, 10), (81, 40), (81, 41), (80, 80), (300, 7)]
)
def test_the_parts_share_no_round(rounds, length):
    parts = in_parts(episodes(rounds, length), None)
    long = parts.episodes.scenario.length
    assert parts.first
    assert parts.rest
    assert max(parts.first) + long <= parts.split <= min(parts.rest)
    assert max(parts.rest) + long <= rounds
    assert long == min(length, rounds // 2)
    assert max(len(parts.first), len(parts.rest)) <= MOST
    assert any("Windows of" in note for note in parts.notes) == (length > rounds // 2)


def test_a_users_step_between_windows_is_kept():
    own = replace(episodes(300, 20), starts=tuple(range(0, 281, 20)))
    parts = in_parts(own, None)
    assert parts.first == (0, 20, 40, 60, 80, 100, 120)
    assert parts.rest == (160, 180, 200, 220, 240, 260, 280)


def test_long_episodes_are_cut_and_one_round_is_refused():
    assert in_parts(episodes(3 * LONGEST, 3 * LONGEST), None).episodes.scenario.length == LONGEST
    with pytest.raises(eh.ParameterError, match="the trace has one round"):
        in_parts(episodes(1, 1), None)


@pytest.mark.parametrize(
    ("rounds", "period", "short"), [(90, None, True), (96, None, False), (140, 24, True), (144, 24, False)]
)
def test_a_short_trace_is_warned_of(rounds, period, short):
    notes = in_parts(episodes(rounds, 10), period).notes
    assert any("short" in note for note in notes) == short


@pytest.mark.parametrize(
    ("times", "rounds"),
    [
        (("2024-05-10T00:00Z", "2024-05-10T01:00Z"), 24),
        (("2024-05-10T00:00", "2024-05-10T00:15"), 96),
        (("2024-05-10T00:00", "2024-05-10T07:00"), None),
        (("2024-05-10", "2024-05-11"), None),
        (("0", "1"), None),
        ((), None),
    ],
)
def test_a_day_is_found_from_the_times(times, rounds):
    made = episodes(200, 10, times=(*times, *(f"t{k}" for k in range(198))) if times else ())
    assert daily(made.problem) == rounds
    assert daily(eh.load("geo7").problem) == 24


# --- the choice -----------------------------------------------------------------------------------------------------


def test_the_cheapest_on_the_first_part_is_chosen(advice):
    totals = {row.policy: row.total for row in advice.first.rows if row.policy != "OPT"}
    assert set(totals) == {*FEW, BLIND}
    assert advice.chosen == min(totals, key=totals.get)
    for label, policy in warm(FEW, episodes().problem, advice.parts.first).items():
        batch = episodes().windows().select(advice.parts.first)
        assert totals[label] == pytest.approx(float(eh.tally(batch, policy).cost.total.mean()), rel=1e-12)


def test_the_rest_is_not_seen_when_choosing(advice):
    made, other = episodes(), episodes(seed=9)
    split = made.problem.horizon // 2
    mixed = {
        name: replace(
            getattr(made.problem, name),
            **{
                f: np.concatenate([getattr(getattr(made.problem, name), f)[:split], getattr(getattr(other.problem, name), f)[split:]])
                for f in fields
            },
        )
        for name, fields in (("cost", ["linear"]), ("impact", ["weight"]), ("feasible", ["total"]))
    }  # fmt: skip
    problem = replace(made.problem, **mixed)
    changed = advise(replace(made, problem=problem), FEW)
    assert [(r.policy, r.total) for r in changed.first.rows] == [(r.policy, r.total) for r in advice.first.rows]
    assert changed.chosen == advice.chosen
    assert changed.row.total != advice.row.total


def test_a_ranking_that_does_not_hold_is_told():
    """Burdens without weight at first: HITMIN is best; then they are heavy, and it is not."""
    made = episodes(120, 20, beta=0.0, mu=5.0)
    weight = made.problem.impact.weight * np.where(np.arange(120) < 60, 0.0, 1.0)[:, None]
    made = replace(made, problem=replace(made.problem, impact=eh.Diagonal(weight)))
    told = advise(made, {"HITMIN": eh.HitMin(), "DMD": eh.DMD(eta=0.3, domain="ball")})
    assert told.chosen in ("HITMIN", BLIND)
    assert any("The ranking did not hold: on the rest DMD was" in note for note in told.notes)


def test_what_is_said_to_be_proved_is(advice):
    batch = advice.parts.episodes.windows().select(advice.parts.rest)
    bound = eh.lower_bound(batch).value
    for row in advice.rest.rows:
        above = row.total / bound.mean() - 1.0
        assert advice.at_most(row.policy) >= above - 1e-9
        assert advice.at_most(row.policy) == pytest.approx(above, abs=1e-6)


def test_fairness_is_priced_at_the_users_weight(advice):
    assert [point.factor for point in advice.pareto] == list(FACTORS)
    own, blind = advice.row, row_of(advice.rest, BLIND)
    assert advice.pareto[2].running + advice.pareto[2].unfair == pytest.approx(own.total, rel=1e-12)
    assert advice.pareto[0].unfair == pytest.approx(blind.fairness, rel=1e-12)
    double = replace(advice.parts.episodes.problem, setting=replace(episodes().problem.setting, fairness=eh.Norm(4.0)))
    policy = warm(FEW, episodes().problem, advice.parts.rest)[advice.chosen]
    run = eh.simulate(double.windows(10).select(advice.parts.rest), policy)
    priced = evaluate(episodes().windows().select(advice.parts.rest), run.actions).cost
    assert advice.pareto[3].unfair == pytest.approx(float(priced.fairness.mean()), rel=1e-12)


def test_moves_count_what_goes_from_one_to_another():
    from evenhand.advice.advise import moved_share

    made = episodes(4, 4).problem
    swap = np.array([[1.0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1.0]])
    grow = np.array([[1.0, 0, 0], [2, 0, 0], [2, 1, 0], [3, 3, 3.0]])
    assert moved_share(evaluate(made, swap)) == pytest.approx(2 / 3)
    assert moved_share(evaluate(made, grow)) == 0.0
    assert moved_share(evaluate(made, np.zeros((4, 3)))) == 0.0


def test_a_policy_that_cannot_play_the_trace_is_left_out_with_its_reason():
    moves = eh.Sum(eh.Weighted(0.5 * np.eye(3) + 0.1), eh.Linear(0.1))
    made = episodes(24, 4)
    setting = replace(made.problem.setting, switching=moves)
    made = replace(made, problem=replace(made.problem, setting=setting))
    told = advise(made, {"RecedingHorizon": eh.RecedingHorizon(period=4), "HITMIN": eh.HitMin()})
    assert "cannot plan" in told.left_out["RecedingHorizon"]
    assert {row.policy for row in told.rest.rows} == {"OPT", "HITMIN", BLIND}


def test_progress_reaches_its_end():
    seen = []
    advise(episodes(20, 4), FEW, progress=lambda label, done, steps: seen.append((done, steps)))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][0] == seen[-1][1]


# --- the line-up ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "there", "not_there"), [
    ("geo7", {"AdaptiveFairOBD", "AdaptiveFairOBD(period=24)", "AdaptiveResolving", "ProportionalShare"}, {"StaticQuota"}),
    ("tenants", {"VirtualTokenCounter", "StaticQuota", "HalfLifeFairShare"}, {"AdaptiveFairOBD(period=24)"}),
    ("provisioning", {"AdaptiveFairOBD"}, {"StaticQuota"}),
])  # fmt: skip
def test_the_line_up_is_what_makes_sense(name, there, not_there):
    made = eh.load(name)
    labels = set(sensible(made, daily(made.problem)))
    assert there <= labels
    assert not labels & not_there


def test_what_a_configuration_names_is_tried(tmp_path):
    from evenhand.own.template import DATA, config_text

    (tmp_path / "s.yaml").write_text(config_text("s") + "policy: FairOBD(eta=0.123, domain='ball')\n")
    (tmp_path / "s.csv").write_text(DATA)
    assert sensible(eh.load(str(tmp_path / "s.yaml")), None)["FairOBD(eta=0.123, domain='ball')"].eta == 0.123


@pytest.mark.parametrize(
    "policy",
    [
        eh.HitMin(),
        eh.FairOBD(eta=1e-3),
        eh.FairOBD(eta=0.5, domain="ball", mirror=eh.Entropy(), lambda2=0.25),
        eh.FairOBD(eta=0.5, domain="ball", mirror=eh.WeightedEuclidean([1.0, 2.0])),
        eh.AdaptiveFairOBD(period=24, hold=7),
        eh.RateLimitedFairShare(rate=np.inf, quota=[1.0, 1 / 3]),
        eh.HalfLifeFairShare(rounds=12.0),
        eh.ROBD(lambda2=None),
    ],
    ids=repr,
)
def test_what_is_spelled_is_read_back(policy):
    text = spelled(policy)
    assert text
    assert parse("policies", text) == policy


def test_what_text_cannot_say_is_not_spelled():
    problem = eh.load("geo7").problem
    (policy,) = warm({"x": eh.AdaptiveFairOBD(period=24)}, problem, [24]).values()
    assert policy.history is not None
    assert spelled(policy) == ""
