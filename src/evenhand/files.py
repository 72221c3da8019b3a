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

    Raises ParameterError in one line where the system refuses (no space, no permission).
    """
    temporary = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            told = error.strerror or error
            raise ParameterError(f"cannot write {str(path)!r}: {told}; choose another --out") from None
        raise


def folder_for(path: Path) -> Path:
    """Make a folder for results, with its parents. Raises ParameterError in one line where that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(f"cannot write to {str(path)!r}: {error.strerror}; choose another --out") from None
    return path
