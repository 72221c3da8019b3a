"""What the verbs of the command line share."""

from __future__ import annotations

import ast
from typing import Any

from evenhand.errors import ParameterError

__all__ = ["settings_of"]


def settings_of(items: list[str] | None) -> dict[str, Any]:
    """Read ``name=value`` pairs; values are Python literals, inf, or text."""
    out: dict[str, Any] = {}
    for item in items or []:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise ParameterError(f"--set {item!r}: write name=value, such as --set mu=1.5")
        if value in ("inf", "-inf"):
            out[name] = float(value)
            continue
        try:
            out[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            out[name] = value
    return out
