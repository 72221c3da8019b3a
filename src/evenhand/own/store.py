"""Where the columns of a user's data live: in memory while small, memory-mapped in a cache folder when large.

The cache is ``.evenhand-cache`` beside the configuration; a file in it is named by what it was made from (names, sizes
and times of change of the sources, the columns asked for), so it is reused while nothing changed and may be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from evenhand.columns import Array

__all__ = ["LARGE", "Store"]

#: bytes from which an array is memory-mapped
LARGE = 128 << 20


@final
@dataclass(frozen=True, slots=True)
class Store:
    """Gives arrays to fill and keeps the large ones on disk. folder None: everything in memory."""

    folder: Path | None

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npy"

    def find(self, key: str) -> Array | None:
        """An array that was kept under this key, mapped read-only."""
        if self.folder is None or not self._path(key).is_file():
            return None
        try:
            return np.load(self._path(key), mmap_mode="r")
        except (OSError, ValueError):  # cut short, or not ours: it is made again
            return None

    def make(self, shape: tuple[int, ...], key: str) -> Array:
        """An array to fill: mapped to a file that takes its name when it is kept, in memory where no file can be."""
        size = int(np.prod(shape)) * 8
        if self.folder is None or size < LARGE:
            return np.empty(shape)
        path = self._path(key).with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(exist_ok=True)
            array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=shape)
            if hasattr(os, "posix_fallocate"):  # without it, a full disk ends the process while the array is filled
                with path.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            return array
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            return np.empty(shape)

    def keep(self, array: Array, key: str) -> Array:
        """A filled array, read-only; a mapped one under its name, so that no half-filled one is ever found."""
        if not isinstance(array, np.memmap):
            array.flags.writeable = False
            return array
        array.flush()
        part = Path(str(array.filename))
        os.replace(part, self._path(key))
        return np.load(self._path(key), mmap_mode="r")
