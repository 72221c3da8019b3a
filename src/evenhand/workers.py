"""How many threads the compiled kernels take (`evenhand.threads`)."""

from __future__ import annotations

from evenhand.columns import count
from evenhand.kernels import workers

__all__ = ["threads"]


def threads(n: int | None = None) -> int:
    """Threads that kernels take in this process; n sets them. No answer depends on their number, to the last bit.

    Without a number set, OMP_NUM_THREADS, else one a processor. A busy machine is shared best with 1. Raises
    ParameterError.
    """
    if n is not None:
        workers.set_workers(count("n", n))
    return workers.workers()
