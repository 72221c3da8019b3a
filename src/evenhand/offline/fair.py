"""FairOPT: least fairness cost g, and among those the least total cost. Source: spec/online.md §3.

One solve of (1) with g weighted so heavily that it comes first, else two: g alone, then the rest under it. That g came
first is proved by weak duality, not taken from the solver. All of it in units in which the data are of about one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, rebuild
from evenhand.core import Problem
from evenhand.errors import EvenhandError, ProblemError, SolverError
from evenhand.fairness.dual import supported
from evenhand.offline.horizon import Horizon
from evenhand.offline.moves import least_within
from evenhand.offline.program import Answer, answered, forces_of, unpacked, whole
from evenhand.offline.remembered import charged, unfairness
from evenhand.offline.sizes import Sizes
from evenhand.solvers import clarabel

__all__ = ["fairest", "weighted"]

#: weight of g against the other costs: large enough to come first (to 1e-6 of its value), small enough for the solver
FIRST = 1e6


def fairest(view: Problem, sizes: Sizes, general: bool = False) -> Answer:
    """The answer, its kappa the price of g alone. Raises SolverError where "least" cannot be proved to 1e-5."""
    g, unit = view.setting.fairness, sizes.units.money
    unfair = sizes.unfairness / unit or float(g.value(np.ones(view.impact.entities)))
    if unfair > 0.0:
        factor = FIRST * max(sizes.effort, sizes.least) / unit / unfair
        try:
            first = whole(weighted(view, factor), general=general)
            price, _ = supported(g, first.kappa / factor)
            held = None if first.held is None else first.held / factor
            if _excess(view, first.actions, price, held)[0] <= 0:
                return replace(first, kappa=price)
        except ProblemError:
            raise
        except EvenhandError:
            pass  # costs of very different size: one stage after the other
    second = _two_stages(view)
    price, _ = supported(g, second.kappa)
    excess, reached = _excess(view, second.actions, price, second.held)
    if excess > 0:
        raise SolverError(
            f"FairOPT's fairness cost is not proved least, by {excess / (reached or 1.0):.1e} of {reached * unit:g}"
        )
    return replace(second, kappa=price)


def weighted(problem: Problem, factor: float) -> Problem:
    """The same problem with ``factor`` times its fairness cost."""
    setting = problem.setting
    return rebuild(problem, {"setting": replace(setting, fairness=setting.fairness.scaled(factor))})


def _excess(view: Problem, actions: Array, price: Array, held: Array | None) -> tuple[float, float]:
    """What separates the fairness cost reached from "least to 1e-5 relative", by weak duality, and that cost.

    min g over the sets >= min of kappa . avg(A x) - g*(kappa) for any kappa in dom g*: a linear minimum per round.
    held (T, n): what limits push moves with.
    """
    g = view.setting.fairness
    price, charge = supported(g, price)
    paid, more = charged(view, price, charge)
    least = least_within(view, view.impact.tilt(np.broadcast_to(paid, (view.horizon, price.shape[-1]))), held)
    floor = float(least / view.horizon + more)
    none, lowest = supported(g, np.zeros(price.shape[-1]))
    floor = max(floor, -float(lowest)) if not none.any() else floor  # what g cannot go below anywhere
    reached = float(unfairness(view, view.impact.burden(actions)))
    span = np.abs(view.impact.range(*view.feasible.bounds)).max(axis=(0, 1))
    small = 1e-8 * float(g.value(np.where(np.isfinite(span), span, 1.0)))  # solver's rounding where the least is 0
    return reached - floor - 1e-5 * reached - small, reached


def _two_stages(view: Problem) -> Answer:
    program, first = answered(view, _fairness_alone)
    aside = program.q
    scale = max(1.0, float(np.abs(aside).max()))
    room = 1e-7 * abs(float(aside @ first.x)) + 1e-9 * scale

    def under_it(other: Horizon) -> Horizon:
        return replace(
            other,
            q=other.q - aside,
            A=sp.vstack([other.A, sp.csr_matrix(aside / scale)], format="csc"),
            b=np.append(other.b, (float(aside @ first.x) + room) / scale),
            cones=[*other.cones, clarabel().NonnegativeConeT(1)],
        )

    program, second = answered(view, under_it)
    found = unpacked(view, program, second)
    _, held = forces_of(view, program.moves, first.z[program.moved_rows])
    kappa, iterations = program.link.prices(first.z[program.burden_rows]), first.iterations + second.iterations
    return replace(found, kappa=kappa, iterations=iterations, held=held)


def _fairness_alone(program: Horizon) -> Horizon:
    """T g, without the other costs."""
    aside = np.zeros_like(program.q)
    own = slice(program.n_x + program.m, program.n_x + program.m + program.link.epigraph.cost.shape[0])
    aside[own] = program.q[own]
    return replace(program, P=sp.csc_matrix(program.P.shape), q=aside)
