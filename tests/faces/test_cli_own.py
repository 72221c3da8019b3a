"""The command line as a new user with own data meets it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from evenhand.cli import main
from evenhand.experiment import compare, load, load_own
from evenhand.offline.bound import lower_bound
from evenhand.own.template import DATA, config_text, sample
from evenhand.policies.hitmin import HitMin
from evenhand.report.compare import write_comparison
from evenhand.simulation import simulate


def run(folder, *args):
    return subprocess.run(
        [sys.executable, "-m", "evenhand", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_from_an_empty_folder_to_a_comparison(tmp_path):
    made = run(tmp_path, "new-scenario", "my-sites")
    assert made.returncode == 0
    assert "evenhand compare my-sites.yaml" in made.stdout
    done = run(tmp_path, "compare", "my-sites.yaml", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = {row["policy"]: row["ratio"] for row in json.loads(done.stdout)}
    assert rows["OPT"] == 1.0
    assert len(rows) == 9
    assert (tmp_path / "out" / "compare-my-sites" / "comparison.csv").is_file()
    before = (tmp_path / "my-sites.csv").read_text()
    again = run(tmp_path, "new-scenario", "my-sites")
    assert again.returncode == 2
    assert again.stderr == "evenhand: 'my-sites.yaml' exists: choose another name, or move it away\n"
    assert (tmp_path / "my-sites.csv").read_text() == before


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("new-scenario", "a/b"), "name is 'a/b': use letters, digits, - and _"),
        (("compare", "no.yaml"), "cannot read 'no.yaml'"),
        (("compare", "own", "--set", "confi=x"), "did you mean 'config'"),
        (("compare", "mine"), "unknown scenario 'mine': did you mean 'mine.yaml'?"),
        (("bound", "mine"), "unknown scenario 'mine': did you mean 'mine.yaml'?"),
        (("compare", "mine.csv"), "'mine.csv' is a file, but no .yaml or .toml: write a configuration that names it"),
        (("compare", "folder"), "'folder' is a folder: write './folder', or name the file"),
        (("compare", "./folder"), "folder 'folder' holds 0 configurations: name the one to use"),
        (("compare", "mine.yaml", "--set", "beta=True"), "mine.yaml: beta is True: write a number"),
        (("new-scenario", "mine"), "'mine.csv' exists: choose another name"),
        (("new-scenario", "n" * 101), "use letters, digits, - and _, at most 100"),
        (("new-scenario", "new", "--folder", "mine.csv"), "cannot write to 'mine.csv': File exists"),
    ],
)
def test_mistakes_are_one_line_with_a_remedy(tmp_path, monkeypatch, capsys, args, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "mine.csv").write_text(DATA)
    if args[0] != "new-scenario":
        (tmp_path / "mine.yaml").write_text(config_text("mine"))
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(sys, "argv", ["evenhand", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert shown.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["yes", "null", "2024", "1e5", "a-b_c"])
def test_a_template_of_any_name_runs(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["evenhand", "new-scenario", name])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert load(f"{name}.yaml").name == name


def test_a_guess_is_one_line_on_stderr(tmp_path):
    (tmp_path / "mine.yaml").write_text(config_text("mine"))
    (tmp_path / "mine.csv").write_text(DATA.replace(",", ";").replace(".", ","))
    done = run(tmp_path, "compare", "mine.yaml", "--quiet", "--format", "csv")
    assert done.returncode == 0
    assert done.stderr == "evenhand: mine.csv: guessed separator ';', decimal ','; say so if it is not\n"


def certified(capsys, monkeypatch, *args):
    monkeypatch.setattr(sys, "argv", ["evenhand", *map(str, args)])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_certify_takes_runs_made_from_own_data(tmp_path, monkeypatch, capsys):
    """Also from another working folder, after the configuration changed, and after all was moved; not for other data."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    (place / "mine.yaml").write_text(config_text("mine"))
    (place / "mine.csv").write_text(DATA)
    argv = ("compare", "mine.yaml", "--policies", "OPT,HITMIN", "--set", "beta=1.5", "--quiet", "--format", "csv")
    code, out, _ = certified(capsys, monkeypatch, *argv)
    assert code == 0
    total = next(float(line.split(",")[4]) for line in out.splitlines() if line.startswith("HITMIN"))
    (place / "mine.yaml").write_text(config_text("mine").replace("beta: 4.0", "beta: 9"))
    monkeypatch.chdir(tmp_path)
    place.rename(tmp_path / "there")
    argv = ("certify", "there/out/compare-mine", "--policy", "HITMIN", "--format", "csv")
    code, out, _ = certified(capsys, monkeypatch, *argv)
    assert code == 0
    label, window, cost, low, above = out.splitlines()[1].split(",")
    assert (label, window) == ('"HITMIN"', "0")
    assert float(cost) == pytest.approx(total, rel=1e-12)  # the same run: beta as it was set
    assert 0 < float(above) == pytest.approx(float(cost) / float(low) - 1, rel=1e-9)
    (tmp_path / "there" / "mine.csv").write_text(DATA.replace(",40,", ",41,"))
    code, _, err = certified(capsys, monkeypatch, *argv)
    assert code == 2
    assert "the data or the version changed" in err
    (tmp_path / "there" / "mine.csv").unlink()
    code, _, err = certified(capsys, monkeypatch, *argv)
    assert code == 2
    assert "cannot be replayed: file 'mine.csv' is not in" in err
    assert err.count("\n") == 1


def test_certify_takes_the_sample_and_says_why_not_tables_in_memory(tmp_path, monkeypatch, capsys):
    write_comparison(compare(load("own"), {"HITMIN": HitMin()}, hindsight=()), tmp_path / "sample")
    assert "at most" in certified(capsys, monkeypatch, "certify", tmp_path / "sample")[1]
    config, frames = sample()
    episodes = load_own(config, frames=frames)
    write_comparison(compare(episodes, {"HITMIN": HitMin()}, hindsight=()), tmp_path / "memory")
    code, _, err = certified(capsys, monkeypatch, "certify", tmp_path / "memory")
    assert code == 2
    assert "it was made from tables in memory: certify it in Python with lower_bound" in err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"windows": [7]}, "its windows are (7,), the data have 1"),
        ({"windows": ["0"]}, "its windows are ('0',)"),
        ({"scenario": []}, "is not a run (TypeError)"),
        ({"hindsight": ["BEST"]}, "unknown hindsight benchmark 'BEST'"),
        ({"policies": {"HITMIN": 3}}, "HITMIN was not written as plain data"),
        ({"format": 9}, "holds a run of another version"),
    ],
)
def test_a_spoilt_run_is_one_line(tmp_path, monkeypatch, capsys, change, told):
    write_comparison(compare(load("own"), {"HITMIN": HitMin()}, hindsight=()), tmp_path)
    data = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**data, **change}))
    code, _, err = certified(capsys, monkeypatch, "certify", tmp_path)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1


def test_help_imports_nothing_heavy(tmp_path):
    code = (
        "import sys, evenhand.cli.app as c\n"
        "try: c.app(['--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numba', 'pandas', 'matplotlib', 'yaml', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "new-scenario" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_theory_verbs_take_own_data_and_the_windows_it_names(tmp_path, monkeypatch, capsys):
    """Five rounds, windows of 2 every 3: two of them, not the four that slide."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text(DATA)
    text = config_text("mine")
    assert "# windows: {length: 24, step: 24}" in text
    (tmp_path / "mine.yaml").write_text(
        text.replace("# windows: {length: 24, step: 24}", "windows: {length: 2, step: 3}")
    )
    code, _, err = certified(capsys, monkeypatch, "bound", "mine.yaml")  # its FairOBD finds its rate by itself
    assert (code, "give eta a number" in err) == (2, True)
    for verb in (("bound", "--policy", "FairOBD(eta=0.01)"), ("periodicity",)):
        code, out, _ = certified(capsys, monkeypatch, *verb[:1], "mine.yaml", *verb[1:])
        assert code == 0
        assert "2 windows" in " ".join(out.split())
    code, out, _ = certified(capsys, monkeypatch, "certify", "mine.yaml", "--format", "csv")
    assert code == 0
    rows = [line.rsplit(",", 4) for line in out.splitlines()[1:]]
    assert [int(row[1]) for row in rows] == [0, 3] * 4
    assert {row[0].split("(")[0].strip('"') for row in rows} == {"HITMIN", "ROBD", "DMD", "FairOBD"}
    batch = load("mine.yaml").windows().select([0, 3])
    low = lower_bound(batch).value
    for row in rows[:2]:
        k = [0, 3].index(int(row[1]))
        assert float(row[2]) == pytest.approx(float(simulate(batch, HitMin()).cost.total[k]), rel=1e-12)
        assert float(row[3]) == pytest.approx(float(low[k]), rel=1e-9)
    code, out, _ = certified(capsys, monkeypatch, "certify", "mine.yaml", "--policy", "OPT,HITMIN", "--windows", "1")
    assert (code, "OPT: at most 0.00 %" in out) == (0, True)
    argv = ("certify", "mine.yaml", "--set", "unserved=penalty", "--policy", "HITMIN", "--format", "csv")
    assert certified(capsys, monkeypatch, *argv)[0] == 0
    write_comparison(compare(load("own"), {"HITMIN": HitMin()}, hindsight=()), tmp_path / "run")
    code, _, err = certified(capsys, monkeypatch, "certify", "run", "--windows", "0")
    assert code == 2
    assert err == "evenhand: 'run' is a run, with windows and settings of its own: leave out --windows, --set\n"
