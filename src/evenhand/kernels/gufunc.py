"""How a kernel is compiled: eagerly, once, cached on disk, as a plain NumPy ufunc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import guvectorize, njit

from evenhand.kernels.cache import compiling

__all__ = ["gufunc", "jit"]


def gufunc(types: str, layout: str) -> Callable[[Callable[..., None]], Any]:
    """Compile ``void(types)`` over float64 arrays (letters: ``v`` vector, ``m`` matrix, ``s`` scalar) to a gufunc of
    ``layout``.

    The ufunc itself is returned, not Numba's wrapper: a call costs 0.5 us less.
    """
    names = {"v": "float64[:]", "m": "float64[:,:]", "s": "float64"}
    signature = f"void({','.join(names[letter] for letter in types)})"

    def compile_(function: Callable[..., None]) -> Any:
        with compiling() as cached:
            return guvectorize([signature], layout, nopython=True, cache=cached)(function).ufunc

    return compile_


def jit(*signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function over arrays that stays a function, kept on disk where that can be."""

    def compile_(function: Callable[..., Any]) -> Any:
        with compiling() as cached:
            return njit(*signature, cache=cached, nogil=True, **options)(function)

    return compile_
