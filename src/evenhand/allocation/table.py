"""A fleet from a table, one row an agent: what a CSV or Parquet file of agents may contain.

One resource:      agent, family (or `utility`), its parameters, and optionally scale, onboard, weight, lower,
                   upper.
Several resources: agent, optionally scale, weight, and for each resource gamma_<name> and optionally
                   onboard_<name>, lower_<name>, upper_<name> (Cobb-Douglas; no family column, or cobb_douglas in it).
An empty cell takes the default: scale 1, onboard 0, weight 1, lower 0, upper unlimited. scale multiplies the
utility, which is what fairness levels and measures look at; weight is how much the agent counts. `family` may be
left out if the parameters present belong to one family only. measured_low and measured_high, the range a fitted
utility was measured on, may stand there and are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.files import row_of
from evenhand.allocation.fleet import Fleet
from evenhand.errors import ParameterError, ProblemError, UnknownNameError, expect, shown
from evenhand.interchange import as_pandas
from evenhand.utilities.alpha_fair import AlphaFair
from evenhand.utilities.base import Utility
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.exponential import Exponential
from evenhand.utilities.log import Log
from evenhand.utilities.mixed import Mixed
from evenhand.utilities.power import Power
from evenhand.utilities.saturating import Saturating

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FAMILIES", "column_of", "fleet_from_table", "known_columns", "names_of", "utility_of"]

Array = NDArray[np.float64]
_MEASURED = ("measured_low", "measured_high")
_DEFAULTS = {"onboard": 0.0, "weight": 1.0, "lower": 0.0, "upper": np.inf}
#: family name in a table → its parameters (columns) with defaults (None: must be given) and its constructor,
#: which takes the scale after them
FAMILIES: Mapping[str, tuple[Mapping[str, float | None], Callable[..., Utility]]] = {
    "power": ({"gamma": None}, Power),
    "log": ({"shift": 0.0}, Log),
    "alpha_fair": ({"alpha": None}, AlphaFair),
    "saturating": ({"a": None, "b": None, "c": None}, Saturating),
    "exponential": ({"a": None, "k": None}, Exponential),
}


def fleet_from_table(frame: Any, resource: str = "resource", source: str = "the table") -> Fleet:
    """The fleet described by a table, one row an agent: a pandas, polars, Arrow or any other dataframe.

    resource: the name of a single resource; source: what the table is called in errors.

    Raises ProblemError naming row (in a frame of one's own the first is 2, as in a spreadsheet), column, value and
    remedy; UnknownNameError for a column or family that is not known.
    """
    frame = as_pandas("frame", frame)
    expect("resource", resource, str, "the name of the resource")
    expect("source", source, str, "what the table is called in messages")
    if len(frame) == 0:
        raise ProblemError(f"{source}: no agents; give at least one row under the header")
    if "utility" in frame.columns and "family" not in frame.columns:
        frame = frame.rename(columns={"utility": "family"})
    several = [str(c)[len("gamma_") :] for c in frame.columns if str(c).startswith("gamma_")]
    names = names_of(frame, source)
    if several:
        known = ["agent", "scale", "weight", "family", *(f"{kind}_{k}" for k in several for kind in _KINDS)]
        known_columns(frame, known, source)
        exponents = np.stack([column_of(frame, f"gamma_{k}", None, source) for k in several], axis=1)
        arrays = {
            kind: np.stack([column_of(frame, f"{kind}_{k}", _DEFAULTS[kind], source) for k in several], axis=1)
            for kind in ("onboard", "lower", "upper")
        }
        weight = column_of(frame, "weight", 1.0, source)
        _check_order(frame, arrays["lower"], arrays["upper"], source)
        for k, name in enumerate(several):
            wrong = ~((exponents[:, k] >= 0.0) & (exponents[:, k] < 1.0))
            if np.any(wrong):
                row = int(np.argmax(wrong))
                raise ProblemError(
                    f"{source}: {row_of(frame, row)}, column 'gamma_{name}' = "
                    f"{float(exponents[row, k])!r} is outside [0, 1); correct it"
                )
        utility = CobbDouglas(exponents, column_of(frame, "scale", 1.0, source))
        return Fleet(utility, weight=weight, names=names, resources=several, **arrays)
    parameters = {p for family, _ in FAMILIES.values() for p in family}
    known_columns(frame, ["agent", "family", "scale", *_DEFAULTS, *sorted(parameters), *_MEASURED], source)
    single = {kind: column_of(frame, kind, default, source) for kind, default in _DEFAULTS.items()}
    _check_order(frame, single["lower"], single["upper"], source)
    return Fleet(utility_of(frame, source), names=names, resources=[resource], **single)


def _check_order(frame: pd.DataFrame, lower: Array, upper: Array, source: str) -> None:
    wrong = (lower > upper).reshape(lower.shape[0], -1)
    if np.any(wrong):
        row, k = (int(v) for v in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
        low, high = (float(a.reshape(wrong.shape)[row, k]) for a in (lower, upper))
        raise ProblemError(f"{source}: {row_of(frame, row)}: lower = {low!r} > upper = {high!r}; swap or correct them")


_KINDS = ("gamma", "onboard", "lower", "upper")


def utility_of(frame: pd.DataFrame, source: str) -> Utility:
    """The utility that the columns `family`, its parameters and `scale` describe."""
    families = _families(frame, source)
    used = list(dict.fromkeys(families))
    member = np.array([used.index(f) for f in families])
    parts: list[Utility] = []
    for j, family in enumerate(used):
        needs, make = FAMILIES[family]
        rows = np.flatnonzero(member == j)
        values = [column_of(frame, name, default, source, rows) for name, default in (*needs.items(), ("scale", 1.0))]
        parts.append(_made(make, values, frame, rows, source))
    return parts[0] if len(parts) == 1 else Mixed(parts, member)


def _families(frame: pd.DataFrame, source: str) -> list[str]:
    if "family" in frame.columns:
        families = [str(f).strip().lower().replace("-", "_") for f in frame["family"]]
        for row, family in enumerate(families):
            if family not in FAMILIES:
                where = f"{source}: {row_of(frame, row)}, column 'family': utility family"
                raise UnknownNameError(where, family, FAMILIES)
        return families
    able = [f for f, (needs, _) in FAMILIES.items() if f != "log" and all(p in frame.columns for p in needs)]
    able = [f for f in able if not any(set(FAMILIES[f][0]) < set(FAMILIES[g][0]) for g in able)]
    if len(able) != 1:
        raise ProblemError(f"{source}: add a column 'family' with one of {', '.join(FAMILIES)} in each row")
    return able * len(frame)


def names_of(frame: pd.DataFrame, source: str, kind: str = "agent") -> list[str]:
    """The distinct labels in the column `kind`; the rows' numbers where it is not there."""
    if kind not in frame.columns:
        return [str(i) for i in range(len(frame))]
    missing = frame[kind].isna().to_numpy()
    if missing.any():
        where = row_of(frame, int(missing.argmax()))
        raise ProblemError(f"{source}: {where}, column {kind!r} is empty; name the {kind}")
    names = [str(v) for v in frame[kind]]
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        if name in first:
            rows = f"in {row_of(frame, first[name])} and in {row_of(frame, row)}"
            raise ProblemError(f"{source}: {kind} {name!r} is {rows}; merge or rename")
        first[name] = row
    return names


def known_columns(frame: pd.DataFrame, known: list[str], source: str) -> None:
    """Raise UnknownNameError for a column that plays no part."""
    for column in frame.columns:
        if str(column) not in known:
            raise UnknownNameError(f"column in {source}:", str(column), known)


def column_of(
    frame: pd.DataFrame, name: str, default: float | None, source: str, rows: NDArray[np.int64] | None = None
) -> Array:
    """Numbers of a column (of some rows); empty cells take the default, None means they may not be empty."""
    import pandas as pd

    index = np.arange(len(frame)) if rows is None else rows
    if name not in frame.columns:
        if default is None:
            raise ProblemError(
                f"{source}: column {name!r} is missing ({row_of(frame, int(index[0]))} needs it); add it"
            )
        return np.full(index.size, default)
    cells: Any = frame[name].iloc[index]
    empty = np.asarray(cells.isna()) | np.asarray(cells.astype(str).str.strip() == "")
    numbers = np.array(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)
    numbers[empty] = np.nan if default is None else default
    kind = name.split("_")[0] if name not in _RULES else name
    ok, rule = _RULES.get(kind, (np.isfinite, "give a finite number"))
    bad = ~ok(numbers)
    if np.any(bad):
        at = int(np.argmax(bad))
        where = f"{source}: {row_of(frame, int(index[at]))}, column {name!r}"
        raise ProblemError(f"{where} is empty; {rule}" if empty[at] else f"{where} = {shown(cells.iloc[at])}; {rule}")
    return numbers


_FINITE = (lambda v: (v >= 0.0) & (v < np.inf), "give a finite number, 0 or more")
#: columns whose range does not depend on the family, as (check, remedy); the families check their own
_RULES: dict[str, tuple[Callable[[Array], Any], str]] = {
    "scale": (lambda v: (v > 0.0) & (v < np.inf), "give a finite number above 0 (empty: 1)"),
    "onboard": _FINITE,
    "weight": _FINITE,
    "lower": _FINITE,
    "upper": (lambda v: v >= 0.0, "give a number, 0 or more (empty: unlimited)"),
    "throughput": _FINITE,
    "workers": (lambda v: (v > 0.0) & (v < np.inf), "give a finite number above 0 (empty: 1)"),
    "limit": (lambda v: (v >= 0.0) & (v <= 1.0), "give a part of the time, 0 to 1 (empty: 1)"),
}


def _made(
    make: Callable[..., Utility], values: list[Array], frame: pd.DataFrame, rows: NDArray[np.int64], source: str
) -> Utility:
    """A family from its columns; if a value is outside its domain, the error names the row."""
    try:
        return make(*values)
    except ParameterError:
        good, bad = 0, rows.size  # the first `good` rows make a utility, the first `bad` do not
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                make(*(v[:middle] for v in values))
                good = middle
            except ParameterError:
                bad = middle
        try:
            return make(*(v[good:bad] for v in values))
        except ParameterError as e:
            text = str(e).replace("[0]", "").replace("[0, ", "[")
            raise ProblemError(f"{source}: {row_of(frame, int(rows[good]))}: {text}") from e
