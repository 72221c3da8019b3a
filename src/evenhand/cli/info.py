"""`evenhand info`: versions, solvers, and which kernels are compiled."""

from __future__ import annotations

__all__ = ["info"]


def info() -> None:
    """Versions, solvers, and which kernels are compiled."""
    from evenhand.diagnose import report

    print(report())
