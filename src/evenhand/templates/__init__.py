"""What `evenhand new` writes: one working file a kind. `Template` stands where the new class's name goes."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from evenhand.errors import ParameterError, UnknownNameError, shown
from evenhand.registry import catalogue, plain_name, singular

__all__ = ["TEMPLATES", "class_name", "written"]

#: what is asked for -> the kind of the registry
TEMPLATES: Mapping[str, str] = {
    "policy": "policies",
    "fairness": "fairness",
    "switching": "switching",
    "cost": "costs",
    "utility": "utilities",
    "scenario": "scenarios",
}


def class_name(path: Path) -> str:
    """The class of a file: ``my_policy.py`` holds MyPolicy. Raises ParameterError for a name that is none."""
    stem = path.stem
    if path.suffix != ".py" or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", stem) or len(stem) > 60:
        raise ParameterError(
            f"file is {shown(path.name)}: its class is named after it, so use letters, digits and _, such as "
            "my_policy.py"
        )
    return "".join(part[:1].upper() + part[1:] for part in stem.split("_"))


def written(kind: str, path: Path) -> str:
    """The text of a new file. Raises UnknownNameError for a kind, ParameterError for a name that is taken."""
    if kind not in TEMPLATES:
        raise UnknownNameError("kind of file", kind, TEMPLATES)
    name, text = class_name(path), files("evenhand.templates").joinpath(f"{kind}.py").read_text("utf-8")
    known = next((k for k in catalogue(TEMPLATES[kind]) if plain_name(k) == plain_name(name)), None)
    if known is not None:
        raise ParameterError(
            f"file is {shown(path.name)}: {known} is a {singular(TEMPLATES[kind])} already; choose another name"
        )
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    taken = {name, f"{name}State"} & (used - {"Template", "TemplateState"})
    if taken or keyword.iskeyword(name) or hasattr(builtins, name):
        raise ParameterError(f"file is {shown(path.name)}: {name} means something else in it; choose another name")
    return re.sub(r"\bTemplate(?=\b|State\b)", name, text).replace("template.py", path.name)
