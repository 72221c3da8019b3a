"""Tables on disk, CSV or Parquet, read so that every later error can name the file and the row."""

from __future__ import annotations

import csv
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.errors import ParameterError, ProblemError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Points", "read_points", "read_table", "shown"]

#: columns that hold names, whatever they look like ("007", "1e3", "NA")
_NAMES = ("agent", "family")


def read_table(path: Path, names: tuple[str, ...] = _NAMES) -> pd.DataFrame:
    """A CSV (UTF-8, commas) or Parquet file as a frame; columns in ``names`` stay text, empty cells are missing.

    Raises ParameterError for a file that cannot be read, ProblemError for one that is no proper table: repeated
    columns, a row with too many cells, an empty row in the middle, NaN in a Parquet column (null is an empty cell).
    """
    if not path.is_file():
        raise ParameterError(f"{path}: no such file; give the path of a CSV or Parquet file")
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet(path)
    if path.suffix.lower() not in (".csv", ".txt"):
        raise ParameterError(f"{path}: the name ends in {path.suffix!r}; give a .csv or a .parquet file")
    return _csv(path, names)


def _csv(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = [cell.strip() for cell in next(csv.reader(file), [])]
    except UnicodeDecodeError as error:
        raise ProblemError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    if not header:
        raise ProblemError(f"{path}: the file is empty; give a header and a row for each agent or point")
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise ProblemError(f"{path}: the header {header[0]!r} has no commas; separate the columns by commas")
    _no_repeats(path, header)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                encoding="utf-8-sig",
                header=0,
                names=header,
                index_col=False,
                dtype={name: str for name in names if name in header},
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=False,
                skipinitialspace=True,
            )
    except pd.errors.ParserWarning:
        raise ProblemError(f"{path}: a row has more cells than the header; give every row one cell a column") from None
    except (pd.errors.ParserError, ValueError) as error:
        told = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise ProblemError(f"{path}: not a table: {told}; give every row one cell a column") from None
    empty = frame.isna().all(axis=1).to_numpy()
    filled = (~empty).nonzero()[0]
    frame = frame.iloc[: int(filled[-1]) + 1 if filled.size else 0]
    if empty[: len(frame)].any():
        raise ProblemError(f"{path}: row {int(empty.argmax()) + 2} is empty; remove it")
    return frame


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    compute: Any = pc
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ProblemError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from None
    _no_repeats(path, table.column_names)
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_floating(column.type):
            bad = compute.index(compute.is_nan(column), True).as_py()
            if bad >= 0:
                raise ProblemError(
                    f"{path}: row {bad + 2}, column {name!r} = nan; give a number (or null for the default)"
                )
    return table.to_pandas()


def _no_repeats(path: Path, header: list[str]) -> None:
    for at, name in enumerate(header):
        if name in header[:at]:
            raise ProblemError(f"{path}: column {name!r} appears twice; remove or rename one")


@final
@dataclass(frozen=True, slots=True)
class Points:
    """Measured points: resource and value (m,), the group of each (m,), and the two columns' names."""

    resource: NDArray[np.float64]
    value: NDArray[np.float64]
    group: NDArray[np.str_]
    resource_name: str
    value_name: str


def read_points(path: Path, by: tuple[str, ...], resource: str = "", value: str = "") -> Points:
    """Measured points from a table. by: the columns that make a group, joined by "/"; resource, value: columns,
    by default the ones of these names that are there: resource, resource_value; value, accuracy, utility.

    Raises UnknownNameError for a column that is not there, ProblemError naming row, column, value and remedy.
    """
    frame = read_table(path, by)
    columns = [str(c) for c in frame.columns]
    for name in (*by, resource, value):
        if name and name not in columns:
            raise UnknownNameError(f"column in {path}:", name, columns)
    resource = resource or _default(path, columns, "resource", ("resource", "resource_value"))
    value = value or _default(path, columns, "value", ("value", "accuracy", "utility"))
    if len(frame) == 0:
        raise ProblemError(f"{path}: no points; give at least one row under the header")
    for name in by:
        missing = frame[name].isna().to_numpy()
        if missing.any():
            raise ProblemError(f"{path}: row {int(missing.argmax()) + 2}, column {name!r} is empty; name the group")
    group = np.array(["/".join(row) for row in frame[list(by)].astype(str).itertuples(index=False)])
    return Points(_numbers(path, frame, resource), _numbers(path, frame, value), group, resource, value)


def shown(value: Any) -> str:
    """A cell as it is told in a message: NumPy's numbers as plain ones."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def _default(path: Path, columns: list[str], what: str, names: tuple[str, ...]) -> str:
    found = [name for name in names if name in columns]
    if not found:
        raise ProblemError(f"{path}: which column is the {what}? say --{what} with one of {', '.join(columns)}")
    return found[0]


def _numbers(path: Path, frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    import pandas as pd

    cells: Any = frame[name]
    numbers = np.array(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)
    bad = ~np.isfinite(numbers)
    if bad.any():
        at = int(bad.argmax())
        told = "is empty" if bool(cells.isna().iloc[at]) else f"= {shown(cells.iloc[at])}"
        raise ProblemError(f"{path}: row {at + 2}, column {name!r} {told}; give a finite number")
    return numbers
