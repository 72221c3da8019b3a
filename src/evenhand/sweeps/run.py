"""The verb `sweep_policies`: plan, run what is missing here or on a cluster, write each part as it comes, collect."""

from __future__ import annotations

import signal
import tempfile
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evenhand.errors import MissingExtraError, ParameterError, called, expect
from evenhand.files import writing
from evenhand.sweeps.grid import count
from evenhand.sweeps.plan import Job, Plan, make_plan
from evenhand.sweeps.shards import Results, Shards
from evenhand.sweeps.work import Block, run_job

__all__ = ["run_plan", "sweep_policies", "write_results"]

#: called with each finished job, and with None once for the jobs that were there already
Progress = Callable[[Sequence[Job]], None]


def _texts(name: str, value: object) -> None:
    """One text, or several in a list or tuple."""
    expect(name, value, (str, list, tuple), "a text such as 'geo7', or several in a list")
    for item in value if isinstance(value, list | tuple) else ():
        expect(name, item, str, "texts in the list")


def sweep_policies(
    scenario: str | Sequence[str],
    policies: str | Sequence[str],
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    settings: Mapping[str, Sequence[Any]] | None = None,
    seeds: int = 1,
    windows: str = "all",
    jobs: int = 1,
    cluster: str | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Play policies on every combination of a grid: one row per episode, with the ratio to OPT of its window.

    grid: values by parameter, for every policy that has the parameter; settings: values by setting of the scenario.
    seeds: 0 .. seeds - 1 go to a scenario or policy with a ``seed``. windows as in `pick_windows`. jobs: processes;
    cluster: address of a Dask scheduler instead. out: a folder that keeps every finished part, so that the same call
    resumes; None keeps nothing. OPT is solved once per (case, window). Raises ParameterError, UnknownNameError,
    MissingExtraError for bad input, and what the scenario, a policy or a solver raises.
    """
    _texts("scenario", scenario)
    _texts("policies", policies)
    for name, axes in (("grid", grid), ("settings", settings)):
        expect(name, {} if axes is None else axes, Mapping, "values by parameter, such as {'eta': [1e-3, 1e-2]}")
        for key, axis in (axes or {}).items():
            expect(f"{name}[{key!r}]", axis, (list, tuple, np.ndarray), "its values in a list")
    expect("windows", windows, str, "text, such as 'all' or '0:97:24'")
    expect("cluster", cluster, (str, type(None)), "the address of a Dask scheduler, or None")
    expect("out", out, (str, Path, type(None)), "a folder, or None")
    called("progress", progress, "a function of the jobs done, or None")
    plan = make_plan(
        [scenario] if isinstance(scenario, str) else scenario,
        [policies] if isinstance(policies, str) else policies,
        grid or {},
        settings or {},
        seeds,
        windows,
    )
    if out is not None:
        return run_plan(plan, Path(out), jobs, cluster, progress)
    with tempfile.TemporaryDirectory() as folder:
        return replace(run_plan(plan, Path(folder), jobs, cluster, progress), files=())


def run_plan(
    plan: Plan, folder: Path, jobs: int = 1, cluster: str | None = None, progress: Progress | None = None
) -> Results:
    """Run the jobs that have no part yet, then collect and write results.parquet and summary.csv."""
    count("jobs", jobs, 1024)
    tell = progress or (lambda done: None)
    with _runner(jobs, cluster) as run:
        shards = Shards(folder, plan)
        left = shards.missing()
        missing = {job.key for job in left}
        tell([job for job in plan.jobs if job.key not in missing])
        for index, block in run(left) if left else ():
            shards.add(left[index], block)
            tell([left[index]])
    results = shards.collect()
    return replace(results, files=write_results(results, folder))


def write_results(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write results.parquet (one row per episode) and summary.csv (means per point), whole or not at all."""
    import pyarrow.parquet as pq

    episodes, summary = folder / "results.parquet", folder / "summary.csv"
    with writing(episodes) as temporary:
        pq.write_table(results.table, temporary, compression="zstd")
    with writing(summary) as temporary:
        results.summary().to_csv(temporary, index=False, lineterminator="\n")
    return episodes, summary


Runner = Callable[[Sequence[Job]], Iterator[tuple[int, Block]]]


def _numbered(index: int, job: Job) -> tuple[int, Block]:
    return index, run_job(job)


@contextmanager
def _runner(jobs: int, cluster: str | None) -> Generator[Runner]:
    """What does the jobs: this process, local processes, or a cluster; the client is closed at the end."""
    if cluster is None:
        yield _here if jobs == 1 else lambda left: _parallel(left, jobs)
        return
    client = _connect(cluster)
    try:
        from joblib import parallel_config

        with parallel_config(backend="dask"):
            yield lambda left: _parallel(left, -1)
    finally:
        client.close()


def _here(left: Sequence[Job]) -> Iterator[tuple[int, Block]]:
    return (_numbered(k, job) for k, job in enumerate(left))


def _parallel(left: Sequence[Job], jobs: int) -> Iterator[tuple[int, Block]]:
    from joblib import Parallel, delayed

    pool: Any = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)  # pyright: ignore[reportArgumentType]
    with _deaf():
        results = pool(delayed(_numbered)(k, job) for k, job in enumerate(left))
    with warnings.catch_warnings():  # a user who stops a sweep knows that tasks were cancelled
        warnings.filterwarnings("ignore", ".*tasks", UserWarning)
        yield from results


@contextmanager
def _deaf() -> Generator[None]:
    """Ignore interrupts for the moment in which processes start, which hand that down: one Ctrl-C reaches every process
    of a terminal, and it is this one that says what becomes of the others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _connect(address: str) -> Any:
    import logging

    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("a cluster needs the extra `cluster`: pip install 'evenhand[cluster]'") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=5)
    except (OSError, ValueError) as error:
        told = str(error) or type(error).__name__
        raise ParameterError(
            f"no Dask scheduler answers at {address!r} ({told}): start one, or leave --cluster out"
        ) from None
