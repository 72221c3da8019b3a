"""Files and frames as batches of checked columns: CSV, Parquet, pandas, polars. Errors name file, row, column, value.

Nothing is read whole: CSV and Parquet come in batches, so a file may be larger than memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array
from evenhand.errors import ProblemError, UnknownNameError

__all__ = ["Source", "Times", "open_source"]

BATCH = 1 << 18
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

    def row(self, index: int) -> str:
        """Row ``index`` (from 0) as its reader counts: lines of a CSV file (the header is line 1), rows from 1."""
        return f"line {index + 2}" if self.kind == "csv" else f"row {index + 1}"

    def require(self, column: str) -> None:
        """UnknownNameError with the nearest column where there is none of that name."""
        if column not in self.columns:
            raise UnknownNameError(f"column in {self.name}", column, self.columns)

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
        """(index of the first row, Arrow arrays of the columns) of one batch after another."""
        import pyarrow as pa

        for column in columns:
            self.require(column)
        start = 0
        try:
            for batch in self._stream(list(columns)):
                if batch.num_rows:
                    yield start, [batch.column(batch.schema.get_field_index(c)) for c in columns]
                start += batch.num_rows
        except pa.ArrowInvalid as error:
            raise ProblemError(f"{self.name} cannot be read: {' '.join(str(error).split())}") from None

    def _stream(self, columns: list[str]) -> Iterator[Any]:
        if self.kind == "csv":
            import pyarrow as pa
            import pyarrow.csv as csv

            options = csv.ConvertOptions(
                column_types=dict.fromkeys(self.columns, pa.string()),
                include_columns=columns,
                strings_can_be_null=False,
            )
            header = csv.ReadOptions(column_names=list(self.columns), skip_rows=1)
            with csv.open_csv(self.origin, read_options=header, convert_options=options) as reader:
                yield from reader
        elif self.kind == "parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(self.origin) as file:
                yield from file.iter_batches(batch_size=BATCH, columns=columns)
        else:
            yield from self.origin.select(columns).to_batches(max_chunksize=BATCH)

    def numbers(self, start: int, column: str, values: Any, low: float | None) -> Array:
        """An Arrow array as float64; ProblemError for the first that is not a finite number, or below ``low``."""
        import pyarrow as pa
        import pyarrow.compute as compute

        pc: Any = compute  # its functions are made at run time, type checkers see none of them

        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            texts = pc.utf8_trim_whitespace(values)
            try:
                values = pc.cast(texts, pa.float64())
            except pa.ArrowInvalid:
                k, text = next((k, text) for k, text in enumerate(texts.to_pylist()) if not _is_number(text))
                raise self._wrong(start + k, column, text or "empty", "write a finite number") from None
        try:
            out = np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        except pa.ArrowNotImplementedError:
            raise ProblemError(f"{self.name}, column {column!r} holds {values.type}: it must hold numbers") from None
        bad = ~np.isfinite(out)
        if bad.any():
            k = int(np.argmax(bad))
            text = "empty" if values[k].as_py() is None else str(out[k])
            raise self._wrong(start + k, column, text, "write a finite number")
        if low is not None and (out < low).any():
            k = int(np.argmax(out < low))
            raise self._wrong(start + k, column, f"{out[k]:g}", f"it must be at least {low:g}")
        return out

    def _wrong(self, index: int, column: str, value: Any, remedy: str) -> ProblemError:
        shown = "empty" if value in ("", None) else value
        return ProblemError(f"{self.name}, {self.row(index)}, column {column!r} is {shown}: {remedy}")

    def times(self, start: int, column: str, values: Any, how: Times | None) -> tuple[NDArray[np.int64], Times]:
        """A time column as int64, and how it is written; ProblemError for the first value that cannot be read."""
        import pyarrow as pa
        import pyarrow.compute as compute

        pc: Any = compute  # its functions are made at run time, type checkers see none of them

        if values.null_count:
            raise self._wrong(
                start + int(np.argmax(pc.is_null(values).to_numpy(zero_copy_only=False))), column, "", _WHEN
            )
        if pa.types.is_timestamp(values.type):
            kind, out = Times(True), values.cast(pa.timestamp("ns", values.type.tz)).cast(pa.int64())
        elif pa.types.is_date(values.type):
            kind, out = Times(True), values.cast(pa.timestamp("ns")).cast(pa.int64())
        elif pa.types.is_integer(values.type):
            kind, out = Times(False), values.cast(pa.int64())
        else:
            distinct = pc.dictionary_encode(values.cast(pa.string()))
            texts: list[str] = distinct.dictionary.to_pylist()
            kind = how or Times(not _WHOLE.fullmatch(texts[0].strip()))
            codes = np.asarray(distinct.indices)
            known = self._read_times(texts, kind, lambda k: start + int(np.argmax(codes == k)), column)
            return known[codes], kind
        if how is not None and how != kind:
            raise ProblemError(
                f"{self.name}, column {column!r} counts rounds where another file has dates: use one of them"
            )
        return np.asarray(out, dtype=np.int64), kind

    def _read_times(self, texts: list[str], kind: Times, row: Any, column: str) -> NDArray[np.int64]:
        if not kind.instants:
            for k, text in enumerate(texts):
                if not _WHOLE.fullmatch(text.strip()):
                    raise self._wrong(row(k), column, text, "write whole numbers, as in the rows before")
            return np.array([int(t) for t in texts], dtype=np.int64)
        import pandas as pd

        made = pd.to_datetime(pd.Series(texts), utc=True, format="ISO8601", errors="coerce")
        lost = made.isna().to_numpy()
        if lost.any():
            k = int(np.argmax(lost))
            raise self._wrong(row(k), column, texts[k], _WHEN)
        return made.to_numpy(dtype="datetime64[ns]").astype(np.int64)

    def labels(self, start: int, column: str, values: Any) -> tuple[list[str], NDArray[np.int64]]:
        """A text column as its distinct values and the position of each row among them."""
        import pyarrow as pa
        import pyarrow.compute as compute

        pc: Any = compute  # its functions are made at run time, type checkers see none of them

        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        distinct = pc.dictionary_encode(values.cast(pa.string()))
        if distinct.null_count:
            raise self._wrong(start + int(np.argmax(~np.asarray(values.is_valid()))), column, "", "name the site")
        return distinct.dictionary.to_pylist(), np.asarray(distinct.indices, dtype=np.int64)


_WHEN = "write a time such as 2024-05-10T13:00Z, or a whole number"


def _is_number(text: str | None) -> bool:
    """Whether Arrow reads the text as a number; Python's float would also take 1_000 and other digits."""
    import pyarrow as pa

    try:
        return text is not None and pa.scalar(text).cast(pa.float64()).is_valid
    except pa.ArrowInvalid:
        return False


def open_source(folder: Path, name: str, frame: Any) -> Source:
    """A file beside the configuration, or the frame that stands for it. Raises ProblemError when there is none."""
    import pyarrow as pa

    if frame is not None:
        try:
            table = pa.table(frame)
        except (TypeError, ValueError, pa.ArrowInvalid) as error:
            raise ProblemError(f"frame {name!r} is no pandas, polars or Arrow table: {error}") from None
        return Source(f"frame {name!r}", tuple(table.column_names), table, "frame")
    path = folder / name
    if not path.is_file():
        raise ProblemError(f"file {name!r} is not in {str(folder.resolve())!r}: check its name in the configuration")
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        try:
            return Source(name, tuple(pq.read_schema(path).names), path, "parquet")
        except pa.ArrowInvalid as error:
            raise ProblemError(f"{name} is not Parquet: {' '.join(str(error).split())}") from None
    if path.suffix not in (".csv", ".txt"):
        raise ProblemError(f"file {name!r} ends in {path.suffix!r}: use .csv or .parquet")
    import csv

    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = tuple(h.strip() for h in next(csv.reader(lines), ()))
    if len(set(header)) != len(header) or not header:
        raise ProblemError(f"{name}, line 1 must name every column once; it has {', '.join(header) or 'nothing'}")
    return Source(name, header, path, "csv")
