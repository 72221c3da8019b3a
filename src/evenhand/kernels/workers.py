"""How many threads the kernels take, and small dense algebra on one.

BLAS libraries start a thread for every processor and let it spin: for matrices of a few hundred rows that is no quicker
alone and many times slower on a busy machine, where the threads wait for each other. So such algebra runs on one.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

__all__ = ["alone", "processors", "set_workers", "workers"]

_chosen: list[int] = []
_inside = Lock()


def processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers() -> int:
    """Threads that kernels take: as set, else OMP_NUM_THREADS (its first number), else one a processor."""
    if _chosen:
        return _chosen[0]
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(told) if told.isdecimal() and int(told) > 0 else processors()


def set_workers(n: int) -> None:
    """Take n threads from now on, in this process."""
    _chosen[:] = [n]


@cache
def _libraries() -> Any:
    """The BLAS libraries that are loaded; looking for them takes milliseconds, so once."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def alone() -> Generator[None]:
    """BLAS on one thread, for small dense algebra.

    The number is the process's: who comes while another is inside changes nothing, so that it is always put back.
    """
    if not _inside.acquire(blocking=False):
        yield
        return
    try:
        with _libraries().limit(limits=1):
            yield
    finally:
        _inside.release()
