"""The configuration of a user's own data: what the YAML or TOML file may say. Source: spec/scenarios.md, "own".

Unknown keys are refused with the nearest known one; every message names the file and the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evenhand.errors import EvenhandError, ProblemError, UnknownNameError

__all__ = ["Burden", "OwnConfig", "Penalty", "Signal", "Windows", "read_config"]


class _Model(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Signal(_Model):
    """Where numbers come from: a number, a column of `data`, a column of another file, a wide file, or one per site.

    Written ``3.5``, ``price``, ``{file: a.csv, column: price}``, ``{file: a.csv}`` (one column per site), or
    ``{sites: {north: 1, south: 2}}``.
    """

    constant: float | None = None
    column: str | None = None
    file: str | None = None
    sites: dict[str, float] | None = None

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
    weight: float = Field(default=1.0, ge=0.0)
    norm: float | Literal["inf"] = "inf"
    target: Signal | None = None
    quota: Signal | None = None

    @model_validator(mode="after")
    def _meaning(self) -> Burden:
        if self.norm != "inf" and self.norm < 1.0:
            raise ValueError("norm must be at least 1, or inf")
        if self.target is not None and self.quota is not None:
            raise ValueError("give target or quota, not both")
        return self


class Penalty(_Model):
    """The convex cost of unserved demand u: price u + curvature u^2 / 2."""

    price: float | None = Field(default=None, ge=0.0)
    curvature: float = Field(default=0.0, ge=0.0)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if value == "penalty":
            return {}
        return {"price": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Windows(_Model):
    """Episodes: ``length`` rounds each, a new one every ``step`` rounds."""

    length: int = Field(ge=1)
    step: int | None = Field(default=None, ge=1)


class OwnConfig(_Model):
    """All keys of a configuration; docs/own-data.md explains them with examples."""

    name: str = ""
    title: str = ""
    data: str | None = None
    time: str = "time"
    site: str = "site"
    sites: tuple[str, ...] | None = None
    every: str | int | None = None
    demand: Signal
    capacity: Signal
    linear: Signal = Signal(constant=0.0)
    curvature: Signal = Signal(constant=0.0)
    burdens: tuple[Burden, ...] = Field(min_length=1)
    mu: float = Field(default=1.0, ge=0.0)
    beta: float = Field(default=0.0, ge=0.0)
    initial: Signal = Signal(constant=0.0)
    horizon: int | None = Field(default=None, ge=1)
    windows: Windows | None = None
    unserved: Penalty | None = None
    units: dict[str, str] = Field(default_factory=dict)


def read_config(config: str | Path | Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[OwnConfig, Path, str]:
    """The checked configuration, the folder its files are relative to, and its name for messages.

    config: a YAML or TOML file, a folder that holds exactly one, or a mapping of the same keys (files are then relative
    to the working folder); changes: top-level keys to replace. Raises ProblemError and UnknownNameError.
    """
    if isinstance(config, Mapping):
        return _checked({**config, **changes}, "configuration"), Path(), "configuration"
    path = Path(config)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml", ".toml"))
        if len(found) != 1:
            raise ProblemError(f"folder {str(path)!r} holds {len(found)} configurations: name the one to use")
        path = found[0]
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProblemError(f"cannot read {str(path)!r}: {error.strerror}; `evenhand new-scenario` writes one") from None
    except UnicodeDecodeError:
        raise ProblemError(f"{path.name} is not text in UTF-8: save it so") from None
    return _checked({**_parse(text, path), **changes}, path.name), path.parent, path.name


def _parse(text: str, path: Path) -> Mapping[str, Any]:
    if path.suffix == ".toml":
        import tomllib

        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ProblemError(f"{path.name} is not TOML: {error}") from None
    import yaml

    try:
        made = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ProblemError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(made, Mapping):
        raise ProblemError(f"{path.name} holds {type(made).__name__}: it must hold keys such as data, demand, capacity")
    return made


def _checked(data: Mapping[str, Any], where: str) -> OwnConfig:
    try:
        return OwnConfig.model_validate(dict(data))
    except ValidationError as error:
        raise _told(error, where) from None


def _told(error: ValidationError, where: str) -> EvenhandError:
    """The first problem in our words: unknown keys first, since they explain missing ones."""
    problems = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    place = ".".join(str(p) for p in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known(first["loc"][:-1])
        return UnknownNameError(f"key in {where}", str(first["loc"][-1]), known)
    if first["type"] == "missing":
        return ProblemError(f"{where}: {place} is missing: add it (see docs/own-data.md)")
    told = first["msg"].removeprefix("Value error, ")
    return ProblemError(f"{where}: {place} is {first['input']!r:.80}: {told[0].lower()}{told[1:]}")


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
