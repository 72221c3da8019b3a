"""README and every page of docs: each block runs as it stands, and what is shown is what comes out (`snippets.py`)."""

import re
import sys

import pytest

from snippets import ROOT, Block, Reader, agree, blocks

PAGES = {str(page.relative_to(ROOT)): page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))}
PAGES = {name: page for name, page in PAGES.items() if "_build" not in name}
RUN = [name for name, page in PAGES.items() if blocks(page.read_text("utf-8"))]


@pytest.fixture
def reader(tmp_path, monkeypatch, capsys):
    """A working folder with the examples in it, as beside a checkout, and their data, as after a copy."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for file in (ROOT / "examples" / "data").iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "argv", [])

    def printed():
        told = capsys.readouterr()
        return told.out + told.err

    return Reader(tmp_path, printed)


@pytest.mark.parametrize("name", RUN)
def test_a_page_runs_as_it_stands(name, reader):
    for block in blocks(PAGES[name].read_text("utf-8")):
        reader.take(block)


@pytest.mark.parametrize("name", PAGES)
def test_code_is_fenced(name):
    """An indented block is not found by the test above: code is fenced, and says what it is."""
    rest = re.sub(r"^```.*?^```$", "", PAGES[name].read_text("utf-8"), flags=re.S | re.M)
    assert not re.search(r"\n\n {4}\S", rest)
    assert "\n```\n" not in re.sub(r"^```\S.*?^```$", "", PAGES[name].read_text("utf-8"), flags=re.S | re.M)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    """Files that are linked are there, and headings of pages too."""
    page = PAGES[name]
    for target, anchor in re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#([\w-]+))?\)", page.read_text("utf-8")):
        file = page.parent / target
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, (target, anchor)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("python", "print(1 + 1)  # 3\n"),
        ("python", "for i in (1, 2):\n    print(i)  # 1, then 3\n"),
        ("python", "1 / 3  # 0.334\n"),
        ("python", "1 / 0\n"),
        ("console", "$ evenhand list mirrors\nEuclid()\n"),
        ("console", "$ evenhand list mirrors\nWeightedEuclidean(weights)\n...\nEntropy()\n"),
        ("sh", "evenhand list nothing\n"),
        ("sh", "evenhandy list mirrors\n"),
    ],
)
def test_what_is_wrong_is_seen(kind, text, reader):
    with pytest.raises((AssertionError, ZeroDivisionError)):
        reader.take(Block(kind, text, {}))


def test_what_is_right_is_compared(reader):
    reader.take(Block("python", "x = 1 / 3\nx  # 0.333\nfor i in (1, 2):\n    print(i)  # 1, then 2\n", {}))
    reader.take(
        Block("console", "$ evenhand list mirrors   # kinds\nEntropy()\n...\nWeightedEuclidean(weights)\n...\n", {})
    )
    assert reader.compared == 3
    assert not agree("a  b\n...\n┃ c ┃", "a b x y\n┃  c  ┃ d")
    with pytest.raises(AssertionError, match="why"):
        reader.take(Block("sh", "evenhand serve\n", {"not run": "no"}))


def test_a_figure_makes_its_folder(tmp_path):
    import evenhand as eh

    problem = eh.load("synthetic").window(0)
    eh.simulate(problem, eh.FairOBD()).plot(str(tmp_path / "out" / "week.png"))
    assert (tmp_path / "out" / "week.png").stat().st_size > 5000
    with pytest.raises(eh.ParameterError, match=r"\.png, \.svg, \.pdf"):
        eh.simulate(problem, eh.FairOBD()).plot(str(tmp_path / "week.foo"))
