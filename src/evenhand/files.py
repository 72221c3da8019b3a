"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from evenhand.errors import ParameterError

__all__ = ["FIGURES", "check_figure", "check_folder", "figure_for", "figure_kind", "folder_for", "writing"]

#: what a figure may be written as, by the end of its name
FIGURES = (".png", ".svg", ".pdf")


@contextmanager
def writing(path: Path, option: str = "--out") -> Generator[Path]:
    """A temporary path beside ``path`` that takes its name when the block ends well,
    and is removed when it does not.

    Raises ParameterError in one line where the system refuses (no space, no permission), or where ``path`` is a device
    or pipe, which a file must not take the place of; option: what names another file.
    """
    regular(path)
    temporary = None
    try:
        temporary = _temporary(path)
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _refused(path, error, option=option) from None
        raise


def _temporary(path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=".evenhand-", suffix=path.suffix[:16], dir=path.parent)
    os.close(handle)
    return Path(name)


def regular(path: Path) -> None:
    """Raise ParameterError where a device, pipe or socket stands under this name."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise ParameterError(f"{str(path)!r} is no regular file: choose another name")


def folder_for(path: Path, option: str = "--out") -> Path:
    """Make a folder for results, with its parents, and see that a file can be written there.

    Raises ParameterError in one line where that cannot be done; option: what names another folder.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        _temporary(path / "probe").unlink()
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise _refused(path, error, "to ", option) from None
    return path


def check_folder(path: Path) -> None:
    """See that a folder for results can be made and written to, and leave nothing behind.

    Raises ParameterError in one line where it cannot.
    """
    try:
        there = next((place for place in (path, *path.parents) if place.exists()), Path())
        _temporary(there / "probe").unlink()
    except (OSError, ValueError) as error:
        raise _refused(path, error, "to ") from None


def figure_kind(path: Path) -> None:
    """Raises ParameterError where the end of the name says nothing of a kind of figure."""
    if path.suffix.lower() not in FIGURES:
        told = f"it ends in {path.suffix!r}" if path.suffix else "it has no suffix"
        raise ParameterError(f"cannot draw into {str(path)!r}: {told}, give one of {', '.join(FIGURES)}")


def figure_for(path: Path) -> Path:
    """Make the folder of a figure that can be written. Raises ParameterError where it cannot."""
    check_figure(path)
    folder_for(path.parent)
    return path


def check_figure(path: Path) -> None:
    """See that a figure can be written, and leave nothing behind. Raises ParameterError where it cannot."""
    figure_kind(path)
    check_folder(path.parent)
    if path.is_dir():
        raise ParameterError(f"cannot write {str(path)!r}: it is a folder; choose another --out")


def _refused(path: Path, error: Exception, to: str = "", option: str = "--out") -> ParameterError:
    told = (error.strerror if isinstance(error, OSError) else None) or error
    return ParameterError(f"cannot write {to}{str(path)!r}: {told}; choose another {option}")
