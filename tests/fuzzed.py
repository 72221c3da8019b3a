"""How much is fuzzed, and how long one input may take.

EVENHAND_FUZZ is the number of inputs that the readers are given; wrong calls get more, argument vectors, which take
longest, fewer: with 34,000 there are 100,000 in all. Without it a short form runs that draws the same everywhere.
"""

import os
import signal
from contextlib import contextmanager

from hypothesis import HealthCheck, settings

#: seconds that one input may take
LONGEST = 10


def inputs(short, share):
    """Hypothesis settings of one test: ``short`` inputs, or ``share`` times EVENHAND_FUZZ."""
    total = int(os.environ.get("EVENHAND_FUZZ", "0"))
    return settings(
        max_examples=max(1, round(share * total)) if total else short,
        derandomize=not total,
        deadline=None,
        print_blob=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def in_time():
    """Fail where the block takes longer than LONGEST, in Python or between two calls of compiled code."""

    def late(*_):
        raise AssertionError(f"longer than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
