"""Jobs from a table, one row a job: what a CSV or Parquet file of throughputs may contain.

job (or no label), throughput_<kind> for each kind of resource, and optionally limit_<kind>, workers, weight, onboard,
and a utility of the throughput: family, its parameters, scale. An empty cell takes the default: throughput 0 (cannot
run there), limit 1, workers 1, weight 1, onboard 0. Without a family a job is worth its throughput.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenhand.allocation.files import row_of
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.allocation.table import FAMILIES, column_of, known_columns, names_of, utility_of
from evenhand.errors import ProblemError, expect

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["holds_jobs", "jobs_from_table"]


def holds_jobs(frame: pd.DataFrame) -> bool:
    """Whether a table describes jobs: it has a column throughput_<kind>."""
    return any(str(c).startswith("throughput_") for c in frame.columns)


def jobs_from_table(frame: pd.DataFrame, source: str = "the table") -> Jobs:
    """The jobs described by a table; source: named in errors.

    Raises ProblemError naming row, column, value and remedy, UnknownNameError for a column that plays no part.
    """
    import pandas as pd

    expect("frame", frame, pd.DataFrame, "a pandas frame, one row a job")
    if len(frame) == 0:
        raise ProblemError(f"{source}: no jobs; give at least one row under the header")
    kinds = [str(c)[len("throughput_") :] for c in frame.columns if str(c).startswith("throughput_")]
    if not kinds:
        raise ProblemError(f"{source}: no column throughput_<kind>; give one for each kind of resource")
    parameters = {p for family, _ in FAMILIES.values() for p in family}
    own = ["job", "workers", "weight", "onboard", "family", "scale", *sorted(parameters)]
    known_columns(frame, [*own, *(f"{what}_{k}" for k in kinds for what in ("throughput", "limit"))], source)
    rate = np.stack([column_of(frame, f"throughput_{k}", 0.0, source) for k in kinds], axis=1)
    limit = np.stack([column_of(frame, f"limit_{k}", 1.0, source) for k in kinds], axis=1)
    nowhere = ~np.any((rate > 0.0) & (limit > 0.0), axis=1)
    if np.any(nowhere):
        where = row_of(frame, int(np.argmax(nowhere)))
        raise ProblemError(
            f"{source}: {where}: the job can run nowhere; give a throughput above 0 on some kind, or drop the row"
        )
    single = {name: column_of(frame, name, 1.0, source) for name in ("workers", "weight")}
    onboard = column_of(frame, "onboard", 0.0, source)
    told = [p for p in parameters if p in frame.columns]
    utility = utility_of(frame, source) if told or "family" in frame.columns else None
    names = names_of(frame, source, "job")
    return Jobs(rate, utility, onboard=onboard, limit=limit, names=names, resources=kinds, **single)
