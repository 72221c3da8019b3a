"""Fits recover what made the data, tell their errors, choose the family, and become a fleet."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest

from evenhand.allocation import fitting
from evenhand.allocation.fitting import ExtrapolationWarning, fit, fit_groups, fleet_of
from evenhand.allocation.solve import allocate
from evenhand.errors import ProblemError, UnknownNameError


def _counted(solve, counts, *args, **options):
    found = solve(*args, **options)
    counts.append(found.nfev)
    return found


R = np.linspace(1.0, 20.0, 15)
CURVES = {
    "power": ({"scale": 0.3, "gamma": 0.4}, lambda r: 0.3 * r**0.4),
    "log": ({"scale": 0.2, "shift": 1.5}, lambda r: 0.2 * np.log(1.5 + r)),
    "saturating": ({"a": 0.9, "b": 0.5, "c": 0.7}, lambda r: 0.9 - 0.5 * r**-0.7),
    "exponential": ({"a": 0.8, "k": 0.3}, lambda r: 0.8 * (1 - np.exp(-0.3 * r))),
}
each = pytest.mark.parametrize("family", CURVES)


@each
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_exact_data_give_back_the_parameters(family, unit):
    truth, curve = CURVES[family]
    if family == "log" and unit != 1.0:
        unit = 1.0  # its shift is in units of the resource: scaling is no symmetry of the bounds
    found = fit(R, unit * curve(R), family)
    for name, value in truth.items():
        height = unit if name in ("scale", "a", "b") else 1.0
        assert found.parameters[name] == pytest.approx(value * height, rel=1e-6)
    assert found.r2 == pytest.approx(1.0, abs=1e-12)


@each
def test_auto_finds_the_family(family):
    assert fit(R, CURVES[family][1](R)).family == family


@each
def test_standard_errors_cover_the_truth(family):
    """Over 60 noisy copies the truth is within two standard errors in about 95 % (at least 80 %)."""
    truth, curve = CURVES[family]
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(60):
        found = fit(R, curve(R) + rng.normal(0, 0.002, R.size), family)
        inside += [abs(found.parameters[k] - v) <= 2 * found.errors[k] for k, v in truth.items()]
    assert 0.8 <= np.mean(inside) <= 1.0


def test_errors_r2_and_aic_are_the_textbook_ones():
    """σ² (JᵀJ)⁻¹ with the analytic Jacobian of the log family."""
    rng = np.random.default_rng(1)
    y = 0.2 * np.log(1.5 + R) + rng.normal(0, 0.01, R.size)
    found = fit(R, y, "log")
    p = np.array(list(found.parameters.values()))
    jacobian = np.stack([np.log(p[1] + R), p[0] / (p[1] + R)], axis=1)
    residual = y - p[0] * np.log(p[1] + R)
    np.testing.assert_allclose(jacobian.T @ residual, 0.0, atol=1e-6)  # stationary
    cov = np.linalg.inv(jacobian.T @ jacobian) * (residual @ residual) / (R.size - 2)
    np.testing.assert_allclose(list(found.errors.values()), np.sqrt(np.diag(cov)), rtol=1e-5)
    assert found.aic == pytest.approx(R.size * np.log(residual @ residual / R.size) + 6)
    assert found.r2 == pytest.approx(1 - residual @ residual / np.sum((y - y.mean()) ** 2))


@pytest.mark.parametrize("curve", [lambda r: r, lambda r: r**2, lambda r: -r, lambda r: 0.0 * r])
def test_data_that_determine_no_curve_end_soon(curve, monkeypatch):
    """On a line the exponential's k drifts to 0 for ever: evaluations are counted, and what is found is near the line."""
    counts: list[int] = []
    monkeypatch.setattr(fitting, "least_squares", partial(_counted, fitting.least_squares, counts))
    found = fit(R, curve(R), "exponential")
    assert len(counts) == 3
    assert max(counts) <= 300
    if curve(2.0) == 2.0:
        assert found.r2 > 1.0 - 1e-5  # k is some 1e-3 by then: off a line by about k / 2


def test_extrapolation_warns():
    found = fit(R, CURVES["power"][1](R), "power")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(found.predict([1.0, 20.0]), CURVES["power"][1](np.array([1.0, 20.0])))
    with pytest.warns(ExtrapolationWarning, match=r"measured on \[1, 20\] and is used at 30"):
        found.predict(30.0)


def test_groups_become_a_fleet_in_one_call():
    resource = np.concatenate([R, R, R])
    value = np.concatenate([CURVES[k][1](R) for k in ("power", "exponential", "saturating")])
    fits = fit_groups(resource, value, ["a"] * 15 + ["b"] * 15 + ["c"] * 15)
    assert [f.family for f in fits.values()] == ["power", "exponential", "saturating"]
    fleet = fleet_of(fits, onboard=2.0)
    assert list(fleet.names) == ["a", "b", "c"]
    answer = allocate(fleet, 12.0)
    assert answer.status == "certified"
    total = np.full(3, 2.0) + answer.x
    worth = [CURVES[k][1](r) for k, r in zip(("power", "exponential", "saturating"), total, strict=True)]
    assert answer.certificate.primal_objective == pytest.approx(sum(worth), rel=1e-6)
    with pytest.warns(ExtrapolationWarning, match="^a "):
        fleet_of(fits, onboard=[50.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: fit([1.0, 2.0], [1.0, np.nan]), ProblemError, "point 1"),
        (lambda: fit([1.0, 2.0], [1.0]), ProblemError, "must be"),
        (lambda: fit([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]), ProblemError, "too few"),
        (lambda: fit(R, R, "powr"), UnknownNameError, "did you mean 'power'"),
        (lambda: fit_groups([1.0, 2.0], [1.0, 2.0], ["x", "y"]), ProblemError, "group 'x'"),
        (lambda: fit_groups([1.0, 2.0], [1.0, 2.0], ["x"]), ProblemError, "one label a point"),
    ],
)
def test_bad_data(call, error, said):
    with pytest.raises(error, match=said):
        call()
