"""Wheel and sdist, built twice: the same bytes, what must be in them, nothing else, and small. `python tests/release.py dist`"""

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: bytes of a wheel, at most
LARGEST = 1_500_000
LICENCES = ("LICENSE", "PROVENANCE.md", "inter-LICENSE.txt", "uPlot-LICENSE.txt")


def build(folder):
    """Build both into a folder; gives the wheel and the sdist."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env={"SOURCE_DATE_EPOCH": "0", **os.environ})
    return next(Path(folder).glob("*.whl")), next(Path(folder).glob("*.tar.gz"))


def check(folder):
    """Build twice, the second time into ``folder``. Raises AssertionError for what is wrong."""
    with tempfile.TemporaryDirectory() as first:
        before, after = build(first), build(folder)
        for one, other in zip(before, after, strict=True):
            assert one.read_bytes() == other.read_bytes(), f"{one.name} is not the same when it is built again"
    wheel, sdist = after
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.stat().st_size < LARGEST, f"{wheel.name} has {wheel.stat().st_size:,} bytes"
    sources = {f"evenhand/{file.relative_to(ROOT / 'src/evenhand').as_posix()}" for file in tracked("src/evenhand")}
    assert {name for name in names if ".dist-info/" not in name} == sources
    for licence in LICENCES:
        assert any(".dist-info/licenses/" in name and name.endswith(licence) for name in names), licence
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "CHANGELOG.md", "CITATION.cff", "SECURITY.md", "LICENSE", "constraints.txt"} <= inside
    assert not [name for name in inside if "__pycache__" in name or name.startswith((".venv", "out/", "dist/"))]
    return wheel, sdist


def tracked(folder):
    """The files of a folder that belong to the project: all but what is compiled."""
    return [f for f in sorted((ROOT / folder).rglob("*")) if f.is_file() and "__pycache__" not in f.parts]


if __name__ == "__main__":
    for made in check(Path(sys.argv[1])):
        print(f"{made} {made.stat().st_size:,} bytes")
