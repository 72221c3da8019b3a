"""Tables on disk, CSV or Parquet, read so that every later error can name the file and the row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import same
from evenhand.errors import ProblemError, UnknownNameError, shown
from evenhand.tables import COMMA, Format, cast, kind_of, open_csv, parquet_columns, parquet_error

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Points", "read_points", "read_table", "row_of"]

#: columns that hold names, whatever they look like ("007", "1e3", "NA")
_NAMES = ("agent", "job", "family")


def read_table(path: Path, names: tuple[str, ...] = _NAMES, form: Format | None = None) -> pd.DataFrame:
    """A CSV or Parquet file as a frame: numbers, text where a column is none; empty cells and nulls are missing.

    names: columns that stay text; form: how a CSV is written, guessed with a GuessWarning where it does not say.
    The index holds the line of each row of a CSV, the number of each row of a Parquet file. Raises ProblemError for
    what is no proper table: repeated columns, a row with too many cells, a row of empty cells in the middle, NaN in a
    Parquet column (null is an empty cell).
    """
    if kind_of(path, str(path)) == "parquet":
        return _parquet(path, names)
    return _csv(path, names, form)


def row_of(frame: pd.DataFrame, k: int) -> str:
    """Row ``k`` (from 0) as its reader counts: the line of a CSV; of a frame from elsewhere, a spreadsheet's row."""
    known = frame.index.name in ("line", "row")
    return f"{frame.index.name} {frame.index[k]}" if known else f"row {k + 2}"


def _csv(path: Path, names: tuple[str, ...], form: Format | None) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    table = open_csv(path, str(path), form)
    schema = pa.schema([(column, pa.string()) for column in table.columns])
    cells = pa.Table.from_batches(table.batches(table.columns), schema)
    texts = {column: _trimmed(cells.column(column)) for column in table.columns}
    empty = np.logical_and.reduce([np.asarray(text.is_null()) for text in texts.values()])
    filled = np.flatnonzero(~empty)
    count = int(filled[-1]) + 1 if filled.size else 0
    lines = pd.Index(table.lines(count), name="line")
    if empty[:count].any():
        raise ProblemError(f"{path}: line {lines[int(empty.argmax())]} has only empty cells; remove it")
    read = {c: _cells(text.slice(0, count), c in names, table.decimal) for c, text in texts.items()}
    return pd.DataFrame(read, index=lines)


def _trimmed(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as compute

    pc: Any = compute  # its functions are made at run time, type checkers see none of them

    text = pc.utf8_trim_whitespace(column.combine_chunks())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text)


def _cells(texts: Any, name: bool, decimal: str) -> Any:
    """A column as numbers where all cells are; else as text, in which the numbers have decimal points."""
    if not name:
        numbers, wrong = cast(texts, decimal)
        if wrong < 0:
            out = np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
            if int(np.isnan(out).sum()) == numbers.null_count:  # nan that is written out is no empty cell
                return out
    cells = np.array(texts.to_pylist(), dtype=object)
    if decimal == "," and not name:
        cells[:] = [c.replace(",", ".") if c and COMMA.fullmatch(c) else c and c.replace(".", "?") for c in cells]
    return cells


def _parquet(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as compute
    import pyarrow.parquet as pq

    pc: Any = compute  # its functions are made at run time, type checkers see none of them

    columns = parquet_columns(path, str(path))
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise parquet_error(str(path), error) from None
    read: dict[str, Any] = {}
    for column in columns:
        values = table.column(column)
        try:
            if column not in names and any(is_a(values.type) for is_a in _numeric(pa.types)):
                numbers = pc.cast(values, pa.float64(), safe=False)
                bad = pc.index(pc.is_nan(numbers), True).as_py()
                if bad >= 0:
                    told = "give a number (or null for the default)"
                    raise ProblemError(f"{path}: row {bad + 1}, column {column!r} = nan; {told}")
                read[column] = np.array(numbers.to_numpy(), dtype=np.float64)
            else:
                read[column] = _cells(_trimmed(pc.cast(values, pa.string())), column in names, ".")
        except (pa.ArrowException, UnicodeError):  # told where the column is used: it may be one that nobody reads
            read[column] = np.full(len(table), f"<{values.type}>", dtype=object)
    return pd.DataFrame(read, index=pd.RangeIndex(1, len(table) + 1, name="row"))


def _numeric(types: Any) -> tuple[Any, ...]:
    return types.is_integer, types.is_floating, types.is_decimal, types.is_null


@final
@dataclass(frozen=True, slots=True)
class Points:
    """Measured points: resource and value (m,), the group of each (m,), and the two columns' names."""

    resource: NDArray[np.float64]
    value: NDArray[np.float64]
    group: NDArray[np.str_]
    resource_name: str
    value_name: str

    __eq__ = same


def read_points(
    path: Path, by: tuple[str, ...], resource: str = "", value: str = "", form: Format | None = None
) -> Points:
    """Measured points from a table. by: the columns that make a group, joined by "/"; resource, value: columns,
    by default the ones of these names that are there: resource, resource_value; value, accuracy, utility; form: as in
    `read_table`.

    Raises UnknownNameError for a column that is not there, ProblemError naming row, column, value and remedy.
    """
    frame = read_table(path, by, form)
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
            raise ProblemError(
                f"{path}: {row_of(frame, int(missing.argmax()))}, column {name!r} is empty; name the group"
            )
    group = np.array(["/".join(row) for row in frame[list(by)].astype(str).itertuples(index=False)])
    return Points(_numbers(path, frame, resource), _numbers(path, frame, value), group, resource, value)


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
        raise ProblemError(f"{path}: {row_of(frame, at)}, column {name!r} {told}; give a finite number")
    return numbers
