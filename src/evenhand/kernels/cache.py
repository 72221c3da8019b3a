"""Where compiled kernels are kept, and that one process compiles at a time.

Numba keeps them beside the source, or in the user's cache folder. Neither need be there: an installation may be
read-only, a container's user may have no name, no home and no folder to write in. Then a folder of the user's own among
the temporary files is taken, and where that cannot be had either, kernels are compiled in memory at every start.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import tempfile
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock
from numba.core import config as _config

from evenhand.kernels.interrupts import uninterrupted

__all__ = ["compiling", "place", "private"]

#: Numba sets its attributes by name, type checkers do not see them
config: Any = _config
_HERE = Path(__file__).parent


@functools.cache
def place() -> Path | None:
    """The folder that compiled kernels are kept in, made if need be; None where none can be written.

    It is named by what all kernels say: Numba looks at the file of a kernel alone, and would go on with what was
    compiled from an earlier version of a file that it calls.
    """
    said = hashlib.sha256()
    for source in sorted(_HERE.glob("*.py")):
        said.update(source.read_bytes())
    name = f"kernels-{said.hexdigest()[:16]}"
    return next((folder / name for folder in _candidates() if _writable(folder / name)), None)


def _candidates() -> Iterator[Path]:
    if config.CACHE_DIR:
        yield Path(config.CACHE_DIR)
    yield _HERE / "__pycache__"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(base):  # without a home, ~ stays as it is
        yield Path(base) / "numba"
    own = private()
    if own is not None:
        yield own / "numba"


def private() -> Path | None:
    """A folder among the temporary files that belongs to this user and to no one else."""
    try:
        user = os.getuid() if hasattr(os, "getuid") else 0
        folder = Path(tempfile.gettempdir()) / f"evenhand-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        seen = folder.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(seen.st_mode) and (not hasattr(os, "getuid") or seen.st_uid == user)
    return folder if mine and (os.name == "nt" or not seen.st_mode & 0o022) else None


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def compiling() -> Generator[bool]:
    """Hold the lock while a kernel is compiled, or read from the cache; gives whether it is to be cached at all.

    Numba stores a gufunc in two files, the function and its wrapper. Two processes that compile at once can leave the
    function of one beside the wrapper of the other, and calling that pair crashes. Without a lock nothing is cached.
    """
    where, lock = place(), _lock()
    if where is None or lock is None:
        _in_memory()
        yield False
        return
    before = config.CACHE_DIR
    with uninterrupted(), lock:
        config.CACHE_DIR = str(where)
        try:
            yield True
        finally:
            config.CACHE_DIR = before


@functools.cache
def _lock() -> FileLock | None:
    """The lock of this user and this cache: among the user's own temporary files, else in the cache itself."""
    where = place()
    user = os.getuid() if hasattr(os, "getuid") else 0
    for folder in (private(), where):
        if folder is None or where is None:
            continue
        name = hashlib.sha256(f"{_HERE}|{where}".encode()).hexdigest()[:16]
        lock = FileLock(folder / f".evenhand-{user}-{name}.lock")
        try:
            with lock:
                return lock
        except (OSError, NotImplementedError):  # another user's file, or a file system without locks
            continue
    return None


@functools.cache
def _in_memory() -> None:
    warnings.warn(
        "no folder for compiled kernels can be written: they are compiled in memory, at every start (up to a minute); "
        "set NUMBA_CACHE_DIR to a folder that can be written",
        RuntimeWarning,
        stacklevel=4,
    )
