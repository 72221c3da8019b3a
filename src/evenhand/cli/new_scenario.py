"""`evenhand new-scenario`: the way in for a user's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evenhand.errors import ParameterError, shown

__all__ = ["new_scenario"]


def new_scenario(
    name: Annotated[str, typer.Argument(help="Name of the scenario: letters, digits, - and _.")],
    folder: Annotated[Path, typer.Option(help="Where to write; made if it is not there.")] = Path(),
) -> None:
    """Write a commented template for your own data, with ten lines of sample data; it runs as it is.

    Example:

      evenhand new-scenario my-sites && evenhand compare my-sites.yaml

    Writes NAME.yaml and NAME.csv in the working folder (or --folder), and never over a file that is there.
    """
    from evenhand.own.template import DATA, config_text

    if not name.replace("-", "").replace("_", "").isalnum() or len(name) > 100:
        raise ParameterError(f"name is {shown(name)}: use letters, digits, - and _, at most 100")
    files = {folder / f"{name}.yaml": config_text(name), folder / f"{name}.csv": DATA}
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for path in made:  # both files or none
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError) and folder.is_dir():
            raise ParameterError(f"{str(error.filename)!r} exists: choose another name, or move it away") from None
        raise ParameterError(f"cannot write to {str(folder)!r}: {error.strerror}; choose another --folder") from None
    first, second = files
    print(f"Wrote {first} and {second}. Run it: evenhand compare {first}")
