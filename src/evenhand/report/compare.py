"""Comparisons as text (terminal, Markdown, CSV, JSON) and as files, written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.experiment import Comparison
from evenhand.files import folder_for, writing
from evenhand.report.text import add, cell, table

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["as_csv", "as_json", "as_markdown", "as_terminal", "write_comparison", "write_files", "writing"]

_HEAD = ("policy", "hitting", "switching", "fairness", "total", "ratio", "published total", "published ratio")


def _cells(comparison: Comparison) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for row in comparison.rows:
        parts = (row.hitting, row.switching, row.fairness, row.total)
        paper = ("", "") if row.published is None else (f"{row.published[3]:.2f}", f"{row.published_ratio or 0:.4f}")
        lines.append(
            (row.policy, *(f"{v:.2f}" for v in parts), "" if math.isnan(row.ratio) else f"{row.ratio:.4f}", *paper)
        )
    return lines


def as_terminal(comparison: Comparison) -> Table:
    """A Rich table: means per round over the windows, the ratio to OPT, the published total and ratio beside it."""
    count, scenario = len(comparison.windows), comparison.episodes.scenario
    windows = f"{count} window{'s' * (count != 1)} of {scenario.length} rounds"
    title = f"{comparison.episodes.name}: mean cost per round over {windows}"
    paper = any(row.published for row in comparison.rows)
    shown = table(title, _HEAD if paper else _HEAD[:6], dim=_HEAD[6:])
    cheapest = min((r.total for r in comparison.rows if r.policy not in ("OPT", "FairOPT")), default=None)
    for row, cells in zip(comparison.rows, _cells(comparison), strict=True):
        style = "bold" if row.total == cheapest else "cyan" if row.policy in ("OPT", "FairOPT") else ""
        add(shown, cells if paper else cells[:6], style)
    return shown


def as_markdown(comparison: Comparison) -> str:
    """A Markdown table with every published part beside ours."""
    head = ("policy", "hitting", "switching", "fairness", "total", "ratio")
    paper = any(row.published for row in comparison.rows)
    if paper:
        head = (*head, *(f"published {h}" for h in head[1:]))
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row, cells in zip(comparison.rows, _cells(comparison), strict=True):
        out = list(cells[:6])
        if paper:
            parts = row.published
            out += ["", "", ""] if parts is None else [f"{v:.2f}" for v in parts[:3]]
            out += list(cells[6:])
        lines.append(f"| {' | '.join(map(cell, out))} |")
    return "\n".join(lines) + "\n"


def as_csv(comparison: Comparison) -> str:
    """One row per policy: policy, hitting, switching, fairness, total, ratio, published_*; full precision."""
    flat = [row.flat() for row in comparison.rows]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return buffer.getvalue()


def as_json(comparison: Comparison) -> str:
    """The same rows as a JSON list."""
    rows = [  # JSON has no NaN
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.flat().items()}
        for row in comparison.rows
    ]
    return json.dumps(rows, indent=2, allow_nan=False) + "\n"


def trajectories_table(comparison: Comparison) -> Any:
    """All trajectories as one tidy Arrow table: policy, window, round, site, action, burden, kappa."""
    import pyarrow as pa

    parts: list[Any] = []
    for label, run in comparison.trajectories.items():
        table = run.to_arrow(comparison.windows)
        names = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), table.num_rows), [label])
        parts.append(table.add_column(0, "policy", names))
    return pa.concat_tables(parts).unify_dictionaries()


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write comparison.csv, comparison.md, run.json, trajectories.parquet, cost_by_policy.png and burden_by_site.png;
    gives the paths.
    """
    from evenhand.report import certify
    from evenhand.report import compare_plots as plots

    def parquet(path: Path) -> None:
        import pyarrow.parquet as pq

        pq.write_table(trajectories_table(comparison), path, compression="zstd")

    return write_files(
        folder,
        {
            "comparison.csv": lambda p: p.write_text(as_csv(comparison), encoding="utf-8"),
            "comparison.md": lambda p: p.write_text(as_markdown(comparison), encoding="utf-8"),
            "run.json": lambda p: p.write_text(certify.as_run(comparison, folder), encoding="utf-8"),
            "trajectories.parquet": parquet,
            "cost_by_policy.png": lambda p: plots.cost_by_policy(comparison, p),
            "burden_by_site.png": lambda p: plots.burden_by_site(comparison, p),
        },
    )


def write_files(folder: Path, files: Mapping[str, Callable[[Path], Any]]) -> list[Path]:
    """Write each file by its function, whole or not at all, into a folder made if need be; gives the paths.

    Raises ParameterError where the folder cannot be made or written to.
    """
    folder_for(folder)
    written: list[Path] = []
    for name, write in files.items():
        with writing(folder / name) as temporary:
            write(temporary)
        written.append(folder / name)
    return written
