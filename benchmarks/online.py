"""Speed of the online half: kernels, one round, batches, OPT, the command line; peers in the same run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cvxpy as cp
import daqp
import numpy as np

import evenhand as eh
from evenhand.kernels.kinked import kinked
from evenhand.kernels.waterfill import waterfill
from timing import Row, at_least, at_most, process_seconds, seconds


def rows() -> list[Row]:
    """All rows of this half."""
    return [*_kernel(), *_round(), *_batch(), *_endless(), *_command()]


def _kernel() -> list[Row]:
    r = eh.load("geo7").window(0).rounds[10]
    q, c = np.array(r.cost.curvature), np.array(r.cost.linear)
    low, high, total = np.zeros(7), np.array(r.feasible.upper), np.array(r.feasible.total)
    one = np.array(1.0)
    ours = seconds(lambda: waterfill(q, c, low, high, total, one))
    square, row = np.diag(q), np.ones((1, 7))
    above, below = np.append(high, total), np.append(low, total)
    sense = np.array([0] * 7 + [5], dtype=np.intc)
    x, _, flag, _ = daqp.solve(square, c, row, above, below, sense)
    assert flag == 1
    np.testing.assert_allclose(waterfill(q, c, low, high, total, one)[0], x, atol=1e-6)
    theirs = seconds(lambda: daqp.solve(square, c, row, above, below, sense))
    rng = np.random.default_rng(0)
    n = 10**6
    many_q, many_c = rng.lognormal(0, 2, n), rng.uniform(20, 100, n)
    many_u = rng.uniform(0, 2, n)
    zero, budget = np.zeros(n), np.array(0.4 * many_u.sum())
    big = seconds(lambda: waterfill(many_q, many_c, zero, many_u, budget, one), repeats=5)
    return [
        at_most("one water-filling call, n = 7 (the kernel)", ours, 3e-6),
        at_least("  against DAQP called directly on the same round", theirs / ours, 1.0),
        at_most("water-filling, n = 10^6, one call", big, 150e-3),
    ]


def _round() -> list[Row]:
    problem = eh.load("geo7").window(0)
    policy, setting = eh.FairOBD(eta=1e-2), problem.setting
    state = policy.init(setting)
    _, state = eh.step(policy, setting, state, problem.rounds[0])
    r = problem.rounds[1]
    ours = seconds(lambda: eh.step(policy, setting, state, r))

    def modelled() -> np.ndarray:
        x = cp.Variable(7)
        tilt = r.impact.weight * state.kappa
        goal = (r.cost.linear + tilt) @ x + 0.5 * r.cost.curvature[0] * cp.sum_squares(x)
        goal += 0.5 * setting.beta * cp.sum_squares(x - state.action)
        cp.Problem(cp.Minimize(goal), [x >= 0, x <= r.feasible.upper, cp.sum(x) == float(r.feasible.total)]).solve(
            solver="CLARABEL"
        )
        return x.value

    np.testing.assert_allclose(eh.step(policy, setting, state, r)[0], modelled(), atol=1e-5)
    theirs = seconds(modelled)
    return [
        at_most("one FairOBD round through the public step, n = 7", ours, 25e-6),
        at_least("  against the same round built in CVXPY", theirs / ours, 200.0),
        *_moves(problem, r),
    ]


def _moves(problem: eh.Problem, r: eh.Round) -> list[Row]:
    """The same round with a price on every unit moved."""
    policy, found = eh.FairOBD(eta=1e-2), list[Row]()
    for name, switching in (("linear", eh.Linear(5.0)), ("ramp-up", eh.RampUp(5.0))):
        setting = replace(problem.setting, switching=switching)
        _, state = eh.step(policy, setting, policy.init(setting), problem.rounds[0])
        took = seconds(lambda setting=setting, state=state: eh.step(policy, setting, state, r))
        found.append(at_most(f"one FairOBD round with {name} switching, n = 7", took, 25e-6))
    q, c, high, before = (np.array(v) for v in (r.cost.curvature, r.cost.linear, r.feasible.upper, state.action))
    none, total, one = np.zeros(7), np.array(r.feasible.total), np.array(1.0)
    terms = eh.Linear(5.0).moves.terms
    kernel = seconds(lambda: kinked(q, c, none, high, total, one, none[:1], before, before, one, terms))
    return [*found, at_most("  the kernel alone, linear switching", kernel, 5e-6)]


def _batch() -> list[Row]:
    episodes = eh.load("geo7")
    batch, window = episodes.windows(), episodes.window(0)
    linear = replace(window, setting=replace(window.setting, switching=eh.Linear(5.0)))
    return [
        at_most("97 windows x 72 rounds of FairOBD, batched", seconds(lambda: eh.simulate(batch, eh.FairOBD())), 20e-3),
        at_most("OPT of one 72-round window", seconds(lambda: eh.optimum(window)), 10e-3),
        at_most("  with linear switching", seconds(lambda: eh.optimum(linear)), 15e-3),
    ]


def _endless() -> list[Row]:
    """A million drawn rounds over seven sites, streamed: no horizon, no record. In a process of its own."""
    code = (
        "import time\n"
        "import numpy as np, evenhand as eh\n"
        "T, n, rng = ROUNDS, 7, np.random.default_rng(0)\n"
        "upper = rng.uniform(0.5, 2.0, n)\n"
        "problem = eh.Problem(\n"
        "    eh.Setting(None, 2.0, eh.Norm(1.5), np.zeros(n), np.zeros(n), 2.0 * upper),\n"
        "    eh.Quadratic(rng.uniform(0.0, 2.0, (T, n)), 0.8), eh.Diagonal(rng.uniform(0.2, 2.0, (T, n))),\n"
        "    eh.Budget(rng.uniform(0.2, 0.9, T) * upper.sum(), upper))\n"
        "eh.tally(problem.window(0, 20_000), eh.FairOBD())\n"
        "start = time.perf_counter()\n"
        "told = eh.tally(problem, eh.FairOBD())\n"
        "spent = time.perf_counter() - start\n"
        "assert np.isfinite(told.cost.total)\n"
        "most = next(row for row in open('/proc/self/status') if row.startswith('VmHWM'))\n"
        "print(spent, most.split()[1])\n"
    )
    found: list[str] = []
    for rounds in (20_000, 10**6):  # the first compiles, which takes memory of its own
        line = [sys.executable, "-c", code.replace("ROUNDS", str(rounds))]
        found = subprocess.run(line, capture_output=True, text=True, check=True).stdout.split()
    held = float(found[1]) / 1024
    return [
        at_most("10^6 rounds of FairOBD, n = 7, streamed without a horizon: a round", float(found[0]) / 1e6, 15e-6),
        Row("  memory of that process, its data included", f"{held:.0f} MB", "<= 300 MB", held <= 300.0),
    ]


def _command() -> list[Row]:
    command = str(Path(sys.executable).with_name("evenhand"))
    with tempfile.TemporaryDirectory() as folder:
        fresh = {**os.environ, "NUMBA_CACHE_DIR": f"{folder}/cache"}
        run = [command, "compare", "geo7", "--quiet", "--out", f"{folder}/out"]
        first = process_seconds(run, repeats=1, env=fresh)
        later = process_seconds(run, repeats=3, env=fresh)
    imported = process_seconds([sys.executable, "-W", "error", "-c", "import evenhand"])
    bare = process_seconds([sys.executable, "-c", "pass"])
    return [
        at_most("evenhand compare geo7, first run (kernels not compiled)", first, 25.0),
        at_most("evenhand compare geo7, later", later, 5.0),
        at_most("evenhand --help", process_seconds([command, "--help"]), 0.6),
        at_most("import evenhand (beyond the bare interpreter)", max(imported - bare, 0.0), 0.3),
    ]
