"""Files and frames as batches of checked columns: CSV, Parquet, pandas, polars. Errors name file, row, column, value.

Nothing is read whole: CSV and Parquet come in batches, so a file may be larger than memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.errors import ProblemError, UnknownNameError, shown
from evenhand.interchange import as_arrow
from evenhand.tables import COMMA, Csv, Format, cast, check_header, kind_of, open_csv, parquet_columns, parquet_error

__all__ = ["LARGEST", "Source", "Times", "open_source"]

BATCH = 1 << 18
#: no number of a user's may be larger, so that products of three of them stay finite
LARGEST = 1e100
#: whole-number times lie within this of zero, so that differences fit 64 bits
FARTHEST = 1 << 61
_WHOLE = re.compile(r"[+-]?\d+")


@final
@dataclass(frozen=True, slots=True)
class Times:
    """How a time column is written: whole numbers, or instants as nanoseconds since 1970 (UTC)."""

    instants: bool

    def text(self, value: int) -> str:
        """One time as a reader writes it."""
        if not self.instants:
            return str(value)
        return np.datetime_as_string(np.datetime64(int(value), "ns"), unit="auto")

    def spacing(self, value: int) -> str:
        """A distance between two times."""
        if not self.instants:
            return str(value)
        seconds = value / 1e9
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
            if seconds % size == 0:
                return f"{seconds / size:g}{unit}"
        return f"{seconds:g}s"


@final
@dataclass(frozen=True, slots=True)
class Source:
    """One table: its name for messages, its columns, where its batches come from, and the number of its first row."""

    name: str
    columns: tuple[str, ...]
    origin: Any
    kind: str

    __eq__ = same

    def row(self, index: int) -> str:
        """Row ``index`` (from 0) as its reader counts: lines of a CSV file (the header is line 1), rows from 1."""
        return f"line {self.origin.line(index)}" if isinstance(self.origin, Csv) else f"row {index + 1}"

    def require(self, column: str) -> None:
        """UnknownNameError with the nearest column where there is none of that name."""
        if column not in self.columns:
            raise UnknownNameError(f"column in {self.name}", column, self.columns)

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
        """(index of the first row, Arrow arrays of the columns) of one batch after another."""
        for column in columns:
            self.require(column)
        start = 0
        for batch in self._stream(list(columns)):
            if batch.num_rows:
                yield start, [batch.column(batch.schema.get_field_index(c)) for c in columns]
            start += batch.num_rows

    def _stream(self, columns: list[str]) -> Iterator[Any]:
        if isinstance(self.origin, Csv):
            yield from self.origin.batches(columns)
        elif self.kind == "parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            try:
                with pq.ParquetFile(self.origin) as file:
                    yield from file.iter_batches(batch_size=BATCH, columns=columns)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise parquet_error(self.name, error) from None
        else:
            yield from self.origin.select(columns).to_batches(max_chunksize=BATCH)

    def numbers(self, start: int, column: str, values: Any, low: float | None, gaps: bool = False) -> Array:
        """An Arrow array as float64; ProblemError for the first that is not a finite number, or below ``low``.

        gaps: empty cells are NaN and no error.
        """
        import pyarrow as pa
        import pyarrow.compute as compute

        pc: Any = compute  # its functions are made at run time, type checkers see none of them

        values = _flat(values)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            texts = values
            values, k = cast(texts, self.origin.decimal if isinstance(self.origin, Csv) else ".")
            if k >= 0:
                text = str(texts[k]).strip()
                comma = ' (is the comma a decimal point? then say csv: {decimal: ","})' * bool(COMMA.fullmatch(text))
                raise self._wrong(start + k, column, text, f"write a finite number{comma}")
        refused = f"{self.name}, column {column!r} holds {values.type}: it must hold numbers"
        if pa.types.is_boolean(values.type):  # yes is no 1, though it can be cast to one
            raise ProblemError(refused)
        try:
            out = np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        except pa.ArrowException:
            raise ProblemError(refused) from None
        bad = ~np.isfinite(out)
        if gaps:
            bad &= ~pc.is_null(values).to_numpy(zero_copy_only=False)
        if bad.any():
            k = int(np.argmax(bad))
            text = "" if values[k].as_py() is None else str(out[k])
            raise self._wrong(start + k, column, text, "write a finite number")
        huge = np.abs(out) > LARGEST
        if huge.any():
            k = int(np.argmax(huge))
            raise self._wrong(start + k, column, f"{out[k]:g}", f"it must be at most {LARGEST:g}; take a larger unit")
        if low is not None and (out < low).any():
            k = int(np.argmax(out < low))
            raise self._wrong(start + k, column, f"{out[k]:g}", f"it must be at least {low:g}")
        return out

    def _wrong(self, index: int, column: str, value: str, remedy: str) -> ProblemError:
        told = " ".join(value.split())
        told = (told if len(told) <= 60 else f"{told[:60]}...") or "empty"
        return ProblemError(f"{self.name}, {self.row(index)}, column {column!r} is {told}: {remedy}")

    def times(self, start: int, column: str, values: Any, how: Times | None) -> tuple[NDArray[np.int64], Times]:
        """A time column as int64, and how it is written; ProblemError for the first value that cannot be read."""
        import pyarrow as pa
        import pyarrow.compute as compute

        pc: Any = compute  # its functions are made at run time, type checkers see none of them

        values = _flat(values)
        if values.null_count:
            raise self._wrong(
                start + int(np.argmax(pc.is_null(values).to_numpy(zero_copy_only=False))), column, "", _WHEN
            )
        try:
            if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
                zone = values.type.tz if pa.types.is_timestamp(values.type) else None
                kind, out = Times(True), values.cast(pa.timestamp("ns", zone)).cast(pa.int64())
            elif pa.types.is_integer(values.type):
                kind, out = Times(False), values.cast(pa.int64())
            else:
                distinct = pc.dictionary_encode(pc.utf8_trim_whitespace(values.cast(pa.string())))
                texts: list[str] = distinct.dictionary.to_pylist()
                kind = how or Times(not _WHOLE.fullmatch(texts[0]))
                codes = np.asarray(distinct.indices)
                known = self._read_times(texts, kind, lambda k: start + int(np.argmax(codes == k)), column)
                return known[codes], kind
        except (pa.ArrowException, UnicodeError):
            raise ProblemError(
                f"{self.name}, column {column!r} holds {values.type}, and not all are times: {_WHEN}"
            ) from None
        if how is not None and how != kind:
            raise ProblemError(
                f"{self.name}, column {column!r} counts rounds where another file has dates: use one of them"
            )
        when = np.asarray(out, dtype=np.int64)
        if not kind.instants and (far := (when > FARTHEST) | (when < -FARTHEST)).any():
            k = int(np.argmax(far))
            raise self._wrong(start + k, column, str(when[k]), "count rounds by smaller numbers")
        return when, kind

    def _read_times(self, texts: list[str], kind: Times, row: Any, column: str) -> NDArray[np.int64]:
        if not kind.instants:
            for k, text in enumerate(texts):
                if not _WHOLE.fullmatch(text):
                    raise self._wrong(row(k), column, text, "write whole numbers, as in the rows before")
                if len(text) > 20 or abs(int(text)) > FARTHEST:
                    raise self._wrong(row(k), column, text, "count rounds by smaller numbers")
            return np.array([int(t) for t in texts], dtype=np.int64)
        import pandas as pd

        made = pd.to_datetime(pd.Series(texts, dtype=object), utc=True, format="ISO8601", errors="coerce")
        first, last = (pd.Timestamp(end).tz_localize("UTC") for end in ("1678-01-01", "2262-01-01"))
        lost = (~((made >= first) & (made < last))).to_numpy()  # nanoseconds in 64 bits end there
        if lost.any():
            k = int(np.argmax(lost))
            raise self._wrong(row(k), column, texts[k], _WHEN)
        return made.to_numpy(dtype="datetime64[ns]").astype(np.int64)

    def labels(self, start: int, column: str, values: Any) -> tuple[list[str], NDArray[np.int64]]:
        """A text column as its distinct values and the position of each row among them."""
        import pyarrow as pa
        import pyarrow.compute as compute

        pc: Any = compute  # its functions are made at run time, type checkers see none of them

        try:
            distinct = pc.dictionary_encode(pc.utf8_trim_whitespace(_flat(values).cast(pa.string())))
            names: list[str | None] = distinct.dictionary.to_pylist()
        except (pa.ArrowException, UnicodeError):
            raise ProblemError(
                f"{self.name}, column {column!r} holds {values.type}: it must hold the names of sites"
            ) from None
        codes = np.asarray(distinct.indices.fill_null(-1), dtype=np.int64)
        empty = [k for k, name in enumerate(names) if not name] or [-1]
        nameless = (codes < 0) | (codes == empty[0])
        if nameless.any():
            raise self._wrong(start + int(np.argmax(nameless)), column, "", "name the site")
        return [name or "" for name in names], codes


def _flat(values: Any) -> Any:
    """An Arrow array without a dictionary."""
    import pyarrow as pa

    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


_WHEN = "write a time such as 2024-05-10T13:00Z (from 1678 to 2261), or a whole number"


def open_source(folder: Path, name: str, frame: Any, form: Format) -> Source:
    """A file beside the configuration, or the frame that stands for it. Raises ProblemError when there is none."""
    if frame is not None:
        table = as_arrow(f"frame {name!r}", frame)
        check_header(f"frame {name!r}", table.column_names)
        return Source(f"frame {name!r}", tuple(table.column_names), table, "frame")
    path = folder / name
    if not os.path.exists(path):
        raise ProblemError(
            f"file {shown(name)} is not in {str(folder.resolve())!r}: check its name in the configuration"
        )
    if kind_of(path, name) == "parquet":
        return Source(name, parquet_columns(path, name), path, "parquet")
    table = open_csv(path, name, form)
    return Source(name, table.columns, table, "csv")
