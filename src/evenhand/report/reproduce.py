"""The reproduction as files: one HTML page and the CSVs behind it, each written whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evenhand.report.compare import write_files
from evenhand.report.reproduce_page import as_html
from evenhand.reproduce.run import Reproduction

__all__ = ["write_reproduction"]


def write_reproduction(result: Reproduction, folder: Path) -> list[Path]:
    """Write report.html and its CSVs: table_1, tables_2_3_4, rankings, figure_1, fleets, fleets_by_case."""
    rankings = [
        {"table": number, "place": place + 1, "ours": ours, "published": published}
        for number, (mine, theirs) in result.checks.rankings.items()
        for place, (ours, published) in enumerate(zip(mine, theirs, strict=True))
    ]
    texts = {
        "table_1.csv": _csv([asdict(site) for site in result.sites]),
        "tables_2_3_4.csv": _csv([asdict(cell) for cell in result.cells]),
        "rankings.csv": _csv(rankings),
        "figure_1.csv": _csv(_over_time(result)),
        "fleets.csv": _csv([asdict(mean) for mean in result.means]),
        "fleets_by_case.csv": result.splits.cases_frame().to_csv(index=False, lineterminator="\n"),
    }
    texts["report.html"] = as_html(result, tuple(texts))
    order = sorted(texts, key=lambda name: name != "report.html")
    return write_files(folder, {name: _writer(texts[name]) for name in order})


def _writer(text: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text(text, encoding="utf-8")


def _over_time(result: Reproduction) -> list[dict[str, Any]]:
    return [
        {
            "policy": path.policy,
            "round": t,
            "time": time,
            "operating_so_far": float(path.operating[t]),
            "fairness_so_far": float(path.fairness[t]),
            "total_so_far": float(path.total[t]),
            "worst_mean_burden_so_far": float(path.worst[t]),
        }
        for path in result.paths
        for t, time in enumerate(result.times)
    ]


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
