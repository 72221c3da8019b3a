"""Tables of other libraries, in and out: any dataframe as Arrow or pandas, results as polars and xarray.

Frames come in through narwhals: pandas, polars, Arrow, Modin, cuDF, and lazy ones (DuckDB, Dask, Ibis, PySpark), which
are collected. Polars and xarray are needed only where they are asked for (extra ``frames``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from evenhand.errors import MissingExtraError, ProblemError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_arrow", "as_pandas", "dataset", "from_pandas", "to_polars"]


def as_arrow(name: str, frame: Any) -> Any:
    """Any dataframe, or mapping of columns, as an Arrow table. Raises ProblemError naming it where it is none."""
    import narwhals as nw
    import pyarrow as pa

    try:
        known: Any = nw.from_native(frame, pass_through=True)
        if isinstance(known, nw.LazyFrame):
            known = known.collect("pyarrow")
        return known.to_arrow() if isinstance(known, nw.DataFrame) else pa.table(frame)
    except (TypeError, ValueError, pa.ArrowException) as error:
        told = " ".join(str(error).split())
        raise ProblemError(f"{name} is no pandas, polars or Arrow table, nor any other: {told:.200}") from None


def as_pandas(name: str, frame: Any) -> pd.DataFrame:
    """Any dataframe as a pandas frame, one of pandas as it is. Raises ProblemError naming it where it is none."""
    import pandas as pd

    return frame if isinstance(frame, pd.DataFrame) else as_arrow(name, frame).to_pandas()


def from_pandas(frame: pd.DataFrame) -> Any:
    """A pandas frame as an Arrow table, without its index."""
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()


def to_polars(table: Any) -> Any:
    """An Arrow table as a polars frame. Raises MissingExtraError where polars is not installed."""
    return _extra("polars").from_arrow(table)


def dataset(
    variables: Mapping[str, tuple[Sequence[str], Any]], coordinates: Mapping[str, Any], about: Mapping[str, Any]
) -> Any:
    """An xarray Dataset: variables by name (dimensions, values), coordinates of dimensions, attributes.

    Raises MissingExtraError where xarray is not installed.
    """
    return _extra("xarray").Dataset({k: (tuple(d), v) for k, (d, v) in variables.items()}, coordinates, about)


def _extra(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError(f"{name} is not installed: pip install 'evenhand[frames]'") from None
