"""Public conformance checks for anyone's policy, cost of any kind, action set, mirror or scenario.

Each check draws points from a fixed seed, raises `ConformanceError` naming the promise that is broken, and gives
nothing back when all hold. Use them in the tests of a plugin: ``check_policy(MyPolicy(...))``.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from evenhand import forms
from evenhand.allocation.fleet import Fleet
from evenhand.columns import Array, layout, take
from evenhand.core import ActionSet, Fairness, HittingCost, Mirror, Policy, Problem, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ConformanceError, EvenhandError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.registry import from_plain, to_plain
from evenhand.sets import Budget
from evenhand.simulation import play, simulate
from evenhand.switching.moves import Moves
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.power import Power

__all__ = [
    "check_allocator",
    "check_cost",
    "check_fairness",
    "check_mirror",
    "check_policy",
    "check_scenario",
    "check_set",
    "check_switching",
    "sample",
]

#: what rounding may take from an inequality between drawn points, relative to the size of its terms
ROUNDING = 1e-9


def sample(rounds: int = 12, sites: int = 3) -> Problem:
    """The problem `check_policy` uses when none is given: a budget over a few sites, quadratic costs, worst burden."""
    rng = np.random.default_rng(7)
    upper = rng.uniform(0.5, 2.0, sites)
    return Problem(
        Setting(rounds, 2.0, Norm(1.5), np.zeros(sites)),
        Quadratic(rng.uniform(0.0, 2.0, (rounds, sites)), rng.uniform(0.5, 2.0, (rounds, sites))),
        Diagonal(rng.uniform(0.2, 2.0, (rounds, sites))),
        Budget(rng.uniform(0.2, 0.9, rounds) * upper.sum(), upper),
    )


def _require(holds: Any, subject: Any, promise: str) -> None:
    if not np.all(holds):
        raise ConformanceError(f"{type(subject).__name__} breaks a promise: {promise}")


def _guarded(subject: Any, what: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except EvenhandError as error:
        if "JSON" not in what:
            raise  # it says by itself what is wrong
        raise ConformanceError(f"{type(subject).__name__} breaks a promise: {what} failed: {error}") from error
    except Exception as error:
        raise ConformanceError(
            f"{type(subject).__name__} breaks a promise: {what} failed with {type(error).__name__}: {error}"
        ) from error


def _frozen(subject: Any) -> None:
    kind = type(subject)
    _require(is_dataclass(kind), subject, "it is a dataclass")
    _require(kind.__dataclass_params__.frozen, subject, "it is frozen")  # pyright: ignore[reportAttributeAccessIssue]


def _arrays(value: Any) -> list[Array]:
    """Every array inside a record, in order."""
    if isinstance(value, np.ndarray):
        return [value]
    if is_dataclass(value) and not isinstance(value, type):
        return [a for f in fields(value) for a in _arrays(getattr(value, f.name))]
    if isinstance(value, tuple | list):
        return [a for v in value for a in _arrays(v)]
    return []


def _same(one: Any, other: Any) -> bool:
    left, right = _arrays(one), _arrays(other)
    return len(left) == len(right) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(left, right, strict=True)
    )


def check_policy(policy: Policy[Any], problem: Problem | None = None) -> None:
    """Inputs unmutated, feasible finite actions, the same path twice, no look ahead, batch = single, JSON state."""
    _frozen(policy)
    task = sample() if problem is None else problem
    if task.lead and not getattr(policy, "batched", True):
        for index in np.ndindex(*task.lead):
            check_policy(policy, task.episode(index))
        return
    setting, before = task.setting, copy.deepcopy((task.setting, task.cost, task.impact, task.feasible))
    state = _guarded(policy, "init", lambda: policy.init(setting))
    first: list[Array] = []
    for round in task.rounds:
        kept = copy.deepcopy(state)
        action, chosen = _guarded(
            policy, f"decide in round {round.index}", lambda s=state, r=round: policy.decide(setting, s, r)
        )
        _require(_same(state, kept), policy, "decide leaves the state it is given as it was")
        _require(isinstance(action, np.ndarray), policy, f"decide gives an array, not a {type(action).__name__}")
        size = (*task.lead, setting.initial.shape[0])
        _require(np.shape(action) == size, policy, f"an action has shape {size}, not {np.shape(action)}")
        _require(np.isfinite(action), policy, f"actions are finite (round {round.index})")
        off = float(np.max(round.feasible.violation(action)))
        _require(off <= 1e-6, policy, f"actions stay in the set (round {round.index}, off by {off:.1e} relative)")
        again, _ = policy.decide(setting, state, round)
        _require(
            np.array_equal(action, again), policy, f"the same state and round give the same action ({round.index})"
        )
        first.append(action.copy())
        state = _settled(policy, task, round, action, chosen)
    unchanged = _same((task.setting, task.cost, task.impact, task.feasible), before)
    _require(unchanged, policy, "the data of the problem are left as they were")
    run = _guarded(policy, "simulate", lambda: simulate(task, policy))
    path = np.stack(first, axis=-2)
    _require(np.array_equal(run.actions, path), policy, "decide and settle remember nothing outside the state")
    _resumes(policy, task, path)
    if not task.lead and task.horizon > 1:
        _batches(policy, task)


def _settled(policy: Policy[Any], task: Problem, round: Any, action: Array, chosen: Any) -> Any:
    """The state after settling as decided, which nothing that the caller does to the action afterwards may change."""
    applied, burden = action.copy(), round.impact.burden(action)
    kept = copy.deepcopy(chosen)
    after = _guarded(
        policy, f"settle in round {round.index}", lambda: policy.settle(task.setting, chosen, round, applied, burden)
    )
    _require(_same(chosen, kept), policy, "settle leaves the state it is given as it was")
    kept = copy.deepcopy(after)
    for handed in (action, applied, burden):
        if handed.flags.writeable:
            handed[...] = np.nan
    _require(_same(after, kept), policy, "writing into an action or a burden afterwards changes no state")
    return after


def _resumes(policy: Policy[Any], task: Problem, path: Array) -> None:
    stop = task.horizon // 2
    steps = list(play(task, policy))
    if not 0 < stop < len(steps):
        return
    text = _guarded(policy, "writing a step as JSON", lambda: json.dumps(to_plain(steps[stop - 1])))
    back = _guarded(policy, "reading a step from JSON", lambda: from_plain(json.loads(text)))
    rest = _guarded(policy, "going on from JSON", lambda: [s.action for s in play(task, policy, after=back)])
    same = len(rest) == path.shape[-2] - stop and np.array_equal(np.stack(rest, axis=-2), path[..., stop:, :])
    _require(same, policy, "a run continued from its state in JSON takes the identical actions")


def _batches(policy: Policy[Any], task: Problem) -> None:
    length = task.horizon // 2
    batch = _guarded(policy, "a batch of windows", lambda: simulate(task.windows(length), policy))
    for k in range(batch.actions.shape[0]):
        alone = simulate(task.window(k, length), policy)
        _require(
            batch.actions.shape[1:] == alone.actions.shape and np.array_equal(batch.actions[k], alone.actions),
            policy,
            f"windows played as a batch are the windows played one by one (window {k})",
        )
    changed = replace(task.window(0, length), cost=_later(task.window(0, length)))
    same = np.array_equal(simulate(changed, policy).actions[..., : length - 1, :], batch.actions[0][: length - 1])
    _require(same, policy, "an action depends on no later round")


def _later(task: Problem) -> Any:
    """The hitting cost with another last round."""
    cost: Any = task.cost
    change: dict[str, Array] = {}
    for name, rank in layout(type(cost)):
        if rank == 1:
            value = getattr(cost, name).copy()
            value[-1] = value[-1] + 1.0
            change[name] = value
    return replace(cost, **change) if change else cost


def check_fairness(fairness: Fairness, entities: int = 4) -> None:
    """Convex, subgradients below, Fenchel's inequality, projections on the dual ball, an optimal budget step.

    Where it brings its conic form: the epigraph has its values, and ``in_units`` is the same cost. Dual operations are
    held to 1e-9, or to the ``accuracy`` that it states.
    """
    _frozen(fairness)
    exact = getattr(fairness, "accuracy", ROUNDING)  # of what its dual operations compute
    rng = np.random.default_rng(11)
    ys = np.concatenate([rng.normal(size=(40, entities)), np.zeros((1, entities)), np.ones((1, entities))])
    value = _guarded(fairness, "value of a batch", lambda: fairness.value(ys))
    _require(np.shape(value) == (42,), fairness, "value takes (..., m) to (...)")
    _require(np.isfinite(value), fairness, "values are finite")
    batch = [fairness.value(y) for y in ys]
    _require(np.array_equal(value, batch), fairness, "the value of a batch is that of its elements, bit for bit")
    others = rng.permutation(ys)
    apart, unit = fairness.value(others), ROUNDING * (1.0 + np.abs(value) + np.abs(fairness.value(others)))
    loose = exact / ROUNDING * unit
    _require(fairness.value((ys + others) / 2) <= (value + apart) / 2 + unit, fairness, "g is convex")
    slope = fairness.subgradient(ys)
    _require(
        apart >= value + (slope * (others - ys)).sum(-1) - loose,
        fairness,
        "a subgradient supports g from below",
    )
    bound = fairness.lipschitz(entities)
    steep = np.abs(apart - value) > bound * np.linalg.norm(others - ys, axis=-1) + unit
    _require(not steep.any(), fairness, "g is Lipschitz with the constant it states")
    _require(
        (slope * others).sum(-1) <= fairness.recession(others) + loose,
        fairness,
        "no slope is above the recession",
    )
    far = fairness.value(1e6 * others) / 1e6
    _require(
        np.allclose(fairness.recession(others), far, rtol=1e-5, atol=1e-4), fairness, "recession is the slope far out"
    )
    raw = rng.normal(size=(42, entities)) * (1.0 + bound)
    price = _guarded(fairness, "projection on the dual ball", lambda: fairness.project(raw))
    dual = fairness.conjugate(price)
    _require(np.isfinite(dual), fairness, "a projected price lies in dom g*")
    _require(
        value + dual >= (price * ys).sum(-1) - loose,
        fairness,
        "Fenchel: g(y) + g*(kappa) >= kappa . y",
    )
    equal = (slope * ys).sum(-1) - value
    _require(
        np.abs(fairness.conjugate(slope) - equal) <= loose,
        fairness,
        "Fenchel's equality holds at a subgradient",
    )
    _require(np.allclose(fairness.project(price), price, atol=exact * (1 + bound)), fairness, "projecting twice is projecting once")
    gap = np.linalg.norm(price[1:] - price[:-1], axis=-1) - np.linalg.norm(raw[1:] - raw[:-1], axis=-1)
    _require(gap <= exact * (1 + bound), fairness, "the projection brings no two prices farther apart")
    centre = fairness.centre(entities)
    _require(np.isfinite(fairness.conjugate(centre)), fairness, "the centre lies in dom g*")
    low, high = np.full(entities, -1.0), np.linspace(0.5, 2.0, entities)
    for one in raw:
        z = _guarded(fairness, "budget step", lambda k=one: fairness.budget(k, low, high))
        _require((z >= low) & (z <= high), fairness, "the budget step stays in its box")
        points = rng.uniform(low, high, (20, entities))
        rivals = fairness.value(points) - points @ one
        _require(
            fairness.value(z) - z @ one <= rivals + exact * (1 + np.abs(rivals)),
            fairness,
            "the budget step is optimal",
        )
    inside = fairness.budget_ball(price)
    fenchel = fairness.value(inside) + dual - (price * inside).sum(-1)
    _require(np.abs(fenchel) <= exact * (1 + np.abs(dual)), fairness, "budget_ball is a subgradient of g*")
    _require(np.allclose(fairness.scaled(3.0).value(ys), 3.0 * value), fairness, "scaled(c) is c g")
    forms.fairness(fairness, ys[:8], value[:8])


def check_cost(cost: HittingCost, points: Array) -> None:
    """A hitting cost on points (k, n) of its domain: convex, gradients below, strongly convex by what it states."""
    _frozen(cost)
    one: Any = cost
    while any(rank is not None and getattr(one, name).ndim > rank for name, rank in layout(type(cost))):
        one = take(one, 0)
    kept, before = copy.deepcopy(cost), points.copy()
    value = _guarded(cost, "value of a batch", lambda: one.value(points))
    slope = _guarded(cost, "gradient of a batch", lambda: one.gradient(points))
    _require(np.shape(value) == points.shape[:-1], cost, "value takes (..., n) to (...)")
    _require(np.shape(slope) == points.shape, cost, "gradient takes (..., n) to (..., n)")
    _require(
        np.array_equal(value, [one.value(x) for x in points]), cost, "the value of a batch is that of its elements"
    )
    modulus = np.asarray(one.strong_convexity())
    _require(modulus >= 0, cost, "strong convexity is at least 0")
    for x, fx, gx in zip(points, value, slope, strict=True):
        rest = value - fx - (points - x) @ gx - 0.5 * modulus * ((points - x) ** 2).sum(-1)
        unit = ROUNDING * (1 + np.abs(value) + abs(fx) + np.abs((points - x) @ gx))
        _require(rest >= -unit, cost, "f(y) >= f(x) + gradient . (y - x) + m_f |y - x|^2 / 2")
    _require(_same(cost, kept) and np.array_equal(points, before), cost, "nothing it is given is changed")
    forms.cost(one, points, value)


def check_set(feasible: ActionSet) -> None:
    """The bounds contain the set, support is a lower bound of every feasible action, violations are seen."""
    _frozen(feasible)
    one: Any = feasible
    while any(rank is not None and getattr(one, name).ndim > rank for name, rank in layout(type(feasible))):
        one = take(one, 0)
    low, high = one.bounds
    n = low.shape[-1]
    rng = np.random.default_rng(13)
    ways = rng.normal(size=(10, n))
    least = _guarded(feasible, "support of a batch", lambda: one.support(ways))
    _require(np.shape(least) == (10,), feasible, "support takes (..., n) to (...)")
    _require(~np.isnan(least), feasible, "support is a number or -inf")
    box = np.where(ways > 0, low, high)
    with np.errstate(invalid="ignore"):
        _require(
            least >= np.where(ways == 0, 0.0, ways * box).sum(-1) - ROUNDING, feasible, "the set lies in its bounds"
        )
    _require(one.support(-ways) <= -least + ROUNDING * (1 + np.abs(least)), feasible, "the set is not empty")
    sums = one.support(ways[:-1] + ways[1:])
    _require(
        sums >= least[:-1] + least[1:] - ROUNDING * (1 + np.abs(sums)), feasible, "support is concave: X is convex"
    )
    _require(
        np.allclose(one.support(2.0 * ways), 2.0 * least, atol=ROUNDING), feasible, "support doubles with its direction"
    )
    away = np.where(np.isfinite(high), high + 1.0 + np.abs(high), 0.0)
    if np.isfinite(high).any():
        _require(one.violation(away) > 0, feasible, "an action beyond its bounds violates it")
    _require(
        np.isnan(one.violation(np.full(n, np.nan))) or one.violation(np.full(n, np.nan)) > 0, feasible, "NaN is outside"
    )
    forms.feasible(one, ways, least)


def check_mirror(mirror: Mirror, fairness: Fairness | None = None, entities: int = 4) -> None:
    """The step minimises direction . k + V_h(k, kappa) / eta, on the dual ball where asked; V_h >= 0 = V_h(k, k).

    Its norms are a pair, and h is strongly convex in that of prices by the modulus it states.
    """
    _frozen(mirror)
    g = Norm(2.0) if fairness is None else fairness
    rng = np.random.default_rng(17)
    weights = np.asarray(mirror.burden_weights)
    _require(mirror.order in (2.0, np.inf), mirror, "burdens are measured in l_2 or l_inf: order is 2 or inf")
    fits = weights.shape in ((), (entities,)) and bool((weights > 0.0).all())
    _require(fits, mirror, "burden_weights are above 0, a number or one for each entity (m,)")
    for _ in range(20):
        kappa = g.project(rng.uniform(0.1, 1.0, entities)) + 1e-3
        direction, eta = rng.normal(size=entities), np.asarray(rng.uniform(0.05, 1.0))
        _require(
            np.abs(mirror.divergence(kappa, kappa)) <= ROUNDING, mirror, "the divergence from a point to itself is 0"
        )
        for ball in (False, True):
            got = _guarded(mirror, "step", partial(mirror.step, kappa, direction, eta, g, ball))
            if ball:
                _require(np.isfinite(g.conjugate(got)), mirror, "a step in the ball stays in dom g*")
            if mirror.positive:
                _require((got > 0.0).all(), mirror, "a step keeps prices above 0, as positive says")
            near = got + rng.normal(size=(50, entities)) * rng.choice([1e-3, 0.3])
            near = np.abs(near) if mirror.positive else near
            if ball:
                near = g.project(near)
                near = np.abs(near) if mirror.positive else near
            costs = near @ direction + mirror.divergence(near, kappa) / eta
            here = got @ direction + mirror.divergence(got, kappa) / eta
            _require(mirror.divergence(near, kappa) >= -ROUNDING, mirror, "a divergence is never negative")
            _require(
                here <= costs + ROUNDING * (1 + np.abs(costs)), mirror, "the step minimises d . k + V_h(k, kappa) / eta"
            )
    _strongly_convex(mirror, weights, rng, entities)


def _strongly_convex(mirror: Mirror, weights: Array, rng: np.random.Generator, entities: int) -> None:
    """V_h(k, s) >= sigma |k - s|^2 / 2 on drawn pairs, near and far, small and large."""
    dual = 2.0 if mirror.order == 2.0 else 1.0
    for scale in (1e-3, 1.0, 1e3):
        start, end = scale * rng.normal(size=(2, 200, entities))
        if mirror.positive:
            start, end = np.abs(start), np.abs(end)
        end = np.where(rng.random((200, 1)) < 0.5, end, start + 0.1 * (end - start))
        norms = [np.linalg.norm(k / weights, ord=dual, axis=-1) for k in (start, end, end - start)]
        sigma = mirror.modulus(np.maximum(norms[0], norms[1]))
        _require(np.shape(sigma) == (200,), mirror, "modulus takes (...) to (...)")
        _require((sigma > 0.0).all(), mirror, "the modulus is above 0")
        least = 0.5 * sigma * norms[2] ** 2
        size = np.abs(end).sum(axis=-1) + np.abs(start).sum(axis=-1) + least  # terms that cancel in a divergence
        promise = "h is strongly convex by its modulus in its norm of prices"
        _require(mirror.divergence(end, start) >= least - ROUNDING * size, mirror, promise)


def check_switching(switching: Any, actions: int = 4) -> None:
    """A canonical form that fits, a value that is its own: convex, never negative, nothing for no move, JSON."""
    _frozen(switching)
    moves = getattr(switching, "moves", None)
    _require(isinstance(moves, Moves), switching, "moves is a Moves, the canonical form")
    assert isinstance(moves, Moves)
    _require(moves.actions in (None, actions), switching, f"its form is for {actions} actions")
    x, before, y, start = np.random.default_rng(19).normal(size=(4, 30, actions))
    value = moves.value(x, before)
    _require(value >= 0.0, switching, "a move never earns")
    _require(moves.value(x, x) == 0.0, switching, "no move costs nothing")
    other = moves.value(y, start)
    unit = ROUNDING * (1.0 + value + other)
    middle = moves.value((x + y) / 2, (before + start) / 2)
    _require(middle <= (value + other) / 2 + unit, switching, "s is convex in both actions")
    each = [moves.value(a, b) for a, b in zip(x, before, strict=True)]
    _require(np.array_equal(value, each), switching, "the value of a batch is that of its elements, bit for bit")
    if hasattr(switching, "value"):
        own = _guarded(switching, "value of a batch", lambda: switching.value(x, before))
        _require(np.abs(own - value) <= unit, switching, "its value is that of its canonical form")
    text = _guarded(switching, "writing it as JSON", lambda: json.dumps(to_plain(switching)))
    back = _guarded(switching, "reading it from JSON", lambda: from_plain(json.loads(text)))
    _require(_same(back.moves, moves), switching, "it comes back from JSON as it was")


def check_allocator(allocator: Any) -> None:
    """Splits one and two resources within capacities and bounds, the same way twice."""
    _frozen(allocator)
    lower, upper = np.array([0.0, 0.5, 0.0]), np.array([np.inf, np.inf, 0.7])
    one = Fleet(Power(np.array([0.3, 0.5, 0.7])), [0.1, 0.0, 1.0], [1.0, 2.0, 0.5], lower, upper)
    two = Fleet(CobbDouglas(np.array([[0.3, 0.4], [0.6, 0.7], [0.0, 0.2]])), 0.1)
    for fleet, capacity in ((one, np.array([3.0])), (two, np.array([2.0, 5.0]))):
        _check_split(allocator, fleet, capacity)


def _check_split(allocator: Any, fleet: Fleet, capacity: Array) -> None:
    x = _guarded(allocator, "split", lambda: allocator.split(fleet, capacity)).x
    inside = (x >= fleet.lower - ROUNDING).all() and (x <= fleet.upper + ROUNDING).all()
    used = x.reshape(fleet.n, fleet.k).sum(axis=0)
    _require(inside and (used <= capacity * (1 + ROUNDING)).all(), allocator, "a split keeps capacities and bounds")
    _require((x == allocator.split(fleet, capacity).x).all(), allocator, "the same fleet is split the same way")


def check_scenario(scenario: Any) -> None:
    """Loads twice to the same problem, has windows, a line-up whose policies conform, published rows it plays.

    A one-shot scenario (`fleets`) gives the same cases twice, and its allocators split them.
    """
    _frozen(scenario)
    if hasattr(scenario, "fleets"):
        cases, again = list(scenario.fleets()), list(scenario.fleets())
        same = all((a.capacity == b.capacity).all() for a, b in zip(cases, again, strict=True))
        _require(len(cases) > 0 and same, scenario, "the same settings give the same cases")
        for allocator in scenario.line_up().values():
            check_allocator(allocator)
            _check_split(allocator, cases[-1].fleet, cases[-1].capacity)
        return
    problem = _guarded(scenario, "problem", scenario.problem)
    again = scenario.problem()
    same = _same((problem.cost, problem.impact, problem.feasible), (again.cost, again.impact, again.feasible))
    _require(isinstance(problem, Problem) and same, scenario, "the same settings give the same problem")
    length = scenario.length
    _require(1 <= length <= problem.horizon, scenario, "a window is at most as long as the data")
    line_up: Mapping[str, Policy[Any]] = _guarded(scenario, "line_up", scenario.line_up)
    _require(len(line_up) > 0, scenario, "its line-up names a policy")
    for policy in line_up.values():
        check_policy(policy, problem.window(0, min(length, 12)))
    for parts in scenario.published().values():
        _require(len(parts) == 4 and np.isfinite(parts).all(), scenario, "published rows are four numbers")
