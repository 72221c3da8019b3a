"""What is remembered: closed forms, limits, units, state; the recursion that hindsight uses; the running cost."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.registry import from_plain, literal, parse, to_plain

scales = st.sampled_from([1.0, 1e-12, 1e12])


@st.composite
def memories(draw, m=3):
    kind = draw(st.sampled_from(["half", "started", "window", "mean", "instant"]))
    rounds = draw(st.sampled_from([0.5, 1.0, 3.0, 24.0, 1e3]))
    if kind == "half":
        return eh.HalfLife(rounds)
    if kind == "started":
        return eh.HalfLife(rounds, start=np.linspace(-1.0, 2.0, m))
    if kind == "window":
        return eh.Window(draw(st.sampled_from([1, 2, 5, 40])))
    return eh.HalfLife(np.inf if kind == "mean" else 1e-3)


def told(memory, burdens):
    """y_t by the definition: a weighted mean of the burdens so far."""
    out = []
    for t in range(1, len(burdens) + 1):
        if isinstance(memory, eh.Window):
            out.append(burdens[max(t - memory.rounds, 0) : t].mean(axis=0))
            continue
        weight = 0.5 ** (np.arange(t)[::-1] / memory.rounds)
        mean = (weight[:, None] * burdens[:t]).sum(axis=0) / weight.sum()
        if memory.start is not None:
            kept = 0.5 ** (t / memory.rounds)
            mean = kept * memory.start + (1.0 - kept) * mean
        out.append(mean)
    return np.array(out)


def held_after(memory, burdens):
    held = memory.begin(burdens.shape[-1])
    for burden in burdens:
        held = memory.add(held, burden)
    return held


@settings(max_examples=150)
@given(memory=memories(), rounds=st.integers(1, 30), seed=st.integers(0, 2**20), unit=scales)
def test_remembers_what_the_definition_says(memory, rounds, seed, unit):
    if getattr(memory, "start", None) is not None:
        memory = eh.HalfLife(memory.rounds, memory.start * unit)
    burdens = np.random.default_rng(seed).normal(size=(rounds, 3)) * unit
    want = told(memory, burdens)
    got = [memory.remembered(held_after(memory, burdens[:t])) for t in range(1, rounds + 1)]
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11 * unit)


@settings(max_examples=150)
@given(memory=memories(), past=st.integers(0, 12), rounds=st.integers(1, 30), seed=st.integers(0, 2**20))
def test_recursion_is_the_memory_from_any_state_on(memory, past, rounds, seed):
    rng = np.random.default_rng(seed)
    burdens = rng.normal(size=(past + rounds, 3))
    recursion = memory.recursion(held_after(memory, burdens[:past]), rounds)
    want = told(memory, burdens)[past:]
    np.testing.assert_allclose(recursion.follow(burdens[past:]), want, atol=1e-11)
    kappa = rng.normal(size=(rounds, 3))
    price, rest = recursion.charge(kappa)
    assert (price * burdens[past:]).sum() + rest == pytest.approx((kappa * want).sum(), abs=1e-9)
    # later burdens change what is remembered by exactly the price of one unit
    t, j = rng.integers(rounds), rng.integers(3)
    more = burdens.copy()
    more[past + t, j] += 1.0
    assert (kappa * (told(memory, more)[past:] - want)).sum() == pytest.approx(price[t, j], abs=1e-9)


@given(memory=memories(), seed=st.integers(0, 2**20))
def test_a_batch_is_its_elements_and_survives_json(memory, seed):
    burdens = np.random.default_rng(seed).normal(size=(9, 4, 3))
    held = memory.begin(3)
    each = [memory.begin(3) for _ in range(4)]
    for burden in burdens:
        held = memory.add(held, burden)
        each = [memory.add(one, burden[k]) for k, one in enumerate(each)]
        held = from_plain(json.loads(json.dumps(to_plain(held))))
    np.testing.assert_array_equal(held, each)
    again = from_plain(json.loads(json.dumps(to_plain(memory))))
    np.testing.assert_array_equal(again.remembered(held), memory.remembered(held))
    assert again.retention == memory.retention


def test_state_is_bounded_and_a_window_does_not_drift():
    rng = np.random.default_rng(0)
    for memory, size in ((eh.HalfLife(24), 3), (eh.Window(5), 14)):
        held = memory.begin(2)
        assert held.size == size
        for k in range(20_000):
            held = memory.add(held, np.array([1e9, 1.0]) * rng.random() if k < 19_990 else np.array([0.1, 0.2]))
        assert held.size == size
    np.testing.assert_allclose(memory.remembered(held), [0.1, 0.2], rtol=1e-15)


def test_retention_is_gamma_and_a_window_has_its_mean_age():
    assert eh.HalfLife(1).retention == 0.5
    assert eh.HalfLife(np.inf).retention == 1.0
    gamma = eh.Window(9).retention
    assert gamma / (1.0 - gamma) == pytest.approx((9 - 1) / 2)
    assert eh.Window(1).retention == 0.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("HalfLife(0)", "rounds is 0"),
        ("HalfLife(-2)", "rounds is -2"),
        ("HalfLife('day')", "rounds is 'day'"),
        ("HalfLife(3, start=[[1.0]])", "start has shape"),
        ("Window(0)", "rounds is 0"),
        ("Window(2.5)", "rounds is 2.5"),
        ("Halflive(3)", "did you mean 'HalfLife'"),
        ("HalfLife(days=3)", "days"),
    ],
)
def test_bad_input_is_told_in_one_line(text, says):
    with pytest.raises(eh.EvenhandError, match=says.replace("(", r"\(")) as told:
        parse("memory", text)
    assert "\n" not in str(told.value)


def test_found_by_name():
    assert parse("memory", "half_life(24)") == eh.HalfLife(24)
    assert literal("Window(rounds=168)") == eh.Window(168)


def test_a_start_of_another_size_is_refused_where_the_problem_is_made():
    one = eh.load("geo7").window(0)
    with pytest.raises(eh.ProblemError, match="start has 3 numbers for 7 entities"):
        replace(one, setting=replace(one.setting, memory=eh.HalfLife(24, start=[1.0, 2.0, 3.0])))
    with pytest.raises(eh.ProblemError, match="memory is 24"):
        replace(one.setting, memory=24)


# --- the running cost -------------------------------------------------------------------------------------------------


def remembering(problem, memory):
    return replace(problem, setting=replace(problem.setting, memory=memory))


@pytest.mark.parametrize("memory", [eh.HalfLife(5), eh.HalfLife(2, start=3.0), eh.Window(4)])
@pytest.mark.parametrize("name", ["geo7", "tenants"])
def test_the_running_cost_is_told_alike_everywhere(name, memory):
    problem = remembering(eh.load(name).problem.window(0, 30), memory)
    g = problem.setting.fairness
    run = eh.simulate(problem, eh.FairOBD(eta=1e-2, domain="ball"))
    want = g.value(told(memory, run.burdens)).mean()
    assert run.cost.fairness == pytest.approx(want, rel=1e-12)
    np.testing.assert_allclose(run.remembered, told(memory, run.burdens), rtol=1e-12, atol=1e-12)
    assert eh.evaluate(problem, run.actions).cost.fairness == run.cost.fairness
    told_of = eh.tally(problem, run.policy)
    for part in ("hitting", "switching", "fairness"):
        assert getattr(told_of.cost, part) == getattr(run.cost, part)
    steps = list(eh.play(problem, run.policy))
    np.testing.assert_array_equal([s.fairness for s in steps], g.value(run.remembered))
    back = from_plain(json.loads(json.dumps(to_plain(steps[11]))))
    later = list(eh.play(problem, run.policy, after=back))
    np.testing.assert_array_equal([s.fairness for s in later], g.value(run.remembered)[12:])


@pytest.mark.parametrize("rounds", [600])
def test_a_tally_has_the_bits_of_a_run_across_blocks_and_batches(rounds):
    problem = remembering(eh.load("tenants", rounds=rounds, length=rounds).problem, eh.HalfLife(7))
    for one in (problem, problem.windows(rounds - 3), remembering(problem, None)):
        policy = eh.FairOBD(eta=1e-2, domain="ball")
        run, kept = eh.simulate(one, policy), eh.tally(one, policy)
        for part in ("hitting", "switching", "fairness"):
            np.testing.assert_array_equal(getattr(kept.cost, part), getattr(run.cost, part))
        np.testing.assert_array_equal(kept.mean_burden, run.mean_burden)


def test_limits_of_the_half_life():
    one = eh.load("geo7").window(5)
    run = eh.simulate(one, eh.FairOBD(eta=1e-2))
    g = one.setting.fairness
    instant = eh.evaluate(remembering(one, eh.HalfLife(1e-3)), run.actions)
    assert instant.cost.fairness == pytest.approx(g.value(run.burdens).mean(), rel=1e-12)
    alone = eh.evaluate(remembering(one, eh.Window(1)), run.actions)
    np.testing.assert_allclose(instant.remembered, alone.remembered, rtol=1e-14)
    forever = eh.evaluate(remembering(one, eh.HalfLife(np.inf)), run.actions)
    np.testing.assert_allclose(forever.remembered[-1], run.mean_burden, rtol=1e-13)
    np.testing.assert_allclose(
        eh.evaluate(remembering(one, eh.HalfLife(1e9)), run.actions).remembered, forever.remembered, rtol=1e-6
    )
    assert g.value(forever.remembered[-1]) == pytest.approx(float(run.cost.fairness), rel=1e-13)


def test_remembering_for_ever_costs_what_the_average_costs_in_the_limit():
    """On a periodic problem the running means settle at the mean of a period, so both costs come to agree as log T / T."""
    short = eh.load("geo7").window(0)
    apart = []
    for periods in (2, 8, 32):
        cost, impact, feasible = (
            type(part)(
                *(np.tile(getattr(part, name), (periods, *[1] * (getattr(part, name).ndim - 1))) for name in part.core)
            )
            if type(part) is not eh.Budget
            else eh.Budget(np.tile(part.total, periods), part.upper[0])
            for part in (short.cost, short.impact, short.feasible)
        )
        whole = eh.Problem(replace(short.setting, horizon=72 * periods), cost, impact, feasible)
        run = eh.simulate(whole, eh.HitMin())
        forever = eh.evaluate(remembering(whole, eh.HalfLife(np.inf)), run.actions)
        apart.append(float(forever.cost.fairness - run.cost.fairness))
    assert apart[0] > apart[1] > apart[2] > 0
    assert apart[2] < 0.12 * apart[0]  # log 16 T / 16 log T
