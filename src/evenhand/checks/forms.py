"""Checks of conic forms: what a family tells the conic solver is what it is. Part of `evenhand.checks`.

A family without a form passes: hindsight says by itself what is missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from evenhand.checks.promises import require
from evenhand.columns import Array
from evenhand.conic import CostForm, Entries, cost_form, epigraph, set_form, width
from evenhand.errors import ConformanceError, EvenhandError
from evenhand.proximal.modelled import as_episode, solve_round
from evenhand.solvers import conic
from evenhand.units import Units, in_units

__all__ = ["cost", "fairness", "feasible"]

#: what a solver may miss, relative to the size of a value
CLOSE = 1e-6


def fairness(g: Any, ys: Array, values: Array) -> None:
    """The least of the epigraph at y is g(y), and in other units g is the same."""
    if not hasattr(g, "epigraph"):
        return
    m = ys.shape[-1]
    form = epigraph(g, m)
    heights = sum(width(one) for one in form.cones)
    require(heights == form.offset.shape[0], g, "the cones of its epigraph have as many rows as its offset")
    on_y, on_a = sp.csc_matrix(form.on_y), sp.csc_matrix(form.on_a)
    none = sp.csc_matrix((form.cost.shape[0],) * 2)
    for y, value in zip(ys, values, strict=True):
        try:
            answer = conic(none, form.cost, on_a, form.offset - on_y @ y, form.cones)
        except EvenhandError as error:
            raise ConformanceError(f"{type(g).__name__} breaks a promise: its epigraph has a least: {error}") from error
        off = abs(float(form.cost @ answer.x) - value)
        require(off <= CLOSE * (1 + abs(value)), g, f"its epigraph has its value (off by {off:.1e})")
    units = Units(1.0, 4.0, np.geomspace(0.5, 2.0, m))
    other = in_units(g, units).value(ys / units.burden) * units.money
    require(np.abs(other - values) <= 1e-9 * (1 + np.abs(values)), g, "in_units is the same cost in other units")


def cost(f: Any, points: Array, values: Array) -> None:
    """The least of the form with x held is f(x), but for a constant, and in other units f is the same."""
    if not hasattr(f, "conic"):
        return
    n = f.actions
    form = cost_form(as_episode(f))
    heights = sum(width(one) for one in form.cones)
    require(heights == form.offset.shape[0], f, "the cones of its form have as many rows as its offset")
    found = np.empty(values.shape)
    for k, x in enumerate(points):
        try:
            found[k] = _least(form, x)
        except EvenhandError as error:
            raise ConformanceError(f"{type(f).__name__} breaks a promise: its form has a least: {error}") from error
    off = np.ptp(found - values)
    require(off <= CLOSE * (1 + np.abs(values).max()), f, f"its form has its values (off by {off:.1e})")
    units = Units(2.0, 4.0, np.ones(n))
    other = in_units(f, units).value(points / units.action) * units.money
    require(np.abs(other - values) <= 1e-9 * (1 + np.abs(values)), f, "in_units is the same cost in other units")


def _least(form: CostForm, x: Array) -> float:
    """min over the auxiliaries with x held."""
    n, size = x.shape[0], form.slope.shape[0]
    bend = sp.csc_matrix((form.hessian.value, (form.hessian.row, form.hessian.column)), shape=(size, size))
    whole = bend + sp.triu(bend, 1).T
    rows = sp.csc_matrix((form.rows.value, (form.rows.row, form.rows.column)), shape=(form.offset.shape[0], size))
    here = 0.5 * float(x @ whole[:n, :n] @ x) + float(form.slope[:n] @ x)
    if size == n:
        return here
    q = form.slope[n:] + whole[n:, :n] @ x
    answer = conic(sp.triu(bend[n:, n:], format="csc"), q, rows[:, n:], form.offset - rows[:, :n] @ x, form.cones)
    v = answer.x
    return here + float(q @ v) + 0.5 * float(v @ whole[n:, n:] @ v)


def feasible(x_t: Any, ways: Array, least: Array) -> None:
    """The least of direction . x over the form is the support, and in other units the set is the same."""
    if not hasattr(x_t, "conic"):
        return
    n = x_t.actions
    form, (lower, upper) = set_form(x_t), x_t.bounds
    flat = CostForm.quadratic(Entries.none(), np.zeros(n))
    for way, value in zip(ways, least, strict=True):
        if not np.isfinite(value):
            continue
        try:
            x, _ = solve_round(flat, form, lower, upper, way, np.zeros(n))
        except EvenhandError as error:
            raise ConformanceError(f"{type(x_t).__name__} breaks a promise: its form has points: {error}") from error
        off = abs(float(way @ x) - float(value))
        require(off <= CLOSE * (1 + abs(value)), x_t, f"its form has its support (off by {off:.1e})")
        require(x_t.violation(x) <= CLOSE, x_t, "what its form allows does not violate it")
    units = Units(2.0, 1.0, np.ones(n))
    other = in_units(x_t, units).support(ways) * units.action
    seen = np.isfinite(least)
    size = 1e-9 * (1 + np.abs(least[seen]))
    require(np.abs(other[seen] - least[seen]) <= size, x_t, "in_units is the same set in other units")
