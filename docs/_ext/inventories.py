"""Inventories of other projects for intersphinx: those that can be had. Without a network names stay plain text."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

#: seconds to wait for one
PATIENCE = 3.0


def reachable(folder: Path, addresses: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Name -> (address, file): fetched once into the folder; after the first failure no other is tried."""
    found: dict[str, tuple[str, str]] = {}
    tried = True
    for name, address in addresses.items():
        file = folder / f"{name}.inv"
        if not file.is_file() and tried:
            try:
                with urlopen(f"{address}objects.inv", timeout=PATIENCE) as answer:
                    data = answer.read()
            except OSError:
                tried = False
                continue
            if data.startswith(b"# Sphinx inventory version 2"):
                folder.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        if file.is_file():
            found[name] = (address, str(file))
    return found
