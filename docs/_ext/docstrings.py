"""Docstrings of this project are plain text: formulas in ASCII, ``name: what it is.`` for a parameter.

Here they become what Sphinx reads: parameters a list, formulas left as they stand, names in backquotes links.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from sphinx.application import Sphinx

#: text in one or two backquotes, which stays as it is
QUOTED = re.compile(r"(``.+?``|`[^`\n]+`)", re.S)
#: "name, other: " at the start of a sentence, with what may stand between name and colon ("eta > 0")
NAMED = re.compile(r"(?:^|(?<=[.;] ))((?:[a-z_]\w*)(?:, [a-z_]\w*)*)(?: (?:>|>=) 0)?: ")
RAISES = re.compile(r"(?:^|(?<=[.;] ))Raises ")


def escaped(text: str) -> str:
    """Text in which nothing is markup but what stands in backquotes."""
    parts = QUOTED.split(text)
    for at in range(0, len(parts), 2):
        parts[at] = re.sub(r"([\\*|_`])", r"\\\1", parts[at])
    return "".join(parts)


def fields(paragraph: str, known: set[str]) -> list[str]:
    """A paragraph as lines: what is no parameter as it is, then a field for every parameter, then what is raised."""
    text, raised = paragraph, ""
    if found := RAISES.search(text):
        text, raised = text[: found.start()].rstrip(), text[found.start() :]
    starts = [m for m in NAMED.finditer(text) if set(m[1].split(", ")) <= known]
    if not starts:
        return [escaped(paragraph), ""]
    lines = [escaped(text[: starts[0].start()].strip()), ""]
    for one, after in zip(starts, [*starts[1:], None], strict=True):
        said = text[one.end() : after.start() if after else None].strip().rstrip(".;")
        limit = re.search(r"(>=?) 0: $", one[0])
        for name in one[1].split(", "):
            lines.append(f":param {name}: {f'{limit[1]} 0; ' if limit else ''}{escaped(said)}")
    return [*lines, "", escaped(raised), ""]


def parameters(thing: Any) -> set[str]:
    """Names of the parameters of a class or function; none where there is no signature."""
    try:
        return set(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return set()


def process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite the lines of one docstring in place, as the event asks."""
    if what == "module" or any(line.lstrip().startswith((":param", ".. ")) for line in lines):
        return
    known = parameters(thing)
    told: list[str] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line.startswith(" "):  # set apart: code, or a formula on a line of its own
            told += [escaped(" ".join(paragraph)), ""] if paragraph else []
            told += ["::", "", f"   {line}", ""]
            paragraph = []
        elif line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            told += fields(" ".join(paragraph), known)
            paragraph = []
    lines[:] = told


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
