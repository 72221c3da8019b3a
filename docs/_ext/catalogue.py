"""Tables made from the registry and the command line when the pages are built: nothing is listed by hand.

:::{catalogue} policies     every member of a kind: name, one line, parameters
:::{verbs}                  every command, with its line and its example
:::{names} run.play …       public names with their lines, and below their full descriptions
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import evenhand
from evenhand.cli.app import VERBS
from evenhand.registry import catalogue

#: letters of a default that is shown
LONGEST = 30


def first_sentence(thing: Any) -> str:
    """The first paragraph of a docstring as one line of Markdown."""
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    parts = text.replace("``", "`").split("`")
    parts[::2] = [re.sub(r"([|<>*_\\[\]{}])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def parameters(member: type) -> str:
    """``name`` = default, in the order of the signature."""
    told = []
    for p in inspect.signature(member).parameters.values():
        if p.default is p.empty:
            told.append(f"`{p.name}`")
        else:
            text = re.sub(r"\s+", " ", repr(p.default)).replace("<factory>", "{}")
            told.append(f"`{p.name} = {text if len(text) <= LONGEST else '…'}`")
    return ", ".join(told) or "none"


class Catalogue(SphinxDirective):
    """One row for every member of a kind."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows = [":::{list-table}", ":header-rows: 1", ":widths: 20 50 30", ":class: catalogue", ""]
        rows += ["* - Name", "  - What it is", "  - Parameters"]
        for name, member in sorted(catalogue(self.arguments[0]).items(), key=lambda item: item[0].lower()):
            public = getattr(evenhand, name, None) is member
            title = f"{{py:obj}}`~evenhand.{name}`" if public else f"`{name}`"
            rows += [f"* - {title}", f"  - {first_sentence(member)}", f"  - {parameters(member)}"]
        return self.parse_text_to_nodes("\n".join([*rows, ":::"]))


class Verbs(SphinxDirective):
    """One row for every command."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows = [":::{list-table}", ":header-rows: 1", ":widths: 22 48 30", "", "* - Command"]
        rows += ["  - What it does", "  - For example"]
        for name, verb in VERBS.items():
            told = inspect.getdoc(verb) or ""
            example = re.search(r"Examples?: (.+)", told)
            shown = example[1].split(";")[0].strip() if example else ""
            rows += [f"* - `evenhand {name}`", f"  - {first_sentence(verb)}", f"  - `{shown}`" if shown else "  - "]
        return self.parse_text_to_nodes("\n".join([*rows, ":::"]))


class Names(SphinxDirective):
    """Public names of one noun: a table of them first, then each in full."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The table, then autodoc of each."""
        names = " ".join(self.content).split()
        if names == ["rest"]:
            names = sorted(set(evenhand.__all__) - named(Path(self.env.srcdir)))
        if not names:
            return self.parse_text_to_nodes("Nothing is left over: every public name stands on one of the pages above.")
        lines = [":::{list-table}", ":widths: 25 75", ":class: catalogue", ""]
        for name in names:
            lines += [f"* - {{py:obj}}`~evenhand.{name}`", f"  - {first_sentence(getattr(evenhand, name))}"]
        lines += [":::", "", "```{eval-rst}", ".. currentmodule:: evenhand"]
        for name in names:
            thing = getattr(evenhand, name)
            if inspect.isclass(thing):
                members = ", ".join(shown(thing))
                lines += ["", f".. autoclass:: {name}", *([f"   :members: {members}"] if members else [])]
            elif inspect.ismodule(thing):
                lines += ["", f".. automodule:: {thing.__name__}", "   :members:"]
            elif inspect.isfunction(thing):
                lines += ["", f".. autofunction:: {name}"]
            else:
                lines += ["", f".. autodata:: {name}", "   :no-value:"]
        return self.parse_text_to_nodes("\n".join([*lines, "```"]))


def named(folder: Path) -> set[str]:
    """Public names that stand in some `names` block of the reference."""
    pages = "".join(page.read_text("utf-8") for page in sorted((folder / "api").glob("*.md")))
    return set(" ".join(re.findall(r"^:::\{names\}\n(.*?)^:::", pages, re.M | re.S)).split())


def shown(thing: type) -> list[str]:
    """Public methods and properties of a class that say what they do."""
    own = []
    for name, item in vars(thing).items():
        wrapped = item.__func__ if isinstance(item, staticmethod | classmethod) else item
        if name.startswith("_") or not (callable(wrapped) or isinstance(wrapped, property)):
            continue
        if inspect.getdoc(wrapped) and not inspect.isclass(wrapped):
            own.append(name)
    return own


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    for name, directive in (("catalogue", Catalogue), ("verbs", Verbs), ("names", Names)):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}
