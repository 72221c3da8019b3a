"""Piecewise-linear concave utility through measured points, by their upper concave envelope
(`spec/allocation.md §2`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import same
from evenhand.errors import ParameterError
from evenhand.kernels.envelope import envelope
from evenhand.kernels.response import Columns, piece_columns
from evenhand.utilities.base import Array, fair_weight, floats, pick, scale_of, size, table

__all__ = ["PiecewiseLinear"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class PiecewiseLinear:
    """scale times the smallest concave non-decreasing function above the points (at, level).

    at (resource, ≥ 0) and level (utility): (m,) for a curve all agents share, or (n, m), one row an agent;
    NaN in both pads rows of unequal length; the order of the points is free. Below the first knot the first
    slope goes on down to r = 0 (a single point, or points that never rise, make a constant); above the last
    one the utility stays constant.
    """

    at: Array
    level: Array
    scale: Array | float = 1.0
    proved_concave: ClassVar[bool] = True
    count: Array = field(init=False, repr=False)
    slope: Array = field(init=False, repr=False)

    __eq__ = same

    def __post_init__(self) -> None:
        at, level = (table("PiecewiseLinear", name, getattr(self, name)) for name in ("at", "level"))
        if at.shape != level.shape or at.ndim not in (1, 2) or at.size == 0:
            raise ParameterError(
                f"PiecewiseLinear: at and level must have one shape, (m,) or (n, m), got {at.shape} and {level.shape}"
            )
        bad = (np.isnan(at) != np.isnan(level)) | np.isinf(at) | np.isinf(level) | (at < 0)
        if np.any(bad):
            where = np.unravel_index(int(np.argmax(bad)), bad.shape)
            raise ParameterError(
                f"PiecewiseLinear: point {tuple(int(k) for k in where)} = ({float(at[where])!r}, "
                f"{float(level[where])!r}) is not a finite point with resource >= 0; correct it, "
                "or use NaN in both to pad"
            )
        empty = np.all(np.isnan(np.atleast_2d(at)), axis=1)
        if np.any(empty):
            raise ParameterError(f"PiecewiseLinear: agent {int(np.argmax(empty))} has no point; give at least one")
        knots, values, count = envelope(np.atleast_2d(at), np.atleast_2d(level))
        with np.errstate(invalid="ignore"):
            slope = np.diff(values, axis=1) / np.diff(knots, axis=1)
        slope = np.where(np.arange(slope.shape[1]) < count[:, None] - 1, slope, 0.0)
        for name, value in (("at", knots), ("level", values), ("count", count), ("slope", slope)):
            shared = np.asarray(value[0] if at.ndim == 1 else value)
            shared.flags.writeable = False
            object.__setattr__(self, name, shared)
        object.__setattr__(self, "scale", scale_of("PiecewiseLinear", self.scale))
        _ = self.n

    @property
    def n(self) -> int | None:
        """Number of agents, None for one curve and one scale for all."""
        rows = self.at[:, 0] if self.at.ndim == 2 else floats(0.0)
        return size("PiecewiseLinear", at=rows, scale=floats(self.scale))

    def _segment(self, r: Array, side: str = "right") -> tuple[Array, Any]:
        """Index of the segment that holds r: −1 beyond the last knot. side: the segment to the right or
        left of a knot."""
        at, count = np.atleast_2d(self.at), np.atleast_1d(self.count).astype(np.int64)
        inner = np.where(np.arange(at.shape[1]) < count[:, None], at, np.inf)
        compare = inner <= r[:, None] if side == "right" else inner < r[:, None]
        passed = np.sum(compare, axis=1)
        rows = np.broadcast_to(np.arange(at.shape[0]), r.shape) if at.shape[0] > 1 else np.zeros(r.size, dtype=np.int64)
        return np.where(passed >= count[rows], -1, np.maximum(passed - 1, 0)), rows

    def _spread(self, r: Any) -> tuple[Array, tuple[int, ...]]:
        r = floats(r)
        shape = np.broadcast_shapes(r.shape, (self.n,) if self.n else ())
        return np.broadcast_to(r, shape or (1,)).astype(np.float64), shape

    def value(self, r: Any) -> Array:
        """scale times the linear interpolation of the envelope."""
        r, shape = self._spread(r)
        j, rows = self._segment(r)
        at, level, slope = np.atleast_2d(self.at), np.atleast_2d(self.level), np.atleast_2d(self.slope)
        last = np.atleast_1d(self.count).astype(np.int64)[rows] - 1
        knot = np.where(j < 0, last, j)
        rise = 0.0 if slope.shape[1] == 0 else slope[rows, np.minimum(knot, slope.shape[1] - 1)]
        value = np.where(j < 0, level[rows, last], level[rows, knot] + rise * (r - at[rows, knot]))
        return (self.scale * value).reshape(shape)

    def marginal(self, r: Any) -> Array:
        """scale times the slope of the piece to the right of r; 0 beyond the last knot."""
        r, shape = self._spread(r)
        return self._slope_at(r, "right").reshape(shape)

    def marginal_range(self, r: Any) -> tuple[Array, Array]:
        """Slopes of the pieces to the right and to the left of r (1e-12 relative counts as on the knot)."""
        r, shape = self._spread(r)
        right, left = self._slope_at(r * (1.0 + 1e-12), "right"), self._slope_at(r * (1.0 - 1e-12), "left")
        return right.reshape(shape), left.reshape(shape)

    def _slope_at(self, r: Array, side: str) -> Array:
        j, rows = self._segment(r, side)
        slope = np.atleast_2d(self.slope)
        if slope.shape[1] == 0:
            return np.zeros(r.shape)
        return self.scale * np.where(j < 0, 0.0, slope[rows, np.minimum(j, slope.shape[1] - 1)])

    def demand(self, price: Any) -> Array:
        """Right end of the last piece at least as steep as the price; inf at price 0."""
        price, shape = self._spread(floats(price) / self.scale)
        slope, at = np.atleast_2d(self.slope), np.atleast_2d(self.at)
        steep = np.sum((slope >= price[:, None]) & (slope > 0), axis=1)
        rows = np.arange(at.shape[0]) if at.shape[0] > 1 else np.zeros(price.size, dtype=np.int64)
        end = np.where(steep == 0, 0.0, at[np.broadcast_to(rows, price.shape), steep])
        return np.where(price <= 0.0, np.inf, end).reshape(shape)

    def curvature(self, r: Any) -> Array:
        """0 (the function is linear between its knots)."""
        r, shape = self._spread(r)
        return np.zeros(shape)

    def invert(self, level: Any) -> Array:
        """The smallest r with U(r) ≥ level; the last knot for levels above the utility's maximum."""
        level, shape = self._spread(floats(level) / self.scale)
        at, values, slope = np.atleast_2d(self.at), np.atleast_2d(self.level), np.atleast_2d(self.slope)
        if slope.shape[1] == 0:
            return np.zeros(shape)
        count = np.atleast_1d(self.count).astype(np.int64)
        rows = np.broadcast_to(np.arange(at.shape[0]) if at.shape[0] > 1 else 0, level.shape)
        below = np.sum((values[rows] < level[:, None]) & (np.arange(at.shape[1]) < count[rows][:, None]), axis=1)
        j = np.clip(below - 1, 0, np.maximum(count[rows] - 2, 0))
        rise = slope[rows, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            r = at[rows, j] + (level - values[rows, j]) / rise
        r = np.where(below >= count[rows], at[rows, count[rows] - 1], r)
        return np.where(rise > 0, np.maximum(r, 0.0), 0.0).reshape(shape)

    def scaled(self, factor: float) -> PiecewiseLinear:
        """The same utility in other units: factor · U."""
        return PiecewiseLinear(*self._points(), self.scale * factor)

    def take(self, i: Any) -> PiecewiseLinear:
        """The agents i."""
        scale = pick(floats(self.scale), i)
        if self.at.ndim == 1:
            return PiecewiseLinear(*self._points(), scale)
        at, level = self._points()
        return PiecewiseLinear(np.atleast_2d(at[i]), np.atleast_2d(level[i]), scale)

    def _points(self) -> tuple[Array, Array]:
        """The knots with NaN where rows are padded."""
        keep = np.arange(self.at.shape[-1]) < np.asarray(self.count)[..., None]
        return np.where(keep, self.at, np.nan), np.where(keep, self.level, np.nan)

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """The pieces with positive slope, one table for all agents."""
        at, level, slope = np.atleast_2d(self.at), np.atleast_2d(self.level), np.atleast_2d(self.slope)
        rising = slope > 0
        left = at[:, :-1].copy()
        start = level[:, :-1].copy()
        if left.shape[1]:
            start[:, 0] -= slope[:, 0] * left[:, 0]  # the first slope goes on down to r = 0
            left[:, 0] = 0.0
        table = np.stack([left[rising], at[:, 1:][rising], start[rising], np.log(slope[rising])])
        end = np.cumsum(np.sum(rising, axis=1)).astype(np.float64)
        first = np.concatenate(([0.0], end[:-1]))
        return piece_columns(first, end, fair_weight(log_weight, self.scale, alpha), table, alpha)
