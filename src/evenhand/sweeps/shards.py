"""The folder of a sweep: a manifest, one Parquet part per finished job, and the collected result.

A part appears under the name of its job's content hash, whole or not at all, as soon as the job is done; a stopped
sweep therefore resumes by looking at names. `collect` reads the parts in the order of the plan, so its bytes depend on
what was asked, not on who computed it or in what order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from evenhand import __version__
from evenhand.columns import Array, same
from evenhand.errors import ParameterError
from evenhand.files import folder_for, writing
from evenhand.interchange import to_polars
from evenhand.sweeps.plan import Job, Plan
from evenhand.sweeps.work import Block

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Results", "Shards"]

_PARTS = ("hitting", "switching", "fairness")


@final
@dataclass(frozen=True, slots=True)
class Results:
    """A finished sweep: ``table`` (Arrow) has one row per episode, ``files`` is what was written.

    Columns: scenario, setting_*, policy, param_*, seed, window, hitting, switching, fairness, total, opt, ratio.
    ``best`` has the parts of OPT, one row per (case, window): scenario, setting_*, seed, window, hitting, ...
    """

    table: Any
    best: Any
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    __eq__ = same

    def to_frame(self) -> pd.DataFrame:
        """One row per episode, as a pandas frame."""
        return self.table.to_pandas()

    def to_arrow(self) -> Any:
        """One row per episode: ``table`` itself."""
        return self.table

    def to_polars(self) -> Any:
        """One row per episode, as a polars frame (extra ``frames``)."""
        return to_polars(self.table)

    def summary(self) -> pd.DataFrame:
        """Means over windows and seeds for every scenario, setting, policy and point; OPT first,
        ``ratio`` is of means."""
        import pandas as pd

        frame, best = self.to_frame(), self.best.to_pandas().assign(policy="OPT")
        cases = [c for c in best.columns if c == "scenario" or c.startswith("setting_")]
        points = [c for c in frame.columns if c.startswith("param_")]
        best["opt"] = best["total"] = best[list(_PARTS)].sum(axis=1)
        best["ratio"] = 1.0
        every = pd.concat([best, frame], ignore_index=True)[
            [*cases, "policy", *points, *_PARTS, "total", "opt", "ratio"]
        ]
        every["worst_ratio"] = every["ratio"]
        every = every.iloc[np.argsort(every.groupby(cases, sort=False, dropna=False).ngroup(), kind="stable")]
        by = every.groupby([*cases, "policy", *points], sort=False, dropna=False)
        means = by.agg({**dict.fromkeys([*_PARTS, "total", "opt"], "mean"), "worst_ratio": "max"})
        means.insert(4, "ratio", means["total"] / means["opt"])
        means.insert(len(means.columns), "episodes", by.size())
        return means.drop(columns="opt").reset_index()


@final
@dataclass(frozen=True, slots=True)
class Shards:
    """A folder that belongs to one plan. Raises ParameterError where it cannot be written or holds another sweep."""

    folder: Path
    plan: Plan

    def __post_init__(self) -> None:
        folder_for(self.folder)
        manifest = self.folder / "sweep.json"
        if manifest.exists():
            try:
                key = json.loads(manifest.read_text(encoding="utf-8"))["key"]
            except (OSError, ValueError, KeyError, TypeError):
                key = None
            if key != self.plan.key:
                raise ParameterError(
                    f"{str(self.folder)!r} holds another sweep: choose another --out, or remove that folder"
                )
        folder_for(self.folder / "parts")
        with writing(manifest) as temporary:
            temporary.write_text(json.dumps(self._description(), indent=2, default=repr) + "\n", encoding="utf-8")

    def _description(self) -> Mapping[str, Any]:
        plan = self.plan
        return {
            "evenhand": __version__,
            "key": plan.key,
            "episodes": plan.episodes,
            "cases": [
                {"scenario": c.scenario, "settings": c.given, "seed": c.seed, "data": c.data} for c in plan.cases
            ],
            "policies": {e.label: list(e.points) for e in plan.entries},
        }

    def path(self, job: Job) -> Path:
        """Where the part of a job lies."""
        return self.folder / "parts" / f"{job.key}.parquet"

    def missing(self) -> list[Job]:
        """Jobs without a readable part, in order; an unreadable one is removed."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        left: list[Job] = []
        for job in self.plan.jobs:
            path = self.path(job)
            if path.exists():
                try:
                    if pq.read_metadata(path).num_rows == job.episodes:
                        continue
                except (pa.ArrowInvalid, OSError):
                    pass
                path.unlink()
            left.append(job)
        return left

    def add(self, job: Job, block: Block) -> None:
        """Write the part of a job: tidy rows that can be read on their own."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        case = self.plan.cases[job.case]
        points, windows = block.hitting.shape
        label = "OPT" if job.entry < 0 else self.plan.entries[job.entry].label
        named = [{}] if job.entry < 0 else [self.plan.entries[job.entry].points[p] for p in job.points]
        count = points * windows
        columns: dict[str, Any] = {
            "scenario": _same(case.scenario, count),
            "settings": _same(_text(case.given), count),
            "policy": _same(label, count),
            "parameters": pa.array([_text(p) for p in named]).take(pa.array(np.repeat(np.arange(points), windows))),
            "seed": np.full(count, case.seed),
            "window": np.tile(np.array(job.windows, dtype=np.int64), points),
            **{name: getattr(block, name).reshape(-1) for name in _PARTS},
        }
        with writing(self.path(job)) as temporary:
            pq.write_table(pa.table(columns), temporary, compression="zstd")

    def collect(self) -> Results:
        """Read all parts in the order of the plan and join OPT: the same bytes however the parts came about."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found: dict[tuple[int, int], tuple[Array, ...]] = {}
        places = [{w: k for k, w in enumerate(case.windows)} for case in self.plan.cases]
        for job in self.plan.jobs:
            case = self.plan.cases[job.case]
            rows = 1 if job.entry < 0 else len(self.plan.entries[job.entry].points)
            where = (job.case, job.entry)
            if where not in found:
                found[where] = tuple(np.full((rows, len(case.windows)), np.nan) for _ in _PARTS)
            part = pq.read_table(self.path(job), columns=list(_PARTS))
            at = [places[job.case][w] for w in job.windows]
            for target, name in zip(found[where], _PARTS, strict=True):
                value = part.column(name).to_numpy().reshape(-1, len(at))
                target[np.ix_(job.points if job.entry >= 0 else (0,), at)] = value
        tables = [self._rows(c, e, found) for c in range(len(self.plan.cases)) for e in range(len(self.plan.entries))]
        best = [self._rows(c, -1, found) for c in range(len(self.plan.cases))]
        notes = self.plan.notes
        if any(np.isnan(found[c, -1][0]).any() for c in range(len(self.plan.cases))):
            notes = (*notes, "no conic form, no OPT: where opt is empty, so is the ratio")
        return Results(pa.concat_tables(tables), pa.concat_tables(best), notes)

    def _rows(self, c: int, e: int, found: Mapping[tuple[int, int], tuple[Array, ...]]) -> Any:
        import pyarrow as pa

        case = self.plan.cases[c]
        hitting, switching, fairness = found[c, e]
        points, windows = hitting.shape
        count = points * windows
        columns: dict[str, Any] = {"scenario": _same(case.scenario, count)}
        for name in case.given:
            kind = _kind([k.given[name] for k in self.plan.cases])
            columns[f"setting_{name}"] = _repeat([case.given[name]], np.zeros(count, dtype=np.int64), kind)
        if e >= 0:
            columns["policy"] = _same(self.plan.entries[e].label, count)
            every = list(dict.fromkeys(name for entry in self.plan.entries for name in entry.points[0]))
            which = np.repeat(np.arange(points), windows)
            for name in every:
                kind = _kind([p[name] for entry in self.plan.entries for p in entry.points if name in p])
                own = [p.get(name) for p in self.plan.entries[e].points]
                columns[f"param_{name}"] = _repeat(own, which, kind)
        columns["seed"] = np.full(count, case.seed)
        columns["window"] = np.tile(np.array(case.windows, dtype=np.int64), points)
        columns |= {
            "hitting": hitting.reshape(-1),
            "switching": switching.reshape(-1),
            "fairness": fairness.reshape(-1),
        }
        if e >= 0:
            total = hitting + switching + fairness
            opt = np.broadcast_to(sum(found[c, -1]), total.shape)
            ratio = np.divide(total, opt, out=np.full(total.shape, np.nan), where=opt != 0.0)
            columns |= {"total": total.reshape(-1), "opt": opt.reshape(-1), "ratio": ratio.reshape(-1)}
        return pa.table(columns)


def _kind(values: Sequence[Any]) -> Any:
    """Arrow type of a column: numbers, or text."""
    import pyarrow as pa

    return pa.float64() if all(isinstance(v, int | float) for v in values) else pa.string()


def _repeat(values: Sequence[Any], which: Any, kind: Any) -> Any:
    import pyarrow as pa

    text = kind == pa.string()
    plain = [None if v is None else (v if isinstance(v, str) else repr(v)) if text else float(v) for v in values]
    return pa.array(plain, kind).take(pa.array(which))


def _same(text: str, count: int) -> Any:
    import pyarrow as pa

    return pa.array([text]).take(pa.array(np.zeros(count, dtype=np.int64)))


def _text(point: Mapping[str, Any]) -> str:
    return json.dumps(dict(point), default=repr)
