"""Names to objects to plain data. What sits in the family folders is found by itself; packages and files may add to it.

An object is named by its class (or by its `known_as`), in any case and with or without underscores (`FairOBD`,
`fairobd`, `fair_obd`), its parameters by keyword.
Packages declare an entry point in the group ``evenhand.<kind>``; the command line takes ``--plugin file.py``.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import math
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from evenhand.errors import EvenhandError, ParameterError, UnknownNameError

__all__ = [
    "KINDS",
    "catalogue",
    "construct",
    "from_plain",
    "kinds_in",
    "literal",
    "load_plugin",
    "lookup",
    "members",
    "parse",
    "plain_name",
    "plugins",
    "singular",
    "split_items",
    "strangers",
    "to_plain",
]

#: kind -> (where its members live, what a member has)
KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "policies": (("evenhand.policies",), ("init", "decide", "settle")),
    "scenarios": (("evenhand.scenarios", "evenhand.own"), ("line_up", "published")),
    "allocators": (("evenhand.allocation.allocators",), ("split",)),
    "fairness": (("evenhand.fairness",), ("budget", "conjugate", "project")),
    "costs": (("evenhand.costs",), ("value", "gradient", "strong_convexity")),
    "sets": (("evenhand.sets",), ("violation", "support")),
    "impacts": (("evenhand.impacts",), ("burden", "tilt")),
    "mirrors": (("evenhand.mirror",), ("step", "divergence")),
    "switching": (("evenhand.switching",), ("moves",)),
    "memory": (("evenhand.memory",), ("begin", "add", "remembered")),
    "utilities": (("evenhand.utilities",), ("value", "marginal", "take")),
}
#: what a class that is meant as one may have, where more than what tells it from others is worth a look
_ASKED: Mapping[str, tuple[str, ...]] = {
    **{kind: has for kind, (_, has) in KINDS.items()},
    "scenarios": ("length", "problem", "line_up", "published"),
    "sets": ("bounds", "violation", "support"),
    "impacts": ("entities", "burden", "tilt", "range"),
    "mirrors": ("order", "modulus", "step", "divergence"),
}
_PLUGINS: list[ModuleType] = []


def _modules(where: str) -> Iterator[ModuleType]:
    root = importlib.import_module(where)
    yield root
    for info in pkgutil.iter_modules(getattr(root, "__path__", [])):
        yield importlib.import_module(f"{where}.{info.name}")


def _classes(module: ModuleType) -> Iterator[type]:
    for item in vars(module).values():
        if inspect.isclass(item) and is_dataclass(item) and item.__module__ == module.__name__:
            yield item


@functools.cache
def _found(kind: str, plugins: tuple[ModuleType, ...]) -> Mapping[str, type]:
    places, has = KINDS[kind]
    return members(places, has, f"evenhand.{kind}")


def members(places: Iterable[str], has: Iterable[str], group: str) -> Mapping[str, type]:
    """Every dataclass with these attributes, by name: of modules in ``places``, of plugins, of entry points."""
    modules = [module for where in places for module in _modules(where)]
    found = [c for module in [*modules, *_PLUGINS] for c in _classes(module)]
    found += [point.load() for point in entry_points(group=group)]
    return {vars(c).get("known_as", c.__name__): c for c in found if _has(c, has)}


def catalogue(kind: str) -> Mapping[str, type]:
    """Every known member of a kind, by class name. Raises UnknownNameError for an unknown kind."""
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    return _found(kind, tuple(_PLUGINS))


def kinds_in(module: ModuleType) -> tuple[tuple[str, type], ...]:
    """(kind, class) of everything in a module that takes part, in the order of the file."""
    return tuple((kind, c) for c in _classes(module) for kind, (_, has) in KINDS.items() if _has(c, has))


def _has(member: type, names: Iterable[str]) -> bool:
    return all(hasattr(member, name) for name in names)


def strangers(module: ModuleType) -> Mapping[str, str]:
    """Classes of a module that look like a kind and are none, and what each lacks: ``Mine is no policy: ...``.

    To look like one is to have two things that it has, and half of all.
    """
    taken = {member for _, member in kinds_in(module)}
    found: dict[str, str] = {}
    for item in vars(module).values():
        if not inspect.isclass(item) or item in taken or item.__module__ != module.__name__:
            continue
        kind = max(_ASKED, key=lambda kind: sum(hasattr(item, name) for name in _ASKED[kind]))
        has = [name for name in _ASKED[kind] if hasattr(item, name)]
        missing = [name for name in _ASKED[kind] if name not in has]
        if not missing:
            why = "it is no dataclass; write @dataclass(frozen=True, slots=True) above it"
        elif len(has) >= 2 and len(has) >= len(missing):
            why = f"it has {', '.join(has)} and lacks {', '.join(missing)}"
        else:
            continue
        found[item.__name__] = f"{item.__name__} is no {singular(kind)}: {why}"
    return found


def load_plugin(path: str | Path) -> ModuleType:
    """Run a Python file and let its classes take part. Only ever called for a file the user names.

    Raises ParameterError for a file that fails, or whose only classes are nearly of a kind: the error says what lacks.
    """
    file = Path(path)
    if not file.is_file():
        raise ParameterError(f"plugin {str(path)!r} is not a file: give the path of a Python file")
    spec = importlib.util.spec_from_file_location(f"evenhand_plugin_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ParameterError(f"plugin {str(path)!r} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ParameterError(f"plugin {str(path)!r} failed: {type(error).__name__}: {error}") from error
    _PLUGINS.append(module)
    if not kinds_in(module) and (why := strangers(module)):
        _PLUGINS.remove(module)
        raise ParameterError(f"plugin {str(path)!r}: {'; '.join(why.values())}")
    return module


def plugins() -> tuple[str, ...]:
    """Paths of the plugin files that take part, for processes that must load them too."""
    return tuple(str(module.__file__) for module in _PLUGINS)


def plain_name(name: str) -> str:
    """A name as names are compared: case, _ and - do not matter."""
    return name.lower().replace("_", "").replace("-", "")


def lookup(kind: str, name: str) -> type:
    """The class of that name. Raises UnknownNameError with the nearest known name."""
    known = catalogue(kind)
    for title, member in known.items():
        if plain_name(title) == plain_name(name):
            return member
    for module in _PLUGINS:
        for title, why in strangers(module).items():
            if plain_name(title) == plain_name(name):
                raise ParameterError(f"plugin {str(module.__file__)!r}: {why}")
    raise UnknownNameError(singular(kind), name, known)


def singular(kind: str) -> str:
    """What one member of a kind is called."""
    irregular = {
        "policies": "policy",
        "fairness": "fairness cost",
        "switching": "switching cost",
        "costs": "hitting cost",
        "sets": "action set",
        "utilities": "utility",
    }
    return irregular.get(kind, kind.removesuffix("s"))


def construct(kind: str, name: str, settings: Mapping[str, Any]) -> Any:
    """Build a member by keyword; unknown parameters are rejected with the nearest known one."""
    member = lookup(kind, name)
    known = list(inspect.signature(member).parameters)
    for key in settings:
        if key not in known:
            raise UnknownNameError(f"parameter of {member.__name__}", key, known)
    try:
        return member(**settings)
    except EvenhandError:
        raise
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{member.__name__}: {error}") from None


def parse(kind: str, text: str) -> Any:
    """Build a member from text such as ``FairOBD(eta=1e-3, mirror=Entropy())`` or ``HitMin``."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ParameterError(f"cannot read {text!r}: write a name, or Name(parameter=value, ...)") from None
    return _from_node(kind, node, text)


def split_items(text: str) -> list[str]:
    """Split at commas outside parentheses, for lists that `parse` reads item by item."""
    items, depth, start = list[str](), 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            items.append(text[start:at])
            start = at + 1
    items.append(text[start:])
    return [item.strip() for item in items if item.strip()]


def _from_node(kind: str, node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Name):
        return construct(kind, node.id, {})
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (kind in ("switching", "memory") or not node.args)
    ):
        settings = {k.arg: _value(k.value, text) for k in node.keywords if k.arg}
        return construct(kind, node.func.id, _by_name(kind, node, text) | settings)
    raise ParameterError(f"cannot read {text!r}: write a name, or Name(parameter=value, ...) with parameters by name")


def _by_name(kind: str, node: ast.Call, text: str) -> dict[str, Any]:
    """What is given by position, by the names of its parameters: ``Linear(2.0)``, ``HalfLife(24)``; where it takes any
    number of parts, ``Sum(Linear(1.0), Squared(2.0))``, all of it under the name that stands beside them.
    """
    if not node.args:
        return {}
    assert isinstance(node.func, ast.Name)
    values = [_value(item, text) for item in node.args]
    known = inspect.signature(lookup(kind, node.func.id)).parameters
    if any(p.kind is p.VAR_POSITIONAL for p in known.values()):
        return {list(known)[-1]: tuple(values)}
    if len(values) > len(known):
        raise ParameterError(f"cannot read {text!r}: {node.func.id} has {len(known)} parameters, given {len(values)}")
    return dict(zip(known, values, strict=False))


def literal(text: str) -> Any:
    """One value as it stands in ``Name(parameter=value)``: a Python literal, inf, free, ball, or a record."""
    try:
        return _value(ast.parse(text.strip(), mode="eval").body, text)
    except SyntaxError:
        raise ParameterError(f"cannot read the value {text!r}: give a number or a name") from None


def _value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Name) and node.id in ("inf", "free", "ball", "weight", "onboard", "need"):
        return np.inf if node.id == "inf" else node.id
    if isinstance(node, ast.Call | ast.Name):
        name = node.id if isinstance(node, ast.Name) else getattr(node.func, "id", "")
        for kind in ("mirrors", "fairness", "switching", "memory", "policies"):
            if any(plain_name(c) == plain_name(name) for c in catalogue(kind)):
                return _from_node(kind, node, text)
        raise UnknownNameError("value", name or text, catalogue("mirrors"))
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(item, text) for item in node.elts]
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ParameterError(
            f"cannot read the value {ast.unparse(node)!r} in {text!r}: give a number or a name"
        ) from None


def to_plain(value: Any) -> Any:
    """A frozen record as JSON-ready data: {"type": name, field: ...};
    arrays keep shape and every bit of their floats.
    """
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, np.ndarray):
        numbers = value.reshape(-1).tolist()
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            numbers = [_bits(v) for v in numbers]
        return {"type": "array", "shape": list(value.shape), "data": numbers}
    if is_dataclass(value) and not isinstance(value, type):
        plain: dict[str, Any] = {"type": type(value).__name__}
        for name in _kept(type(value)):
            plain[name] = to_plain(getattr(value, name))
        return plain
    if isinstance(value, np.generic):
        return _bits(value.item())
    if isinstance(value, tuple | list):
        return [to_plain(v) for v in value]
    if isinstance(value, float):
        return _bits(value)
    if value is None or isinstance(value, str | int | bool):
        return value
    raise ParameterError(f"{type(value).__name__} cannot be written as plain data: use numbers, arrays and records")


@functools.cache
def _kept(record: type) -> tuple[str, ...]:
    """Names of the fields that a record is made of."""
    return tuple(f.name for f in fields(record) if f.init)


def _bits(value: Any) -> Any:
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def from_plain(data: Any) -> Any:
    """The inverse of `to_plain`. Only classes that are already known are built; nothing is imported by name."""
    if isinstance(data, list):
        return tuple(from_plain(v) for v in data)
    if isinstance(data, str) and data in ("inf", "-inf", "nan"):
        return float(data)
    if not isinstance(data, dict):
        return data
    kind = data.get("type")
    if kind == "array":
        try:
            values = np.array([float(v) for v in data["data"]], dtype=np.float64)
            return values.reshape(data["shape"])
        except (KeyError, TypeError, ValueError) as error:
            raise ParameterError(f"array is not readable ({error}): it needs a shape and as many numbers") from None
    known = _types(tuple(_PLUGINS))
    if kind not in known:
        known = {**known, **_live_types()}
    if not isinstance(kind, str) or kind not in known:
        raise UnknownNameError("type", str(kind), known)
    try:
        return known[kind](**{k: from_plain(v) for k, v in data.items() if k != "type"})
    except EvenhandError:
        raise
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{kind}: {error}") from None


@functools.cache
def _types(plugins: tuple[ModuleType, ...]) -> Mapping[str, type]:
    further = {"evenhand.core", "evenhand.simulation", "evenhand.planning"}
    wheres = sorted({where for places, _ in KINDS.values() for where in places} | further)
    modules = [module for where in wheres for module in _modules(where)] + list(plugins)
    # a package's policy brings its state, which stands in the same module
    modules += [sys.modules[member.__module__] for kind in KINDS for member in catalogue(kind).values()]
    return {c.__name__: c for module in modules for c in _classes(module)}


@functools.cache
def _live_types() -> Mapping[str, type]:
    """The records of a live controller: looked up last, because they bring the whole library with them."""
    return {c.__name__: c for module in _modules("evenhand.live") for c in _classes(module)}
