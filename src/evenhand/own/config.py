"""The configuration of a user's own data: what the YAML or TOML file may say. Source: spec/scenarios.md, "own".

Unknown keys are refused with the nearest known one; every message names the file and the key.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from evenhand.errors import EvenhandError, ParameterError, ProblemError, UnknownNameError, shown
from evenhand.own import SUFFIXES
from evenhand.own.source import LARGEST
from evenhand.own.yaml import read_yaml
from evenhand.tables import Format

__all__ = ["Burden", "Live", "Move", "OwnConfig", "Penalty", "Signal", "Stale", "Windows", "read_config"]


#: characters of a configuration, at most
LONGEST = 1 << 20


def _number(value: Any) -> Any:
    """Yes is no 1, and no number is so large that products of three overflow."""
    if isinstance(value, bool):
        raise ValueError("write a number")
    try:
        size = abs(float(value))
    except OverflowError:
        size = math.inf
    except (TypeError, ValueError):
        return value
    if size > LARGEST and not (isinstance(value, float | str) and math.isinf(size)):
        raise ValueError(f"it must be at most {LARGEST:g}; take a larger unit")
    return value


def _distance(value: Any) -> Any:
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise ValueError("write a distance such as 1h, 15min, a whole number, or any")
    return value


def _age(value: Any) -> Any:
    """Seconds, from a distance such as 15min or a number."""
    if isinstance(value, str):
        import pandas as pd

        try:
            value = pd.Timedelta(value).total_seconds()
        except (ValueError, OverflowError):
            value = 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError("write a distance such as 15min, or a number of seconds (of rounds, where times are numbers)")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("write a whole number")
    return value


Number = Annotated[float, BeforeValidator(_number)]
Age = Annotated[float, BeforeValidator(_age)]
Whole = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=1 << 53)]


class _Model(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True
    )


class Signal(_Model):
    """Where numbers come from: a number, a column of `data`, a column of another file, a wide file, or one per site.

    Written ``3.5``, ``price``, ``{file: a.csv, column: price}``, ``{file: a.csv}`` (one column per site), or
    ``{sites: {north: 1, south: 2}}``.
    """

    constant: Number | None = None
    column: str | None = None
    file: str | None = None
    sites: dict[str, Number] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"constant": value}
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> Signal:
        from_file = self.column is not None or self.file is not None
        if from_file + (self.constant is not None) + (self.sites is not None) != 1:
            raise ValueError("give a number, a column, a file, or sites, and only one of them")
        return self


class Burden(_Model):
    """One kind of burden: what a unit of x puts on its site, and how the average over time is priced.

    weight: mu of this burden (times the global mu); norm: p of its norm. target: pull the average towards it, both
    ways; quota: price what is missing of it (the signal then says what a unit of x gives).
    """

    signal: Signal
    name: str = ""
    weight: Number = Field(default=1.0, ge=0.0)
    norm: Annotated[float, Field(ge=1.0, allow_inf_nan=True), BeforeValidator(_number)] = math.inf
    target: Signal | None = None
    quota: Signal | None = None

    @model_validator(mode="after")
    def _meaning(self) -> Burden:
        if self.target is not None and self.quota is not None:
            raise ValueError("give target or quota, not both")
        return self


class Move(_Model):
    """What moving costs: kind and cost, per unit of x (per unit squared for `squared` and `weighted`); or limits.

    cost, rise, fall: numbers, or one per site. from_start: limits hold from `initial` on, not only from the second
    round.
    """

    kind: Literal["squared", "weighted", "linear", "ramp_up", "ramp_down", "limits"]
    cost: Signal | None = None
    rise: Signal | None = None
    fall: Signal | None = None
    from_start: bool = True

    @model_validator(mode="after")
    def _meaning(self) -> Move:
        limits = self.kind == "limits"
        if limits == (self.rise is None and self.fall is None):
            raise ValueError("limits have rise, fall or both; the other kinds have neither")
        if limits == (self.cost is not None):
            raise ValueError("every kind but limits has a cost, limits have none: list them beside it")
        return self


def _moves(value: Any) -> Any:
    """One way of moving, or a list of them that add up."""
    return (value,) if isinstance(value, Mapping) else value


class Memory(_Model):
    """What fairness remembers: a half-life in rounds, or a window of so many."""

    half_life: Number | None = Field(default=None, gt=0.0)
    window: Whole | None = None

    @model_validator(mode="after")
    def _one(self) -> Memory:
        if (self.half_life is None) == (self.window is None):
            raise ValueError("give half_life or window, in rounds, and only one of them")
        return self


class Penalty(_Model):
    """The convex cost of unserved demand u: price u + curvature u^2 / 2."""

    price: Number | None = Field(default=None, ge=0.0)
    curvature: Number = Field(default=0.0, ge=0.0)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if value == "penalty":
            return {}
        return {"price": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Windows(_Model):
    """Episodes: ``length`` rounds each, a new one every ``step`` rounds."""

    length: Whole
    step: Whole | None = None


class Writing(_Model):
    """How the CSV files are written: the character between cells, the decimal point, the encoding; or guessed."""

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None

    @model_validator(mode="after")
    def _possible(self) -> Writing:
        try:
            self.form()
        except ParameterError as error:
            raise ValueError(str(error)) from None
        return self

    def form(self) -> Format:
        """The same for the reader."""
        return Format(self.separator, self.decimal, self.encoding)


class Stale(_Model):
    """When a signal is too old, and what happens then. stale_after: a distance in time, or a number of rounds."""

    stale_after: Age | None = None
    when_stale: Literal["hold", "last_seen", "refuse"] = "hold"


class Live(_Model):
    """A live controller: staleness of all signals and of some, bounds on moves, the kill switch. See docs/live.md."""

    stale_after: Age | None = None
    when_stale: Literal["hold", "last_seen", "refuse"] = "hold"
    signals: dict[str, Stale] = Field(default_factory=dict)
    max_move: Signal | None = None
    max_total_move: Number | None = Field(default=None, ge=0.0)
    hold: bool = False


class OwnConfig(_Model):
    """All keys of a configuration; docs/own-data.md explains them with examples."""

    name: str = Field(default="", max_length=100)
    title: str = ""
    data: str | None = None
    csv: Writing = Writing()
    time: str = "time"
    site: str = "site"
    sites: tuple[str, ...] | None = None
    every: Annotated[str | int | None, BeforeValidator(_distance)] = None
    demand: Signal
    capacity: Signal
    linear: Signal = Signal(constant=0.0)
    curvature: Signal = Signal(constant=0.0)
    burdens: tuple[Burden, ...] = Field(min_length=1)
    mu: Number = Field(default=1.0, ge=0.0)
    beta: Number = Field(default=0.0, ge=0.0)
    switching: Annotated[tuple[Move, ...], BeforeValidator(_moves)] = ()
    memory: Memory | None = None
    initial: Signal = Signal(constant=0.0)
    horizon: Whole | None = None
    windows: Windows | None = None
    unserved: Penalty | None = None
    units: dict[str, str] = Field(default_factory=dict)
    policy: str = "AdaptiveFairOBD"
    live: Live = Live()
    connect: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> OwnConfig:
        if self.beta and self.switching:
            raise ValueError("give beta or switching: beta is short for {kind: squared, cost: beta}")
        return self

    @field_validator("name")
    @classmethod
    def _folder(cls, value: str) -> str:
        if any(letter in "/\\" or not letter.isprintable() for letter in value) or value in (".", ".."):
            raise ValueError("results go into a folder of that name: leave out / and what cannot be printed")
        return value


def read_config(config: Any, changes: Mapping[str, Any], folder: str | Path = "") -> tuple[OwnConfig, Path, str]:
    """The checked configuration, the folder its files are relative to, and its name for messages.

    config: a YAML or TOML file, a folder that holds exactly one, or a mapping of the same keys (files are then relative
    to ``folder``, by default the working folder); changes: top-level keys to replace.
    Raises ProblemError and UnknownNameError.
    """
    if isinstance(config, Mapping):
        return _checked({**config, **changes}, "configuration"), Path(folder), "configuration"
    if not isinstance(config, str | os.PathLike):
        raise ParameterError(
            f"config is {shown(config)}: give the path of a YAML or TOML file, or a mapping of its keys"
        )
    path = Path(config)
    if os.path.isdir(path):
        try:
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        except OSError as error:
            raise ProblemError(f"cannot read folder {str(path)!r}: {error.strerror}; name the configuration") from None
        if len(found) != 1:
            raise ProblemError(f"folder {str(path)!r} holds {len(found)} configurations: name the one to use")
        path = found[0]
    return _checked({**_parse(_text(path), path), **changes}, path.name), path.parent, path.name


def _text(path: Path) -> str:
    """The text of a configuration. Raises ProblemError in one line for whatever is none."""
    if path.suffix.lower() not in SUFFIXES:
        raise ProblemError(f"{str(path)!r} ends in {path.suffix!r}: a configuration ends in .yaml, .yml or .toml")
    if os.path.exists(path) and not os.path.isfile(path):
        raise ProblemError(f"cannot read {str(path)!r}: it is no file; `evenhand new-scenario` writes one")
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LONGEST + 1)
    except UnicodeDecodeError:
        raise ProblemError(f"{path.name} is not text in UTF-8: save it so") from None
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise ProblemError(f"cannot read {str(path)!r}: {told}; `evenhand new-scenario` writes one") from None
    if len(text) > LONGEST:
        raise ProblemError(
            f"{path.name} has more than {LONGEST} characters: a configuration is short, put data in tables"
        )
    return text


def _parse(text: str, path: Path) -> Mapping[str, Any]:
    if path.suffix.lower() != ".toml":
        return read_yaml(text, path.name)
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of more digits than Python reads is no TOMLDecodeError
        told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ProblemError(f"{path.name} is not TOML: {told}") from None


def _checked(data: Mapping[str, Any], where: str) -> OwnConfig:
    try:
        return OwnConfig.model_validate(dict(data))
    except ValidationError as error:
        raise _told(error, where) from None
    except RecursionError:
        raise ProblemError(f"{where} is nested too deeply: see docs/own-data.md") from None
    except ValueError as error:  # a whole number of more digits than Python writes, where text should be
        raise ProblemError(f"{where} holds a value that cannot be read: {shown(error)}; put it in quotes") from None


def _told(error: ValidationError, where: str) -> EvenhandError:
    """The first problem in our words: unknown keys first, since they explain missing ones."""
    problems = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    place = ".".join(str(p) for p in first["loc"] if isinstance(p, int) or p.isidentifier()) or "the whole"
    if first["type"] == "extra_forbidden":
        known = _known(first["loc"][:-1])
        return UnknownNameError(f"key in {where}", str(first["loc"][-1]), known)
    if first["type"] == "missing":
        return ProblemError(f"{where}: {place} is missing: add it (see docs/own-data.md)")
    value = shown(first["input"])
    if "[key]" in first["loc"]:
        return ProblemError(f"{where}: {place} has the key {value}: write it in quotes")
    words = _WORDS.get(first["type"])
    told = words.format(**first.get("ctx", {})) if words else first["msg"].removeprefix("Value error, ")
    return ProblemError(f"{where}: {place} is {value}: {told}")


_TEXT = "write text (in quotes where it looks like a number, a date, yes or no)"
#: what is wrong, in our words; the other kinds carry a text of ours
_WORDS = {
    "greater_than_equal": "it must be at least {ge:g}",
    "less_than_equal": "it must be at most {le:g}",
    "finite_number": "write a finite number",
    "literal_error": "write {expected}",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_parsing_size": "write a smaller whole number",
    "int_from_float": "write a whole number",
    "bool_type": "write yes or no",
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_long": "write at most {max_length} characters",
    "tuple_type": "write a list, [a, b]",
    "dict_type": "write keys and values, {{a: 1, b: 2}}",
    "model_type": "write keys and values (see docs/own-data.md)",
    "model_attributes_type": "write keys and values (see docs/own-data.md)",
    "too_short": "name at least one",
    "recursion_loop": "it holds itself",
}


def _known(place: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = OwnConfig
    for key in place:
        if isinstance(key, str) and key in model.model_fields:
            model = _model_in(model.model_fields[key].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_in, get_args(annotation)) if m is not None), None)
