"""Tables on disk: how a CSV is written (said or guessed), its rows with their true lines, a Parquet file's columns.

A CSV is read by Arrow in batches of text, so it may be larger than memory. Only where something is wrong is it read
again row by row, to name the line: blank lines and line ends inside quotes count.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from evenhand.errors import GuessWarning, ParameterError, ProblemError

__all__ = ["COMMA", "Csv", "Format", "cast", "check_header", "kind_of", "open_csv", "parquet_columns", "parquet_error"]

_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE = 1 << 16
_BLOCK = 1 << 20
#: a number with a decimal comma; with thousands in groups of three it could mean either
COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")
_SAID = re.compile(r"sep=([,;\t|])\r?\n")
_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
_KINDS = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"}


@final
@dataclass(frozen=True, slots=True)
class Format:
    """How a CSV is written; None is guessed. Raises ParameterError for what no CSV can be written with."""

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '"\r\n\0. '):
            raise ParameterError(f"separator is {self.separator!r}: give one character, such as ',', ';' or a tab")
        if self.separator is not None and (self.separator.isalnum() or not self.separator.isascii()):
            raise ParameterError(f"separator is {self.separator!r}: give one character, such as ',', ';' or a tab")
        if self.decimal not in (None, ".", ","):
            raise ParameterError(f"decimal is {self.decimal!r}: it must be '.' or ','")
        if self.encoding is not None:
            try:
                works = "time,1\n".encode(self.encoding).decode(self.encoding) == "time,1\n"
            except (LookupError, ValueError):
                works = False
            if not works:
                raise ParameterError(f"encoding is {self.encoding!r}: give one such as utf-8, cp1252 or utf-16")


def kind_of(path: Path, name: str) -> str:
    """ "csv" or "parquet", by the suffix. Raises ProblemError for a file that is not there, or of another suffix."""
    if os.path.isdir(path):
        raise ProblemError(f"{name} is a folder: give the CSV or Parquet file in it")
    if not os.path.isfile(path):
        raise ProblemError(f"{name}: no such file; give the path of a CSV or Parquet file")
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise ProblemError(
            f"file {name!r} ends in {path.suffix!r}: give a .csv or a .parquet file (save a spreadsheet as CSV)"
        )
    return kind


@final
@dataclass(frozen=True, slots=True)
class Csv:
    """One CSV file: its name for messages, its columns, how it is written, and the line its header ends on."""

    path: Path
    name: str
    columns: tuple[str, ...]
    separator: str
    decimal: str
    encoding: str
    head: int

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Arrow record batches of text columns. Raises ProblemError, with the line of a row of the wrong width."""
        import pyarrow as pa
        import pyarrow.csv as arrow

        try:
            reader = arrow.open_csv(
                self.path,
                read_options=arrow.ReadOptions(
                    column_names=list(self.columns), skip_rows=self.head, encoding=_arrow_name(self.encoding)
                ),
                parse_options=arrow.ParseOptions(delimiter=self.separator, newlines_in_values=True),
                convert_options=arrow.ConvertOptions(
                    column_types=dict.fromkeys(self.columns, pa.string()),
                    include_columns=list(columns),
                    strings_can_be_null=False,
                ),
            )
            with reader:
                yield from reader
        except (pa.ArrowException, OSError, UnicodeError) as error:
            if self._rowless():
                return
            raise ProblemError(self._explained(error)) from None

    def line(self, index: int) -> int:
        """The line on which row ``index`` (from 0, the header not counted) begins; lines count from 1."""
        return next(itertools.islice(self._rows(), index, None))[0]

    def lines(self, count: int) -> Sequence[int]:
        """The lines of the first ``count`` rows."""
        return [at for at, _ in itertools.islice(self._rows(), count)]

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        with self.path.open(encoding=self.encoding, newline="") as file:
            for _ in itertools.islice(file, self.head):
                pass
            reader = csv.reader(file, delimiter=self.separator)
            before = 0
            for row in reader:
                if row:
                    yield self.head + before + 1, row
                before = reader.line_num

    def _rowless(self) -> bool:
        """Arrow takes a file that ends with its header for an error."""
        try:
            return next(self._rows(), None) is None
        except (OSError, UnicodeError, csv.Error):
            return False

    def _explained(self, error: Exception) -> str:
        width = len(self.columns)
        try:
            for at, row in self._rows():
                if len(row) != width:
                    comma = self.separator == "," and len(row) > width and all(_digits(cell) for cell in row[-2:])
                    remedy = " (numbers with decimal commas must stand in quotes, or ';' between the cells)" * comma
                    return (
                        f"{self.name}, line {at} has {len(row)} cell{'s' * (len(row) != 1)}, the header {width}: "
                        f"give every row one cell a column{remedy}"
                    )
        except (OSError, UnicodeError, csv.Error) as again:
            error = again
        return f"{self.name} cannot be read: {_told(error)}"


def open_csv(path: Path, name: str, form: Format | None = None) -> Csv:
    """Look at a CSV file: its encoding, separator, decimal point and header, guessed where ``form`` does not say.

    A guess other than UTF-8, commas and points is told in a GuessWarning. Raises ProblemError for a file that cannot
    be read, is no text, or whose header does not name every column once.
    """
    form = form or Format()
    try:
        encoding, odd = _encoding(path, name, form.encoding)
        with path.open(encoding=encoding, newline="") as file:
            sample = file.read(_SAMPLE)
        told = _SAID.match(sample)  # a first line sep=; as spreadsheets write it
        said = 1 if told else 0
        separator = form.separator or (told[1] if told else _separator(sample))
        if odd:
            _refuse_open_quote(path, name, encoding, separator)
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(itertools.islice(file, said, None), delimiter=separator)
            header = tuple(" ".join(cell.split()) for cell in next((row for row in reader if row), ()))
            head = reader.line_num + said
            rows = list(itertools.islice(reader, 1000))
    except OSError as error:
        raise ProblemError(f"{name} cannot be read: {_told(error)}") from None
    except csv.Error as error:
        raise ProblemError(f"{name} is no table: {error}") from None
    if not header:
        raise ProblemError(f"{name}: the file is empty; give a header and rows below it")
    check_header(f"{name}, line {head}", header)
    decimal = form.decimal or _decimal(rows)
    known = {"separator": told or form.separator, "decimal": form.decimal, "encoding": form.encoding}
    found = {"separator": separator, "decimal": decimal, "encoding": encoding.removesuffix("-sig")}
    usual = {"separator": ",", "decimal": ".", "encoding": "utf-8"}
    guesses = [f"{k} {v!r}" for k, v in found.items() if known[k] is None and v != usual[k]]
    if guesses:
        warnings.warn(f"{name}: guessed {', '.join(guesses)}; say so if it is not", GuessWarning, stacklevel=2)
    return Csv(path, name, header, separator, decimal, encoding, head)


def cast(values: Any, decimal: str = ".") -> tuple[Any, int]:
    """An Arrow array of text as float64 (empty cells null), and the index of the first that is no number, or -1.

    The array is None where one is no number. Python's float would also take 1_000 and other digits; Arrow does not.
    """
    import pyarrow as pa
    import pyarrow.compute as compute

    pc: Any = compute  # its functions are made at run time, type checkers see none of them

    texts = pc.utf8_trim_whitespace(values)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, texts.type), texts)
    if decimal == ",":  # a point would be for thousands: no number, rather than one a thousand times too small
        texts = pc.replace_substring(pc.replace_substring(texts, ".", "?"), ",", ".")
    try:
        return pc.cast(texts, pa.float64()), -1
    except pa.ArrowInvalid:
        return None, next(k for k, text in enumerate(texts) if text.is_valid and not _is_number(text))


def _is_number(text: Any) -> bool:
    import pyarrow as pa

    try:
        return text.cast(pa.float64()).is_valid
    except pa.ArrowInvalid:
        return False


def check_header(where: str, header: Sequence[str]) -> None:
    """ProblemError where a column has no name, or two have the same."""
    for at, column in enumerate(header):
        if not column:
            raise ProblemError(f"{where}: column {at + 1} has no name; name or remove it")
        if column in header[:at]:
            raise ProblemError(f"{where} must name every column once: {column!r} appears twice; rename or remove one")


def parquet_columns(path: Path, name: str) -> tuple[str, ...]:
    """The names of a Parquet file's columns. Raises ProblemError where it is none, or names one twice."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = tuple(str(c) for c in pq.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise parquet_error(name, error) from None
    check_header(name, columns)
    return columns


def parquet_error(name: str, error: Exception) -> ProblemError:
    """What Arrow said about a Parquet file, in one line."""
    return ProblemError(f"{name}: not a Parquet file that can be read: {_told(error)}; write it again")


def _told(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:200]


def _arrow_name(encoding: str) -> str:
    return "utf8" if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig") else encoding


def _encoding(path: Path, name: str, said: str | None) -> tuple[str, bool]:
    """The encoding, and whether quotation marks are odd in number. Raises ProblemError for what is no text in it."""
    with path.open("rb") as file:
        start = file.read(4)
    if said is not None:
        found = "utf-8-sig" if _arrow_name(said) == "utf8" else said
    elif start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        found = "utf-32"
    else:
        found = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    wrong, odd = _scan(path, found)
    if wrong and said is None and found == "utf-8-sig":
        otherwise, odd = _scan(path, "cp1252")
        if not otherwise:
            return "cp1252", odd
    if wrong:
        raise ProblemError(f"{name}, {wrong}; save it as text in UTF-8, or say its encoding")
    return found, odd


def _scan(path: Path, encoding: str) -> tuple[str, bool]:
    """What is wrong with the text, "" for nothing, and whether its quotation marks are odd in number."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, quotes = 1, 0
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError as error:
                start, seen = getattr(error, "start", 0), getattr(error, "object", b"")
                at = line + seen[:start].count(b"\n") if isinstance(seen, bytes) else line
                return f"line {at} is not {encoding.removesuffix('-sig').upper()}", False
            if "\0" in text:
                return f"line {line + text[: text.index(chr(0))].count(chr(10))} holds a NUL: it is no text", False
            line, quotes = line + text.count("\n"), quotes + text.count('"')
            if not block:
                return "", quotes % 2 == 1


def _separator(sample: str) -> str:
    """The character that splits the header into the most cells, of those that split all rows alike if there are any."""
    best, score = ",", (False, 1)
    for separator in _SEPARATORS:
        rows = list(itertools.islice(csv.reader(io.StringIO(sample, newline=""), delimiter=separator), 100))
        widths = [len(row) for row in rows[: max(1, len(rows) - 1)] if row]  # the last may be cut off
        if widths and widths[0] > 1 and (alike := (len(set(widths)) == 1, widths[0])) > score:
            best, score = separator, alike
    return best


def _decimal(rows: list[list[str]]) -> str:
    """ "," where numbers are written so without a doubt: some have decimal commas, none a decimal point."""
    cells = [cell.strip() for row in rows for cell in row]
    commas = [cell for cell in cells if COMMA.fullmatch(cell)]
    sure = any(not _THOUSANDS.fullmatch(cell) for cell in commas)
    return "," if sure and not any(_POINT.fullmatch(cell) for cell in cells) else "."


def _digits(cell: str) -> bool:
    return cell.strip().lstrip("+-").isdigit()


def _refuse_open_quote(path: Path, name: str, encoding: str, separator: str) -> None:
    """An odd quotation mark swallows all rows after it; one inside a cell (5" pipe) does no harm."""
    with path.open(encoding=encoding, newline="") as file:
        reader, start = csv.reader(file, delimiter=separator, strict=True), 0
        try:
            for _ in reader:
                start = reader.line_num
        except csv.Error:
            raise ProblemError(
                f"{name}, line {start + 1}: a quotation mark is not closed; close or remove it"
            ) from None
