"""The ``connect:`` section of a configuration: which sources, which targets, how patient. Source: docs/connect.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evenhand.connect.link import Patience
from evenhand.connect.records import Source, Target
from evenhand.errors import EvenhandError, ProblemError, UnknownNameError, shown
from evenhand.live.configure import configured
from evenhand.live.records import Controller
from evenhand.own.config import Age, read_config
from evenhand.registry import members

__all__ = ["Connections", "kinds_of", "read_connections"]


class _Section(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    every: Age | None = None
    timeout: Age = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    sources: tuple[dict[str, Any], ...] = ()
    targets: tuple[dict[str, Any], ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Connections:
    """A controller and what it is connected to.

    folder: of the configuration. every: seconds between rounds, None where the caller says when. fields: of each
    source, as the observation names them.
    """

    controller: Controller
    folder: Path
    every: float | None
    patience: Patience
    sources: tuple[Source, ...]
    targets: tuple[Target, ...]
    fields: tuple[str, ...]


def kinds_of(what: str) -> Mapping[str, type]:
    """Every kind of ``sources`` or ``targets`` by its name: built in, of packages, of plugins."""
    has = ("gather",) if what == "sources" else ("present", "plan", "send")
    return members((f"evenhand.connect.{what}",), has, f"evenhand.{what}")


def read_connections(config: Any) -> Connections:
    """Check a configuration, a file or a mapping, with its ``connect:`` section.

    Raises ProblemError and UnknownNameError naming the key.
    """
    settings, folder, where = read_config(config, {})
    if settings.sites is None:
        raise ProblemError(f"{where}: sites are not listed, and connections have to know them: add sites: [...]")
    if not settings.connect:
        raise ProblemError(
            f"{where} has no connect: section: say there what to read and where to send (docs/connect.md)"
        )
    try:
        section = _Section.model_validate(settings.connect)
    except ValidationError as error:
        raise _told(error, f"{where}, connect", tuple(_Section.model_fields)) from None
    controller = configured(settings, where)
    sources = tuple(_made("sources", i, one, where) for i, one in enumerate(section.sources))
    targets = tuple(_made("targets", i, one, where) for i, one in enumerate(section.targets))
    fields = tuple(
        _field(controller, source.field, f"{where}, connect.sources.{i}") for i, source in enumerate(sources)
    )
    _all_told(controller, fields, where)
    patience = Patience(section.timeout, section.attempts)
    return Connections(controller, folder, section.every, patience, sources, targets, fields)


def _made(what: str, index: int, keys: Mapping[str, Any], where: str) -> Any:
    place = f"{where}, connect.{what}.{index}"
    known = kinds_of(what)
    kind = str(keys.get("kind"))
    if kind not in known:
        raise UnknownNameError(f"kind in {place}", kind, known)
    member = known[kind]
    rest = {name: value for name, value in keys.items() if name != "kind"}
    for name in rest:
        if name not in member.__dataclass_fields__:  # pyright: ignore[reportAttributeAccessIssue]
            raise UnknownNameError(f"key in {place} ({kind})", str(name), member.__dataclass_fields__)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        return TypeAdapter(member).validate_python(rest)
    except ValidationError as error:
        raise _told(error, place, ()) from None


def _told(error: ValidationError, place: str, known: tuple[str, ...]) -> EvenhandError:
    """The first problem, in one line: place, value and what is wrong with it."""
    first = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return UnknownNameError(f"key in {place}", key, known)
    if first["type"] in ("missing", "missing_argument"):
        return ProblemError(f"{place}: {key} is missing: add it (see docs/connect.md)")
    said = "" if key.startswith("server") else f" is {shown(first['input'])}"  # a URL may hold a password
    return ProblemError(f"{place}: {key}{said}: {first['msg'].removeprefix('Value error, ')}")


def _field(controller: Controller, field: str, place: str) -> str:
    """A field as an observation names it: a kind of burden stands for its signal."""
    sites = controller.sites
    known = {name: name for name in (*sites.fields, "applied")} | {
        f"borne.{kind}": f"borne.{kind}" for kind in sites.kinds
    }
    known |= {kind: f"burdens.{kind}" for kind in sites.kinds if kind not in known}
    if field not in known:
        raise UnknownNameError(f"field in {place}", field, known)
    return known[field]


def _all_told(controller: Controller, fields: tuple[str, ...], where: str) -> None:
    """Every signal that is measured has one source."""
    import numpy as np

    for field in set(fields):
        if fields.count(field) > 1:
            raise ProblemError(f"{where}: connect.sources give {field} {fields.count(field)} times: keep one")
    for field in controller.sites.fields:
        measured = bool(np.isnan(controller.sites.fixed[controller.sites.part(field)]).any())
        if measured and field not in fields:
            raise ProblemError(f"{where}: {field} is measured, and no source gives it: add one under connect.sources")
