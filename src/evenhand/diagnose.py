"""What is installed, what is compiled: the text of `evenhand info`, and the warm-up."""

from __future__ import annotations

import importlib
import pkgutil
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version

from evenhand import __version__, kernels

__all__ = ["announce_compilation", "compile_all", "report"]

_PARTS = ("numpy", "scipy", "numba", "clarabel", "daqp", "cvxpy", "pandas", "pyarrow", "matplotlib")


def _kernel_modules() -> list[str]:
    return [
        f"{kernels.__name__}.{info.name}"
        for info in pkgutil.iter_modules(kernels.__path__)
        if info.name not in ("cache", "gufunc", "order", "workers")
    ]


def _cached(module: str) -> int:
    """Number of machine-code files of a kernel module in the cache."""
    from evenhand.kernels.cache import place

    folder = place()
    return sum(1 for _ in folder.rglob(f"{module.rsplit('.', 1)[1]}.*.nbc")) if folder is not None else 0


def report() -> str:
    """Versions, compiled kernels and solvers, one per line."""
    from evenhand.kernels.cache import place
    from evenhand.kernels.workers import workers

    lines = [
        f"evenhand {__version__}",
        f"python {platform.python_version()} on {platform.system()} {platform.machine()}",
    ]
    for name in _PARTS:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} not installed" + (" (pip install 'evenhand[convex]')" if name == "cvxpy" else ""))
    for module in _kernel_modules():
        count = _cached(module)
        state = f"compiled, {count} cached" if count else "not compiled yet (evenhand warmup)"
        lines.append(f"kernel {module.rsplit('.', 1)[1]}: {state}")
    lines.append(f"kernels take {workers()} thread{'s' * (workers() != 1)} (OMP_NUM_THREADS, evenhand.threads)")
    lines.append(f"kernels are kept in {place() or 'memory, compiled at every start'}")
    lines.append(
        "solvers: waterfill kernel (separable + budget), DAQP (dense or polytope rounds), Clarabel (OPT, FairOPT)"
    )
    return "\n".join(lines)


def announce_compilation() -> None:
    """Tell on stderr that the first run compiles, so that nobody takes the wait for a hang.

    Where nothing can be kept, every run compiles, and importing the kernels says so.
    """
    from evenhand.kernels.cache import place

    if place() is not None and not any(_cached(module) for module in _kernel_modules()):
        print("first run: compiling the kernels, once (up to a minute) ...", file=sys.stderr, flush=True)


def compile_all() -> dict[str, float]:
    """Compile every kernel that is not cached yet; seconds by module."""
    spent: dict[str, float] = {}
    for module in _kernel_modules():
        start = time.perf_counter()
        for kernel in vars(importlib.import_module(module)).values():
            if callable(compiled := getattr(kernel, "compiled", None)):
                compiled()
        spent[module.rsplit(".", 1)[1]] = time.perf_counter() - start
    return spent
