"""docs/theory.md: its Python blocks run, and print the figures of their comments."""

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "theory.md"


def test_every_figure_on_the_page_is_what_the_code_gives():
    names: dict[str, object] = {}
    checked = 0
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, str(PAGE), "exec"), names)
        said = [part for line in re.findall(r"print\(.*\)  # (.*)", block) for part in line.split(", then ")]
        assert out.getvalue().splitlines() == said
        checked += len(said)
    assert checked == 11
