"""docs/theory.md and docs/extending.md: their Python blocks run, and print the figures of their comments."""

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("page", "count"), [("theory.md", 14), ("extending.md", 7)])
def test_every_figure_on_the_page_is_what_the_code_gives(page, count):
    names: dict[str, object] = {}
    checked = 0
    for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, page, "exec"), names)
        said = [part for line in re.findall(r"print\(.*\)  # (.*)", block) for part in line.split(", then ")]
        assert out.getvalue().splitlines() == said
        checked += len(said)
    assert checked == count
