"""`evenhand new` and `evenhand check` as a user meets them."""

import json
import sys

import pytest

from evenhand import cli, registry
from evenhand.templates import TEMPLATES


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """One command in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        monkeypatch.setattr(registry, "_PLUGINS", [])
        monkeypatch.setattr(sys, "argv", ["evenhand", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        out = capsys.readouterr()
        return code, out.out, out.err

    return command


@pytest.mark.parametrize("kind", TEMPLATES)
def test_from_nothing_to_a_file_that_holds(kind, run, tmp_path):
    file = f"my_{kind}.py"
    code, out, err = run("new", kind, file)
    assert (code, err) == (0, "")
    assert out == f"Wrote {file}. Check it: evenhand check {file}\n"
    text = (tmp_path / file).read_text()
    assert "emplate" not in text
    assert f"class My{kind.title()}:" in text
    code, out, err = run("check", file)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].endswith(" hold, 0 broken")
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("__")] == [file]


def test_nothing_is_overwritten_unless_told(run, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("kept = True\n")
    code, out, err = run("new", "policy", "mine.py")
    assert (code, out) == (2, "")
    assert err == "evenhand: 'mine.py' exists: choose another name, or write over it with --force\n"
    assert file.read_text() == "kept = True\n"
    assert run("new", "policy", "mine.py", "--force")[0] == 0
    assert "class Mine:" in file.read_text()


def test_a_file_is_written_whole_or_not_at_all(run, tmp_path, monkeypatch):
    from pathlib import Path

    def full(self, *rest, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    code, _, err = run("new", "policy", "mine.py")
    assert code == 2
    assert err.startswith("evenhand: cannot write 'mine.py': No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("new", "polcy", "mine.py"), "did you mean 'policy'?"),
        (("new", "policy", "mine.txt"), "letters, digits and _"),
        (("new", "policy", "no/such/mine.py"), "cannot write 'no/such/mine.py'"),
        (("new", "policy", "."), "letters, digits and _"),
        (("check", "nowhere.py"), "is not a file"),
        (("check", "."), "is not a file"),
        (("check", "fails.py"), "failed: ModuleNotFoundError"),
        (("check", "empty.py"), "has no class of any kind"),
        (("check", "needs.py"), "needs rate: write EXAMPLES = (Needs(rate=...),)"),
        (("check", "half.py"), "Half is no policy: it has init, decide and lacks settle"),
        (("check", "needs.py", "--example", "Other()"), "names no class of the file, which has: Needs"),
        (("check", "needs.py", "--example", "Needs(rat=1)"), "did you mean 'rate'?"),
        (("check", "stray.py"), "EXAMPLES holds 3"),
        (("--plugin", "half.py", "list", "policies"), "lacks settle"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, words, run, tmp_path):
    needs = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Needs:\n    rate: float\n    moves: object = None\n"
    (tmp_path / "fails.py").write_text("import no_such_module\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "needs.py").write_text(needs)
    (tmp_path / "stray.py").write_text(needs + "EXAMPLES = (3,)\n")
    half = "from dataclasses import dataclass\n@dataclass\nclass Half:\n    def init(self, s): ...\n    def decide(self, s, t, r): ...\n"
    (tmp_path / "half.py").write_text(half)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("evenhand: ")
    assert words in err
    assert err.count("\n") == 1


@pytest.fixture
def spoiled(run, tmp_path):
    """A policy that keeps the caller's array."""
    run("new", "policy", "mine.py")
    file = tmp_path / "mine.py"
    file.write_text(file.read_text().replace("kept(applied)", "applied"))


def test_what_broke_is_said_with_its_remedy(run, spoiled):
    code, out, err = run("check", "mine.py")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert any(line.split()[1:4:2] == ["aliasing", "broken"] for line in lines)
    at = next(k for k, line in enumerate(lines) if line.startswith("aliasing: Mine breaks a promise: writing into"))
    assert lines[at + 1] == "  to mend it: keep a copy in the state: evenhand.columns.kept(applied)"
    assert lines[-1] == "mine.py: 11 hold, 1 broken"


def test_verdicts_as_json(run, spoiled):
    code, out, _ = run("check", "mine.py", "--example", "Mine(weight=0.5)", "--example", "mine(weight=2)", "--json")
    assert code == 1
    rows = json.loads(out)
    assert list(dict.fromkeys(row["subject"] for row in rows)) == ["Mine(weight=0.5)", "Mine(weight=2.0)"]
    assert {row["kind"] for row in rows} == {"policy"}
    assert [row["check"] for row in rows if row["result"] == "broken"] == ["aliasing"] * 2
    assert all(bool(row["mend"]) == (row["result"] == "broken") for row in rows)


def test_a_policy_is_tried_on_data_of_ones_own(run, tmp_path):
    run("new", "policy", "mine.py")
    file = tmp_path / "mine.py"
    file.write_text(
        file.read_text().replace("        x = moved", "        assert round.impact.entities == 4\n        x = moved")
    )
    run("new-scenario", "my-sites")
    code, out, err = run("check", "mine.py", "--on", "my-sites.yaml")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "mine.py: 12 hold, 0 broken"
    code, out, _ = run("check", "mine.py")
    assert code == 1
    assert "actions: Mine breaks a promise: decide in round 0 failed with AssertionError" in out
    code, _, err = run("check", "mine.py", "--on", "nowhere.yaml")
    assert code == 2
    assert "nowhere.yaml" in err


def test_a_fairness_cost_takes_the_place_of_a_scenarios_own(run):
    run("new", "fairness", "mine.py")
    what = ("--plugin", "mine.py", "compare", "geo7", "--windows", "0", "--quiet", "--policies", "HITMIN")
    code, out, err = run(*what, "--set", "fairness=Mine(rate=3.0, level=0.2)", "--out", "out")
    assert (code, err) == (0, "")
    assert "published" not in out
    assert out != run(*what, "--out", "other")[1]
    code, out, err = run("--plugin", "mine.py", "certify", "out")
    assert (code, err) == (0, "")
    code, _, err = run("compare", "geo7", "--set", "fairness=3")
    assert code == 2
    assert "fairness is 3: give a fairness cost" in err
