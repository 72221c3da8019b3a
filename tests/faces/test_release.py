"""What a release is made of: reproducible archives with their licences, one version everywhere, files that a forge reads."""

import re
from pathlib import Path

import yaml

import evenhand as eh
import release

ROOT = Path(__file__).parents[2]


def test_wheel_and_sdist_are_reproducible_whole_and_small(tmp_path):
    wheel, sdist = release.check(tmp_path)
    assert eh.__version__ in wheel.name
    assert eh.__version__ in sdist.name


def test_the_citation_is_of_this_version():
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert told["version"] == eh.__version__
    assert told["license"] == "Apache-2.0"
    assert all({"type", "title", "authors", "year"} <= set(work) for work in told["references"])


def test_the_forge_runs_what_ci_runs():
    told = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    commands = [step["run"] for job in told["jobs"].values() for step in job["steps"] if "run" in step]
    assert ".ci/run" in commands
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for command in commands:
        if command.startswith("make "):
            assert command.split()[1] in targets
    assert told["permissions"] == {"contents": "read"}


def test_issue_forms_are_complete():
    for file in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(file.read_text("utf-8"))
        if file.name != "config.yml":
            assert {"name", "description", "body"} <= set(form), file.name
            assert all(part["attributes"]["label"] for part in form["body"])
            assert len({part["id"] for part in form["body"]}) == len(form["body"])


def test_every_extra_is_pinned():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()
    }
    needs = [*project["dependencies"], *(n for extra in project["optional-dependencies"].values() for n in extra)]
    for need in needs:
        name = re.match(r"[\w.-]+", need)[0].lower().replace("_", "-")
        assert name == "evenhand" or name in pinned, need
