"""Every example runs, and what it computes is what theory says."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from snippets import agree

EXAMPLES = Path(__file__).parents[2] / "examples"
#: those that start processes of their own
APART = ("closed_loop", "cluster_sweep")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
#: what the pages show of those with a picture
SHOWN = EXAMPLES.parent / "docs" / "examples"
#: relative agreement: exact formulas to rounding, a difference quotient to its own error, the joint solver to its gap
CLOSE = {"log_split": 1e-12, "two_equal_agents": 1e-12, "price": 1e-6, "fairness_levels": 1e-5, "accelerators": 1e-6}


@pytest.mark.parametrize("name", sorted(CLOSE))
def test_computed_is_theoretical(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")["main"]()
    assert "theoretical" in capsys.readouterr().out
    for title, (computed, theoretical) in pairs.items():
        assert computed == pytest.approx(theoretical, rel=CLOSE[name], abs=1e-9), title


@pytest.mark.parametrize("page", sorted(SHOWN.glob("*.txt")), ids=lambda page: page.stem)
def test_prints_what_the_page_shows(page, tmp_path, monkeypatch, capsys):
    """In a folder of its own, as a reader runs it; the picture is drawn, the notebook is the script."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(EXAMPLES)
    script = EXAMPLES / f"{page.stem}.py"
    assert len(script.read_text("utf-8").splitlines()) <= 80
    monkeypatch.setattr("evenhand.registry._PLUGINS", [])
    if page.stem in APART:
        told = subprocess.run([sys.executable, script], env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
        assert told.returncode == 0, told.stderr
        printed = told.stdout
    else:
        runpy.run_path(str(script), run_name="__main__")
        printed = capsys.readouterr().out
    assert not agree(page.read_text("utf-8"), printed)
    assert (tmp_path / f"out/examples/{page.stem}.png").stat().st_size > 5000
    book = json.loads((EXAMPLES / f"notebooks/{page.stem}.ipynb").read_text("utf-8"))
    code = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell.strip() in script.read_text("utf-8") for cell in code[:-1])


def test_notebooks_are_small():
    assert sum(book.stat().st_size for book in (EXAMPLES / "notebooks").glob("*.ipynb")) < 200_000
