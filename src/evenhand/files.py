"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from evenhand.errors import ParameterError

__all__ = ["folder_for", "writing"]


@contextmanager
def writing(path: Path) -> Generator[Path]:
    """A temporary path beside ``path`` that takes its name when the block ends well,
    and is removed when it does not.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def folder_for(path: Path) -> Path:
    """Make a folder for results, with its parents. Raises ParameterError in one line where that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(f"cannot write to {str(path)!r}: {error.strerror}; choose another --out") from None
    return path
