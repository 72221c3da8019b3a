"""How a kernel is compiled: eagerly, once, cached on disk, as a plain NumPy ufunc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import guvectorize

__all__ = ["gufunc"]


def gufunc(types: str, layout: str) -> Callable[[Callable[..., None]], Any]:
    """Compile ``void(types)`` over float64 arrays (letters: ``v`` vector, ``m`` matrix, ``s`` scalar) to a gufunc of
    ``layout``.

    The ufunc itself is returned, not Numba's wrapper: a call costs 0.5 us less.
    """
    names = {"v": "float64[:]", "m": "float64[:,:]", "s": "float64"}
    signature = f"void({','.join(names[letter] for letter in types)})"

    def compile_(function: Callable[..., None]) -> Any:
        return guvectorize([signature], layout, nopython=True, cache=True)(function).ufunc

    return compile_
