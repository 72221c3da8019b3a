"""Write docs/evidence.md: every table of the project's claims, each with its date and machine.

python benchmarks/evidence.py [--quick] [--jobs 2] [table ...]     without names: all tables, and the README's second

Tables that are not named keep what the page holds. `--quick` prints to the terminal and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import evidence_drawn as drawn
import evidence_sites as sites
import evidence_tenants as tenants
from evidence_table import Table

#: every table by its name, in the order of the page
TABLES: Mapping[str, Callable[[bool], Table]] = {
    "schedulers": tenants.schedulers,
    "practised": tenants.practised,
    "clients": tenants.clients,
    "baselines": tenants.baselines,
    "geo7": sites.geo7,
    "wrong": sites.wrong,
    "geo10": sites.geo10,
    "families": drawn.families,
    "losses": drawn.losses,
    "planning": drawn.planning,
}

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evidence.md"
#: tables that another page holds too, between marks of their names
COPIES = {"schedulers": ("README.md",), "geo7": ("README.md",), "baselines": ("docs/baselines.md",)}
HEAD = """\
# Evidence

Every table is made by `python benchmarks/evidence.py` (or `make evidence`; with the name of a table, that one alone),
with its date and machine. Ratios are mean total cost over OPT's, which is proved. Misses are written as misses; what
was chosen on what stands above each table.
"""


def measured(name: str, quick: bool) -> tuple[str, str, str]:
    """(name, Markdown of the section, of the table as other pages hold it)."""
    start = time.perf_counter()
    table = TABLES[name](quick)
    body = markdown(table)
    copy = markdown(table.short or table)
    today = datetime.now(UTC).date().isoformat()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    where = f"{today}, {machine}, {time.perf_counter() - start:.0f} s"
    notes = "".join(f"\n{note}\n" for note in table.notes)
    return name, f"## {table.title}\n\n{table.about}\n\n{body}{notes}\n*{name}: {where}*\n", copy


def markdown(table: Table) -> str:
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="table", help=", ".join(TABLES))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=2, choices=(1, 2))
    chosen = parser.parse_args()
    names = chosen.tables or list(TABLES)
    for name in names:
        if name not in TABLES:
            parser.error(f"no table {name!r}: there are {', '.join(TABLES)}")
    sections = kept()
    with ProcessPoolExecutor(chosen.jobs, get_context("spawn")) as pool:
        for name, section, body in pool.map(measured, names, [chosen.quick] * len(names)):
            print(section, flush=True)
            sections[name] = section
            if not chosen.quick:
                PAGE.write_text(whole(sections), encoding="utf-8")
                for copy in COPIES.get(name, ()):
                    between(ROOT / copy, name, body)


def kept() -> dict[str, str]:
    """The sections that the page holds."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return {m[2]: m[1] for m in re.finditer(r"^(## .*?^\*(\w+): [^\n]*\*\n)", text, re.M | re.S)}


def whole(sections: dict[str, str]) -> str:
    return HEAD + "".join(f"\n{sections[name]}" for name in TABLES if name in sections)


def between(page: Path, name: str, body: str) -> None:
    """Put a table between the marks of its name."""
    text = page.read_text(encoding="utf-8")
    pattern = rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)"
    page.write_text(re.sub(pattern, lambda m: m[1] + "\n" + body + "\n" + m[3], text, flags=re.S), encoding="utf-8")


if __name__ == "__main__":
    main()
