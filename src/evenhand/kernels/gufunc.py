"""How a kernel is compiled: when it is first called, once, cached on disk, as a plain NumPy ufunc."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numba import guvectorize, njit

from evenhand.kernels.cache import compiling

__all__ = ["entry", "gufunc", "jit", "part"]


def gufunc(types: str, layout: str) -> Callable[[Callable[..., None]], Any]:
    """Compile ``void(types)`` over float64 arrays (letters: ``v`` vector, ``m`` matrix, ``s`` scalar) to a gufunc of
    ``layout``, when it is first called.

    The ufunc itself is called, not Numba's wrapper: a call costs 0.5 us less.
    """
    names = {"v": "float64[:]", "m": "float64[:,:]", "s": "float64"}
    signature = f"void({','.join(names[letter] for letter in types)})"
    return _when_called(
        lambda function, cached: guvectorize([signature], layout, nopython=True, cache=cached)(function).ufunc
    )


def jit(*signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function over arrays that stays a function, for other kernels too, kept on disk where that can be."""

    def compile_(function: Callable[..., Any]) -> Any:
        with compiling() as cached:
            return njit(*signature, cache=cached, nogil=True, **options)(function)

    return compile_


def part(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A function that only kernels call, in files of their own too: compiled as a part of each, without the wrappers
    for Python, which take half of its compile time.
    """
    inside: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(**inside, **options)


def entry(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """A function that only Python calls, compiled for ``signature`` when it is first called."""
    return _when_called(
        lambda function, cached: njit(signature, cache=cached, nogil=True, error_model="numpy")(function)
    )


def _when_called(make: Callable[[Callable[..., Any], bool], Any]) -> Callable[[Callable[..., Any]], Any]:
    """A kernel that is made at its first call, or by its ``compiled()``: a run pays only for what it uses."""

    def declare(function: Callable[..., Any]) -> Any:
        made: Any = None

        def compiled() -> Any:
            nonlocal made
            if made is None:
                with compiling() as cached:
                    made = made or make(function, cached)  # another thread may have made it meanwhile
            return made

        # a closure with positional arguments is the cheapest way round: some 80 ns a call
        @functools.wraps(function)
        def kernel(*arrays: Any) -> Any:
            return (made or compiled())(*arrays)

        kernel.compiled = compiled  # pyright: ignore[reportAttributeAccessIssue]
        return kernel

    return declare
