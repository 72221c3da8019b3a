"""The proximal step of utilities against CVXPY with exact cones, for every family that has one."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

from evenhand.core import Round
from evenhand.costs.utility import UtilityCost
from evenhand.impacts import Diagonal
from evenhand.proximal import proximal
from evenhand.sets import Box, Budget
from evenhand.utilities import Exponential, Log, Power, Saturating


def concave(name, rng, n):
    a, b = rng.uniform(0.2, 0.8, n), rng.uniform(0.3, 2.0, n)
    if name == "power":
        return Power(a), lambda r: cp.hstack([cp.power(r[i], float(a[i]), approx=False) for i in range(n)])
    if name == "log":
        return Log(b), lambda r: cp.log(r + b)
    if name == "saturating":
        return Saturating(
            np.ones(n), b, a
        ), lambda r: 1.0 - cp.hstack([b[i] * cp.power(r[i], -float(a[i]), approx=False) for i in range(n)])
    return Exponential(b, a), lambda r: cp.multiply(b, 1.0 - cp.exp(-cp.multiply(a, r)))


@pytest.mark.parametrize("name", ["power", "log", "saturating", "exponential"])
@pytest.mark.parametrize("kind", ["equal", "ceiling", "box"])
def test_same_optimum(name, kind):
    n = 5
    for seed in range(3):
        rng = np.random.default_rng(seed)
        utility, expression = concave(name, rng, n)
        weight, onboard = rng.uniform(0.2, 3.0, n), rng.uniform(0.05, 0.5, n)
        high, tilt, anchor, rho = rng.uniform(0.5, 2.0, n), rng.normal(size=n), rng.uniform(0.0, 1.0, n), 0.7
        total = 0.5 * float(high.sum())
        feasible = Box(np.zeros(n), high) if kind == "box" else Budget(total, high, equal=kind == "equal")
        cost = UtilityCost(utility, weight, onboard, 5.0)
        x = proximal(Round(0, cost, Diagonal(np.zeros(n)), feasible), tilt, rho, anchor)
        v = cp.Variable(n)
        rule = [v >= 0, v <= high]
        if kind != "box":
            rule.append(cp.sum(v) == total if kind == "equal" else cp.sum(v) <= total)
        goal = -weight @ expression(onboard + v) + tilt @ v + rho / 2 * cp.sum_squares(v - anchor)
        cp.Problem(cp.Minimize(goal), rule).solve(solver="CLARABEL")
        np.testing.assert_allclose(x, v.value, atol=2e-4)

        def objective(z, cost=cost, tilt=tilt, anchor=anchor, rho=rho):
            return float(cost.value(z) + tilt @ z + rho / 2 * np.sum((z - anchor) ** 2))

        # the interior-point answer, brought inside the set, is no better than ours
        rival = proximal(Round(0, UtilityCost(utility, np.zeros(n), onboard, 5.0), Diagonal(np.zeros(n)), feasible),
                         0.0, 1.0, np.clip(v.value, 0.0, high))  # fmt: skip
        assert objective(x) <= objective(rival) + 1e-12
        assert objective(x) == pytest.approx(objective(rival), abs=1e-6)
