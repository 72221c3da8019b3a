from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import evenhand as eh
from evenhand.errors import ParameterError
from evenhand.report.reproduce import write_reproduction
from evenhand.reproduce import fleets
from evenhand.reproduce.online import FACTORS
from evenhand.reproduce.run import Reproduction, reproduce


@pytest.fixture(scope="module")
def quick() -> Reproduction:
    return reproduce(quick=True)


def test_every_published_value_stands_beside_ours(quick: Reproduction) -> None:
    published = {(c.table, c.policy, c.part): c.published for c in quick.cells}
    for number, factor in FACTORS.items():
        paper = eh.load("geo7", mu=factor * 10 / 3).scenario.published()
        assert len(paper) == 8
        for policy, parts in paper.items():
            for part, value in zip(("hitting", "switching", "fairness", "total"), parts, strict=True):
                assert published[number, policy, part] == value
            assert published[number, policy, "ratio"] == pytest.approx(parts[3] / paper["OPT"][3], rel=1e-15)
    for cell in quick.cells:
        if cell.published is not None:
            assert cell.difference == cell.ours - cell.published


def test_what_the_spec_expects_is_found(quick: Reproduction) -> None:
    assert quick.checks.near
    assert quick.checks.same_order
    assert [s.site for s in quick.sites][::6] == ["Arizona", "Wyoming"]
    assert quick.sites[1].health_price == pytest.approx(62.81, abs=5e-3)


def test_paths_end_at_the_cost_of_the_window(quick: Reproduction) -> None:
    first = quick.tables[2]
    for path in quick.paths:
        cost = first.trajectories[path.policy].episode(0).cost
        assert path.total[-1] == pytest.approx(float(cost.total), rel=1e-12)
        assert path.fairness[-1] == pytest.approx(float(cost.fairness), rel=1e-12)
        assert len(path.total) == len(quick.times) == 72


def test_fleets_as_published_swap_the_exponents(quick: Reproduction) -> None:
    # configuration 0 by hand: half of each budget on top of what is on board, exponents 0.445 and 0.04
    resource = np.array([[0.39522188, 0.05957552], [0.08760578, 0.2112791]])
    half = np.array([0.41727877832666804, 0.3474834838058471]) / 2
    right = ((resource + half) ** [0.445, 0.04]).prod(axis=1).sum()
    assert quick.splits.sums["uniform"][0] == pytest.approx(right, rel=1e-12)
    means = {m.rule: m for m in quick.means[:6]}
    assert list(means) == list(fleets.RULES)
    swapped = 0.0
    for case in fleets.FleetCases(draws=0).fleets():
        value = (case.fleet.onboard + case.capacity / 2) ** case.fleet.utility.exponents[:, ::-1]  # pyright: ignore
        swapped += value.prod(axis=1).sum() / 86
    assert means["uniform, as published"].utility == pytest.approx(swapped, rel=1e-12)


def test_ours_is_never_below_a_rule(quick: Reproduction) -> None:
    for mean in quick.means:
        if "as published" not in mean.rule:
            assert mean.wins == 1.0
    two = {m.rule: m for m in quick.means if m.group.startswith("two agents")}
    assert two["ours"].cases == 86
    assert two["ours"].certified == 1.0


class Page(HTMLParser):
    """Tags and addresses of a page; fails on a tag closed out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "srcset")]
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in ("meta", "img", "source", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def files(quick: Reproduction, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_reproduction(quick, tmp_path_factory.mktemp("report") / "new" / "folder")


def test_the_page_stands_alone(files: list[Path]) -> None:
    assert sorted(f.name for f in files) == sorted(f.name for f in files[0].parent.iterdir())
    text = files[0].read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    names = {f.name for f in files}
    assert all(a.startswith(("data:image/png;base64,", "#")) or a in names for a in page.addresses)
    assert not re.search(r"<script|@import|url\(|https?://", text)
    assert len(page.images) == 3
    assert all(len(image["alt"] or "") > 60 for image in page.images)
    for number in (2, 3, 4):
        assert f"<b>Table {number}</b>" in text
    assert "stand-in" in text
    assert "A quick run" in text


def test_the_csvs_have_full_precision(quick: Reproduction, files: list[Path]) -> None:
    lines = (files[0].parent / "tables_2_3_4.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(lines))
    assert len(rows) == len(quick.cells)
    assert [float(r["ours"]) for r in rows] == [c.ours for c in quick.cells]
    assert {r["table"] for r in rows} == {"2", "3", "4"}


def test_files_appear_whole_or_not_at_all(quick: Reproduction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ParameterError, match=r"cannot write .* no space"):
        write_reproduction(quick, tmp_path)
    assert list(tmp_path.iterdir()) == []
