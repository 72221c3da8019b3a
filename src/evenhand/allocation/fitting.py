"""From measurements to utilities: fit (resource, value) points, choose a family, build a fleet
(`spec/allocation.md §7`)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from evenhand.allocation.fleet import Fleet
from evenhand.columns import numbers
from evenhand.errors import ParameterError, ProblemError, UnknownNameError, called, expect, listed
from evenhand.utilities.base import Utility
from evenhand.utilities.exponential import Exponential
from evenhand.utilities.log import Log
from evenhand.utilities.mixed import Mixed
from evenhand.utilities.power import Power
from evenhand.utilities.saturating import Saturating

__all__ = ["FAMILIES", "ExtrapolationWarning", "Fit", "fit", "fit_groups", "fleet_of"]

Array = NDArray[np.float64]


class ExtrapolationWarning(UserWarning):
    """A fitted utility is used outside the resources it was measured at."""


class _Family(NamedTuple):
    """Parameters by name with bounds, model(r, p), and starting points for data scaled to r ≤ 1, |y| ≤ 1."""

    names: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    model: Callable[[Array, Array], Array]
    starts: tuple[tuple[float, ...], ...]
    unscale: Callable[[Array, float, float], Array]
    needs_positive: bool = False


_BIG = 1e9
#: from one start; curves of the families take up to about 110. A parameter that the data do not determine (k → 0 on a
#: line) drifts on for ever, and R² gains less than 1e-4 by it
_EVALUATIONS = 300
#: the families offered; scale is that of scale · r^γ and scale · log(shift + r), in units of the value
FAMILIES: dict[str, _Family] = {
    "power": _Family(
        ("scale", "gamma"), (1e-12, 1e-6), (_BIG, 1.0 - 1e-6), lambda r, p: p[0] * r ** p[1],
        ((1.0, 0.1), (1.0, 0.5), (1.0, 0.9)), lambda p, R, Y: np.array([Y * p[0] / R ** p[1], p[1]]),
    ),
    "log": _Family(
        ("scale", "shift"), (1e-12, 0.0), (_BIG, _BIG), lambda r, p: p[0] * np.log(p[1] + r),
        ((1.0, 1.0), (0.3, 2.0), (3.0, 1.0)), lambda p, R, Y: np.array([Y * p[0], p[1]]),
    ),
    "saturating": _Family(
        ("a", "b", "c"), (-_BIG, 1e-12, 1e-3), (_BIG, _BIG, 50.0), lambda r, p: p[0] - p[1] * r ** -p[2],
        ((1.0, 0.1, 0.5), (1.0, 0.01, 1.0), (1.2, 0.3, 0.2)),
        lambda p, R, Y: np.array([Y * p[0], Y * p[1] * R ** p[2], p[2]]), True,
    ),
    "exponential": _Family(
        ("a", "k"), (1e-12, 1e-9), (_BIG, _BIG), lambda r, p: -p[0] * np.expm1(-p[1] * r),
        ((1.0, 1.0), (1.0, 5.0), (1.0, 30.0)), lambda p, R, Y: np.array([Y * p[0], p[1] / R]),
    ),
}  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted curve. parameters, errors: by name, with standard errors (inf where points do not determine
    them).

    r2: 1 − RSS/TSS; aic: n log(RSS/n) + 2 (parameters + 1), smaller is better, comparable for the same
    points only; low, high: range of the measured resource; at_bound: parameters that ended on a bound of
    their domain.
    """

    family: str
    parameters: dict[str, float]
    errors: dict[str, float]
    r2: float
    aic: float
    points: int
    low: float
    high: float
    at_bound: tuple[str, ...] = ()

    def predict(self, r: Any) -> Array:
        """The curve at r; warns where r is outside the measured range."""
        r = np.asarray(r, dtype=np.float64)
        self.warn_outside(r)
        return FAMILIES[self.family].model(r, np.array(list(self.parameters.values())))

    def warn_outside(self, r: Any, who: str = "the fit") -> None:
        """Issue an ExtrapolationWarning if any of r is outside [low, high]."""
        r = np.asarray(r, dtype=np.float64)
        if np.any(r < self.low) or np.any(r > self.high):
            worst = float(np.max(r)) if np.any(r > self.high) else float(np.min(r))
            warnings.warn(
                f"{who} ({self.family}) was measured on [{self.low:.6g}, {self.high:.6g}] and is used "
                f"at {worst:.6g}; measure there, or read the result as a guess",
                ExtrapolationWarning,
                stacklevel=3,
            )


def fit(resource: Any, value: Any, family: str = "auto") -> Fit:
    """Bounded non-linear least squares of one curve; family "auto" takes the least AIC of all that apply.

    resource: (m,) ≥ 0; value: (m,). Raises ProblemError for NaN, too few distinct points (parameters + 1
    needed).
    """
    r, y = numbers("resource", resource), numbers("value", value)
    if r.ndim != 1 or r.shape != y.shape:
        raise ProblemError(f"fit: resource and value must be (points,), got {r.shape} and {y.shape}")
    bad = ~(np.isfinite(r) & np.isfinite(y) & (r >= 0.0))
    if np.any(bad):
        i = int(np.argmax(bad))
        raise ProblemError(f"fit: point {i} = ({float(r[i])!r}, {float(y[i])!r}) must be finite with resource >= 0")
    expect("family", family, str, "one of " + ", ".join([*FAMILIES, "auto"]))
    if family != "auto" and family not in FAMILIES:
        raise UnknownNameError("utility family", family, [*FAMILIES, "auto"])
    names = [family] if family != "auto" else list(FAMILIES)
    distinct = np.unique(r).size
    able = [k for k in names if distinct > len(FAMILIES[k].names) and (np.all(r > 0) or not FAMILIES[k].needs_positive)]
    if not able:
        raise ProblemError(
            f"fit: {distinct} distinct resources are too few for {' or '.join(names)} (one more than its "
            "parameters is needed, and resource > 0 for the scaling law); measure more points"
        )
    return min((_fit(r, y, k) for k in able), key=lambda f: f.aic)


def _fit(r: Array, y: Array, name: str) -> Fit:
    family = FAMILIES[name]
    unit = float(np.max(r)) if name != "log" else 1.0
    height = float(np.max(np.abs(y))) or 1.0
    u, v = r / unit, y / height
    lower, upper = np.array(family.lower), np.array(family.upper)
    floor = 1e-12 if name == "log" and np.any(u == 0.0) else 0.0
    if floor:
        lower = np.array([family.lower[0], floor])
    tried = [
        least_squares(
            lambda p: family.model(u, p) - v, np.clip(start, lower, upper), bounds=(lower, upper),
            x_scale="jac",
            xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=_EVALUATIONS,
        )
        for start in family.starts
    ]  # fmt: skip
    best = min(tried, key=lambda s: s.cost)
    p = family.unscale(best.x, unit, height)
    residual = family.model(r, p) - y
    rss, tss = float(residual @ residual), float(np.sum((y - np.mean(y)) ** 2))
    free = r.size - p.size
    jacobian = np.empty((r.size, p.size))
    for j in range(p.size):
        step = np.zeros(p.size)
        step[j] = 1e-6 * max(abs(p[j]), 1e-6)
        jacobian[:, j] = (family.model(r, p + step) - family.model(r, p - step)) / (2.0 * step[j])
    size = np.linalg.norm(jacobian, axis=0)
    size[size == 0.0] = 1.0
    normal = (jacobian / size).T @ (jacobian / size)
    if free > 0 and np.linalg.cond(normal) < 1e15:
        errors = np.sqrt(np.diag(np.linalg.inv(normal)) * rss / free) / size
    else:
        errors = np.full(p.size, np.inf)
    least = rss if rss > 0.0 else np.finfo(float).tiny
    stuck = (best.x <= lower * (1 + 1e-9) + 1e-12) | (best.x >= upper * (1 - 1e-9))
    return Fit(
        name,
        dict(zip(family.names, p.tolist(), strict=True)),
        dict(zip(family.names, errors.tolist(), strict=True)),
        1.0 - rss / tss if tss > 0.0 else float("nan"),
        r.size * float(np.log(least / r.size)) + 2.0 * (p.size + 1),
        r.size,
        float(np.min(r)),
        float(np.max(r)),
        tuple(n for n, s in zip(family.names, stuck, strict=True) if s),
    )


def fit_groups(
    resource: Any, value: Any, by: Any, family: str = "auto", progress: Callable[[int, int], None] | None = None
) -> dict[str, Fit]:
    """One fit a group, e.g. by model: by (m,) labels. Groups come in the order of their first point.

    progress: called with (groups done, groups) after each.
    """
    r, y = numbers("resource", resource), numbers("value", value)
    called("progress", progress, "a function of groups done and groups, or None")
    labels = np.array([str(label) for label in listed("by", by, "labels, one a point")])
    if labels.shape != r.shape or r.shape != y.shape:
        raise ProblemError(
            f"fit_groups: `by` must have one label a point, got {labels.shape} and {y.shape} for {r.shape}"
        )
    answer: dict[str, Fit] = {}
    groups = list(dict.fromkeys(labels.tolist()))
    for done, label in enumerate(groups, 1):
        try:
            answer[label] = fit(r[labels == label], y[labels == label], family)
        except ProblemError as e:
            raise ProblemError(f"group {label!r}: {e}") from e
        if progress is not None:
            progress(done, len(groups))
    return answer


def fleet_of(
    fits: Mapping[str, Fit] | Sequence[Fit],
    onboard: Any = 0.0,
    weight: Any = 1.0,
    lower: Any = 0.0,
    upper: Any = np.inf,
) -> Fleet:
    """A fleet with one agent a fit, named by the mapping's keys; fitted scales are the utilities' scales.

    Warns where the resource on board is outside the measured range already.
    """
    names = [str(k) for k in fits] if isinstance(fits, Mapping) else None
    curves = (
        list(fits.values()) if isinstance(fits, Mapping) else list(listed("fits", fits, "fits in a list, or by name"))
    )
    if not curves:
        raise ParameterError("fleet_of: no fits; give at least one")
    for curve in curves:
        expect("fits", curve, Fit, "what fit gives, each")
    have = numbers("onboard", onboard)
    if have.shape not in ((), (1,), (len(curves),)):
        raise ProblemError(f"onboard has shape {have.shape}: give a number, or one for each of {len(curves)} fits")
    have = np.broadcast_to(have, (len(curves),))
    for i, curve in enumerate(curves):
        if have[i] > curve.high:
            curve.warn_outside(have[i], names[i] if names else f"agent {i}")
    used = [k for k in FAMILIES if any(c.family == k for c in curves)]
    parts = [_utility(k, [c for c in curves if c.family == k]) for k in used]
    member = np.array([used.index(c.family) for c in curves])
    return Fleet(Mixed(parts, member), onboard, weight, lower, upper, names)


def _utility(family: str, curves: Sequence[Fit]) -> Utility:
    p = {name: np.array([c.parameters[name] for c in curves]) for name in FAMILIES[family].names}
    if family == "power":
        return Power(p["gamma"], p["scale"])
    if family == "log":
        return Log(p["shift"], p["scale"])
    if family == "saturating":
        return Saturating(p["a"], p["b"], p["c"])
    return Exponential(p["a"], p["k"])
