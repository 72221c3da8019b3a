"""YAML as people mean it: a key may stand once, 1e5 is a number, and nothing in a file can make reading it explode.

The text is composed into nodes by PyYAML, the nodes are checked, and only then made into plain data (`safe` tags only).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evenhand.errors import ProblemError, shown

__all__ = ["read_yaml"]

#: nodes a configuration may have when every alias is written out, and how deep they may lie
MOST = 200_000
DEEPEST = 50
#: YAML 1.1 reads 1e5 as text, since it has no point
_EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")


def read_yaml(text: str, where: str) -> Mapping[str, Any]:
    """The mapping in a YAML text. Raises ProblemError in one line, naming the line of the file where there is one."""
    import yaml

    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise ProblemError(f"{where} is empty: it must hold keys such as data, demand, capacity")
        _weigh(loader, node, where, {}, [])
        made = loader.construct_document(node)
    except ProblemError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        told = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ProblemError(f"{where} is not YAML{line}: {told}") from None
    except RecursionError:
        raise ProblemError(f"{where} is nested too deeply: see docs/own-data.md") from None
    except (ValueError, AttributeError, TypeError) as error:  # of a tag on what it cannot be
        raise ProblemError(f"{where} holds a value that cannot be read: {shown(error)}; put it in quotes") from None
    finally:
        loader.dispose()
    if not isinstance(made, Mapping):
        raise ProblemError(f"{where} holds {type(made).__name__}: it must hold keys such as data, demand, capacity")
    return made


def _weigh(loader: Any, node: Any, where: str, known: dict[int, int], above: list[int]) -> int:
    """Nodes below and with this one when aliases are written out; checks keys and reads 1e5 as a number on the way."""
    import yaml

    line = f"{where}, line {node.start_mark.line + 1}"
    if id(node) in above:
        raise ProblemError(f"{line}: it holds itself by an alias; write it out")
    if id(node) in known:
        return known[id(node)]
    if len(above) >= DEEPEST:
        raise ProblemError(f"{line} is nested too deeply: see docs/own-data.md")
    children: list[Any] = []
    if isinstance(node, yaml.MappingNode):
        _refuse_twice(node, where)
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = list(node.value)
    else:
        if node.style is None and _EXPONENT.fullmatch(node.value):
            node.tag = "tag:yaml.org,2002:float"
        if not node.value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in node.value):
            raise ProblemError(f"{line}: {shown(node.value)} is no text that can be written in UTF-8; correct it")
        try:
            loader.construct_object(node)
        except (ValueError, IndexError, AttributeError, TypeError, OverflowError) as error:  # PyYAML lets them through
            raise ProblemError(f"{line}: {shown(node.value)} cannot be read ({error}); put it in quotes") from None
    size = 1 + sum(_weigh(loader, child, where, known, [*above, id(node)]) for child in children)
    if size > MOST:
        raise ProblemError(f"{line}: more than {MOST} values, aliases written out; put data in tables")
    known[id(node)] = size
    return size


def _refuse_twice(node: Any, where: str) -> None:
    first: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key.value, str):
            raise ProblemError(f"{where}, line {line}: a key must be text")
        if (key.tag, key.value) in first:
            told = f"key {shown(key.value)} stands twice, first in line {first[key.tag, key.value]}"
            raise ProblemError(f"{where}, line {line}: {told}; keep one")
        first[key.tag, key.value] = line
