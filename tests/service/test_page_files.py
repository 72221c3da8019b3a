"""The files of the page: sealed by their hashes, without markup made from text, nothing loaded from elsewhere."""

from __future__ import annotations

import re

import pytest

from seal import FOLDER, INDEX, hash_of, sealed
from serving import Server

MODULES = sorted(path for path in FOLDER.rglob("*.js") if path.parent.name != "vendor")
OWN = [*MODULES, *sorted(FOLDER.glob("*.css")), INDEX]


def test_every_file_is_named_with_its_hash():
    assert INDEX.read_text() == sealed(), "run python tests/seal.py"
    named = dict(re.findall(r'(?:href|src)="/page/([^"]+)" integrity="([^"]+)"', INDEX.read_text()))
    assert set(named) == {
        *(path.relative_to(FOLDER).as_posix() for path in (*MODULES, *FOLDER.glob("*.css"))),
        "vendor/uPlot.iife.min.js",
        "vendor/uPlot.min.css",
    }
    assert all(named[path] == hash_of(path) for path in named)


def test_vendored_files_have_their_licences():
    beside = {path.name for path in (FOLDER / "vendor").iterdir()}
    assert {"uPlot-LICENSE.txt", "inter-LICENSE.txt"} <= beside
    assert "MIT License" in (FOLDER / "vendor/uPlot-LICENSE.txt").read_text()
    assert "SIL Open Font License" in (FOLDER / "vendor/inter-LICENSE.txt").read_text()


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_text_stays_text_and_nothing_comes_from_elsewhere(path):
    text = path.read_text()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser", text
    )
    assert not re.search(r"(src|href|url\(|from|import\()\s*=?\s*[\"'(]?\s*(https?:)?//", text)
    assert len(text.splitlines()) <= 400
    if path == INDEX:
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)


def test_served_to_all_under_a_strict_policy(tmp_path):
    with Server(tmp_path) as server:
        for path, kind in (("/", "text/html"), ("/page/main.js", "text/javascript"), ("/page/style.css", "text/css")):
            told = server.ask("GET", path)
            assert (told.status, told.headers["Content-Type"].partition(";")[0]) == (200, kind)
            rules = told.headers["Content-Security-Policy"]
            assert "default-src 'none'" in rules
            assert "unsafe" not in rules
            assert server.ask("GET", path, If_None_Match=told.headers["ETag"]).status == 304
        assert server.ask("GET", "/page/vendor/uPlot-LICENSE.txt").status == 404  # only what the page loads
        assert server.ask("GET", "/page/../service.py").status == 404
