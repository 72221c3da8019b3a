"""A configuration as a request: what `evenhand controller create` and `evenhand replay --url` send."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from evenhand.errors import ProblemError
from evenhand.live.tables import open_tables
from evenhand.own.config import read_config

__all__ = ["source_of"]


def source_of(config: Path) -> dict[str, Any]:
    """The keys of a configuration file as JSON, its sites listed: found in its tables where it does not list them.

    Raises as `read_config`; ProblemError for one without a name or sites.
    """
    settings, _, where = read_config(config, {})
    source: dict[str, Any] = _json(settings.model_dump(mode="json", exclude_unset=True))
    if not source.get("name"):
        raise ProblemError(f"{where}: name is missing: the server keeps controllers by name")
    source.pop("connect", None)  # who reads and sends is none of the server's business
    if settings.sites is None:
        source["sites"] = list(open_tables(config)[0].sites.names)
    return source


def _json(value: Any) -> Any:
    """Infinity as the word that the configuration reads."""
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value
