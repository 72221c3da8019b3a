"""The checks over a file: its classes, what they are tried as, and why one is no member of any kind."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from evenhand.checks.promises import Check, Verdict
from evenhand.checks.suite import examine
from evenhand.core import Problem
from evenhand.errors import EvenhandError, ParameterError, listed, shown
from evenhand.registry import KINDS, kinds_in, load_plugin, parse, plain_name, singular, strangers

__all__ = ["examine_file"]

#: what is said of a class that looks like a kind and is none
_LOOK = Check("kind", "what its kind is asked for", lambda case: None, "add what is missing")


def examine_file(
    path: Path, examples: Sequence[str] = (), problem: Problem | None = None
) -> tuple[tuple[str, str, tuple[Verdict, ...]], ...]:
    """(what was tried, its kind, verdicts) of everything in a file. The file is run: name one that you trust.

    examples: texts such as ``MyPolicy(weight=0.5)``, tried in place of the file's own EXAMPLES; problem: what policies
    are played on. Raises ParameterError for a file that cannot be run, has nothing of any kind, or a class that cannot
    be built.
    """
    module = load_plugin(path)
    members = kinds_in(module)
    near = strangers(module)
    if not members and not near:
        raise ParameterError(f"{str(path)!r} has no class of any kind ({', '.join(KINDS)}): `evenhand new` writes one")
    found = [(name, "of no kind", (Verdict(_LOOK, why),)) for name, why in near.items()]
    given = [_parsed(members, text) for text in examples] or list(_own(module, members))
    for kind, member in members:
        tried = [one for one in given if type(one) is member]
        if not tried and not examples:
            tried = [_built(member, path)]
        found += [(_written(one), singular(kind), examine(kind, one, problem)) for one in tried]
    return tuple(found)


def _written(one: Any) -> str:
    """One as it would be written in code: ``MyPolicy(weight=0.5)``."""
    try:
        plain = {f.name: getattr(one, f.name) for f in fields(one) if f.init}
        told = ", ".join(f"{k}={v.tolist() if isinstance(v, np.ndarray) else v!r}" for k, v in plain.items())
    except Exception:  # a field that was never set, or a class whose repr fails
        return shown(one)
    text = f"{type(one).__name__}({told})"
    return text if len(text) <= 160 else f"{text[:157]}..."


def _own(module: ModuleType, members: Sequence[tuple[str, type]]) -> tuple[Any, ...]:
    """The EXAMPLES of a file. Raises ParameterError for what is none of its members."""
    given = listed("EXAMPLES", getattr(module, "EXAMPLES", ()), "a tuple of what is to be checked")
    for one in given:
        if type(one) not in {member for _, member in members}:
            raise ParameterError(f"EXAMPLES holds {shown(one)}: give instances of the classes of the file")
    return given


def _parsed(members: Sequence[tuple[str, type]], text: str) -> Any:
    name = text.partition("(")[0].strip()
    for kind, member in members:
        if plain_name(member.__name__) == plain_name(name):
            return parse(kind, text)
    there = ", ".join(dict.fromkeys(member.__name__ for _, member in members)) or "none"
    raise ParameterError(f"--example {shown(text)} names no class of the file, which has: {there}")


def _built(member: type, path: Path) -> Any:
    """One without arguments. Raises ParameterError where it needs some."""
    needed = [
        p.name
        for p in inspect.signature(member).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    name = member.__name__
    if needed:
        told = f"{name} of {str(path)!r} needs {', '.join(needed)}"
        example = f"{name}({', '.join(f'{one}=...' for one in needed)})"
        raise ParameterError(f"{told}: write EXAMPLES = ({example},) at the end of the file, or give --example")
    try:
        return member()
    except EvenhandError:
        raise
    except Exception as error:
        raise ParameterError(f"{name}() of {str(path)!r} fails: {type(error).__name__}: {error}") from error
