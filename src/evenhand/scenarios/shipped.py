"""The data that ship with the package, read with their checksum."""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
from importlib import resources

from evenhand.errors import ProblemError

__all__ = ["columns_of"]


@functools.cache
def columns_of(name: str) -> dict[str, tuple[str, ...]]:
    """Columns of a shipped CSV file, as text.

    Raises ProblemError if the file is missing or not the one in the manifest.
    """
    folder = resources.files("evenhand.scenarios") / "data"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if name not in manifest:
        raise ProblemError(f"no shipped data named {name!r}; there are {', '.join(manifest)}")
    raw = (folder / name).read_bytes()
    if hashlib.sha256(raw).hexdigest() != manifest[name]["sha256"]:
        raise ProblemError(
            f"the shipped file {name} was changed: its checksum differs from the manifest; reinstall evenhand"
        )
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8"))))
    return dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
