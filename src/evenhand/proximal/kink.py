"""A price per unit of move: the kink that a switching cost adds at the last action. Source: spec/online.md §9."""

from __future__ import annotations

from typing import NamedTuple

from evenhand.columns import Array

__all__ = ["Kink"]


class Kink(NamedTuple):
    """sum_i up_i max(x_i - at_i, 0) + down_i max(at_i - x_i, 0): at (..., n); up, down >= 0, () or (n,)."""

    at: Array
    up: Array
    down: Array
