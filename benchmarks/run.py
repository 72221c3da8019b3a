"""The speed table: every module here that has rows() is run, in this order; exit 0 whether or not targets are met.

python benchmarks/run.py [online ...]
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from pathlib import Path

from timing import Row

PARTS = ("online", "horizon", "allocation", "substitutes", "theory", "sweep", "service")


def main(chosen: list[str]) -> None:
    """Run the parts named, or all, and print one Markdown table."""
    sys.path.insert(0, str(Path(__file__).parent))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians\n")
    print("| what | measured | target | met |\n|---|---|---|---|")
    start = time.perf_counter()
    missed = 0
    for part in chosen or PARTS:
        rows: list[Row] = importlib.import_module(part).rows()
        for row in rows:
            missed += not row.met
            print(f"| {row.what} | {row.measured} | {row.target} | {'yes' if row.met else '**no**'} |", flush=True)
    print(f"\n{missed} targets missed; {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
