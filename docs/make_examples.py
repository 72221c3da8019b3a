"""What the examples print and draw, for the pages, and the same as notebooks: `python docs/make_examples.py`.

A script is cells, each begun by `# %% text`; its docstring is the first one. Pictures are made small.
"""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

ROOT = Path(__file__).parents[1]
PAGES, PICTURES, BOOKS = ROOT / "docs/examples", ROOT / "docs/images/examples", ROOT / "examples/notebooks"
#: those with a picture, in the order of the page
NAMES = (
    "geo_balancing",
    "carbon_water",
    "health_frontier",
    "real_tenants",
    "fleet_from_curves",
    "own_policy",
    "own_fairness",
    "closed_loop",
    "cluster_sweep",
)


def small(png: bytes) -> bytes:
    """The picture with 48 colours."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(48, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def cells(script: str) -> list[nbformat.NotebookNode]:
    """The docstring, then a text and a code cell for each part."""
    title, _, rest = script.removeprefix('"""').partition('"""\n')
    head, *parts = rest.split("\n# %% ")
    heading, _, text = title.partition("\n")
    made = [new_markdown_cell(f"# {heading.rstrip('.')}\n{text.rstrip()}"), new_code_cell(head.strip())]
    for part in parts:
        said, _, code = part.partition("\n")
        made += [new_markdown_cell(said), new_code_cell(code.strip())]
    return made


def notebook(name: str, folder: Path) -> nbformat.NotebookNode:
    """The example as a notebook, executed in the folder."""
    book = new_notebook(cells=cells((ROOT / f"examples/{name}.py").read_text("utf-8")))
    show = f'from IPython.display import Image\n\nImage("out/examples/{name}.png")'
    book.cells.append(new_code_cell(show))
    for k, cell in enumerate(book.cells):
        cell["id"] = f"{name}-{k}"
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = base64.b64encode(
                    small(base64.b64decode(output["data"]["image/png"]))
                ).decode()
    book.metadata.pop("language_info", None)
    return book


def main() -> None:
    """Make all, or those named."""
    for folder in (PAGES, PICTURES, BOOKS):
        folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or NAMES:
        with TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "examples").symlink_to(ROOT / "examples")
            script = [sys.executable, f"examples/{name}.py"]
            told = subprocess.run(script, cwd=folder, check=True, capture_output=True, text=True, env=os.environ)
            (PAGES / f"{name}.txt").write_text(told.stdout, encoding="utf-8")
            (PICTURES / f"{name}.png").write_bytes(small((folder / f"out/examples/{name}.png").read_bytes()))
            nbformat.write(notebook(name, folder), BOOKS / f"{name}.ipynb")
        print(name, (BOOKS / f"{name}.ipynb").stat().st_size, (PICTURES / f"{name}.png").stat().st_size)


if __name__ == "__main__":
    main()
