"""`evenhand warmup`: compile every kernel now."""

from __future__ import annotations

__all__ = ["warmup"]


def warmup() -> None:
    """Compile every kernel now and cache it on disk, so that no later run waits for it."""
    from evenhand.diagnose import compile_all

    for name, seconds in compile_all().items():
        print(f"{name}: ready in {seconds:.2f} s")
