"""The command line as a user meets it: what it prints, what it writes, and how it refuses."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest

HEAD = ["policy", "hitting", "switching", "fairness", "total", "ratio"]
PUBLISHED = [f"published_{part}" for part in ("hitting", "switching", "fairness", "total", "ratio")]
COMPARE = ("compare", "geo7", "--windows", "0:97:48", "--quiet")


def evenhand(*arguments, **environment):
    """Run the command in a process of its own: (exit code, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "evenhand", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout, done.stderr


def inside(*arguments, capsys, monkeypatch):
    """The same in this process, which is faster: main() with its exit code."""
    from evenhand import cli

    monkeypatch.setattr(sys, "argv", ["evenhand", *arguments])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture
def run(capsys, monkeypatch):
    return lambda *arguments: inside(*arguments, capsys=capsys, monkeypatch=monkeypatch)


def test_version_and_help():
    code, out, err = evenhand("--version")
    assert (code, err) == (0, "")
    assert out.startswith("evenhand 0.")
    code, out, err = evenhand("--help")
    assert (code, err) == (0, "")
    for verb in ("compare", "list", "info", "warmup"):
        assert verb in out


def test_no_arguments_show_the_help(run):
    code, out, _ = run()
    assert code == 0
    assert "compare" in out


def test_list(run):
    code, out, _ = run("list", "policies")
    assert code == 0
    for name in ("FairOBD", "DMD", "ROBD", "HitMin", "Greedy"):
        assert f"{name}(" in out
    assert "FairOBD(eta='auto'" in out
    for kind in ("scenarios", "fairness", "sets", "costs", "impacts", "mirrors", "utilities"):
        assert run("list", kind)[0] == 0
    assert "Geo7(" in run("list", "scenarios")[1]


def test_info(run):
    code, out, _ = run("info")
    assert code == 0
    for word in ("numpy", "numba", "clarabel", "daqp", "kernel waterfill", "kernel dual", "kernel reduce"):
        assert word in out


def test_info_of_a_scenario(run):
    code, out, _ = run("info", "geo10", "--set", "length=457")
    assert code == 0
    for word in ("ten sites on three continents", "carbon = 1500.0\n", "length = 457  (changed)", "1 window of 457",
                 "20 burdens: Texas carbon", "mean 6.378", "carbon in t", "published for these settings: OPT"):  # fmt: skip
        assert word in out
    code, out, _ = run("info", "clients", "--set", "memory=HalfLife(24)", "--set", "trace=msmall")
    assert code == 0
    for word in ("**Real**", "**Fitted, by us**", "13 actions: client-5", "fairness remembers: HalfLife(rounds=24.0"):
        assert word in out
    assert "robots share cloud resources" in run("info", "fleet")[1]
    code, _, err = run("info", "geo77")
    assert (code, err) == (2, "evenhand: unknown scenario 'geo77': did you mean 'Geo7'?\n")
    assert run("info", "--set", "a=1")[0] == 2


@pytest.mark.parametrize("width", [60, 80])
def test_tables_fit_the_columns_there_are(run, monkeypatch, tmp_path, width):
    monkeypatch.setenv("COLUMNS", str(width))
    words = ("--windows", "0", "--policies", "OPT,FairOBD", "--quiet", "--out", str(tmp_path / "c"))
    code, out, _ = run("compare", "geo7", *words)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    line = next(line for line in out.replace("│", " ").splitlines() if line.strip().startswith("FairOBD(eta=0.0001)"))
    assert line.split() == ["FairOBD(eta=0.0001)", "105.17", "12.21", "30.11", "147.49", "1.0546"]
    assert "published columns need a width of 98" in out


@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_compare_writes_and_prints(run, tmp_path, form):
    out = tmp_path / "deep" / "out"
    code, text, err = run(*COMPARE, "--format", form, "--out", str(out))
    assert code == 0
    assert err == ""
    names = {"comparison.csv", "comparison.md", "trajectories.parquet", "cost_by_policy.png", "burden_by_site.png"}
    found = {p.name for p in out.iterdir()}
    assert names <= found
    assert not [n for n in found if n.startswith(".")]  # nothing temporary is left
    rows = list(csv.DictReader(io.StringIO((out / "comparison.csv").read_text())))
    assert list(rows[0]) == HEAD + PUBLISHED
    labels = [r["policy"] for r in rows]
    assert labels[:4] == ["OPT", "FairOPT", "HITMIN", "ROBD"]
    assert len(labels) == 8
    assert float(rows[0]["ratio"]) == 1.0
    for row in rows:
        assert float(row["total"]) == pytest.approx(
            sum(float(row[p]) for p in ("hitting", "switching", "fairness")), rel=1e-12
        )
    if form == "csv":
        assert text == (out / "comparison.csv").read_text()
    elif form == "json":
        assert [r["policy"] for r in json.loads(text)] == labels
        assert float(rows[3]["total"]) == json.loads(text)[3]["total"]
    else:
        assert "FairOBD(eta=0.01)" in text
        assert "3 windows of 72 rounds" in text
    for picture in ("cost_by_policy.png", "burden_by_site.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    assert (out / "comparison.md").read_text().startswith("| policy |")
    import pyarrow.parquet as pq

    table = pq.read_table(out / "trajectories.parquet")
    assert table.column_names == ["policy", "window", "round", "site", "action", "burden", "kappa"]
    assert table.num_rows == 8 * 3 * 72 * 7
    assert sorted(set(table["window"].to_pylist())) == [0, 48, 96]
    assert set(table["policy"].to_pylist()) == set(labels)


def test_compare_takes_policies_settings_and_a_plugin(run, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from dataclasses import dataclass\nfrom evenhand.proximal import proximal\n"
        "@dataclass(frozen=True)\nclass S:\n    round: int\n"
        "@dataclass(frozen=True)\nclass MineOnly:\n    def init(self, setting):\n        return S(0)\n"
        "    def decide(self, setting, state, round):\n        return proximal(round), S(state.round + 1)\n"
        "    def settle(self, setting, state, round, applied, burden):\n        return state\n"
    )
    code, out, err = run(
        "--plugin", str(plugin), "compare", "geo7", "--windows", "3", "--policies", "OPT,HITMIN,mine_only,FairOBD(eta=0.03, domain=ball)",
        "--set", "mu=1.5", "--set", "p=2", "--format", "csv", "--quiet", "--out", str(tmp_path),
    )  # fmt: skip
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [r["policy"] for r in rows] == ["OPT", "HITMIN", "mine_only", "FairOBD(eta=0.03, domain=ball)"]
    assert rows[1]["total"] == rows[2]["total"]
    assert rows[0]["published_total"] == ""  # nothing was published for this mu and p


BAD = {
    "scenario": (["compare", "geo8"], ["scenario", "geo8", "Geo7"]),
    "policy": ([*COMPARE, "--policies", "OPT,FairOBB"], ["policy", "FairOBB", "FairOBD"]),
    "policy parameter": ([*COMPARE, "--policies", "FairOBD(etta=1)"], ["etta", "eta"]),
    "policy value": ([*COMPARE, "--policies", "FairOBD(eta=fast)"], ["fast"]),
    "policy text": ([*COMPARE, "--policies", "FairOBD(eta="], ["FairOBD(eta="]),
    "eta": ([*COMPARE, "--policies", "FairOBD(eta=0)"], ["eta", "0", "above 0"]),
    "lambda1": ([*COMPARE, "--policies", "ROBD(lambda1=2)"], ["lambda1", "2", "(0, 1]"]),
    "no policy": ([*COMPARE, "--policies", ","], ["policies", "at least one"]),
    "setting": ([*COMPARE, "--set", "mue=1"], ["mue", "mu"]),
    "setting text": ([*COMPARE, "--set", "mu"], ["--set", "name=value"]),
    "mu": ([*COMPARE, "--set", "mu=-1"], ["mu", "-1"]),
    "mu text": ([*COMPARE, "--set", "mu=much"], ["mu", "much", "number"]),
    "mu nan": ([*COMPARE, "--set", "mu=nan"], ["mu", "nan"]),
    "p": ([*COMPARE, "--set", "p=0.5"], ["p", "0.5", "[1, inf]"]),
    "p text": ([*COMPARE, "--set", "p=max"], ["p", "max"]),
    "beta": ([*COMPARE, "--set", "beta=-1"], ["beta", "-1"]),
    "length": ([*COMPARE, "--set", "length=169"], ["length", "169", "168"]),
    "length text": ([*COMPARE, "--set", "length=week"], ["length", "week"]),
    "length none": ([*COMPARE, "--set", "length=None"], ["length", "None"]),
    "capacity": ([*COMPARE, "--set", "capacity=0"], ["capacity", "0"]),
    "windows": (["compare", "geo7", "--windows", "97"], ["windows", "97", "[0, 96]"]),
    "windows text": (["compare", "geo7", "--windows", "some"], ["windows", "some", "all"]),
    "windows slice": (["compare", "geo7", "--windows", "0:1:2:3"], ["windows", "0:1:2:3"]),
    "windows step": (["compare", "geo7", "--windows", "0:9:0"], ["windows", "0:9:0"]),
    "windows empty": (["compare", "geo7", "--windows", "50:40"], ["windows", "at least one"]),
    "format": ([*COMPARE, "--format", "xml"], ["--format", "xml", "table, json or csv"]),
    "kind": (["list", "policys"], ["kind", "policys", "policies"]),
    "plugin": (["--plugin", "/no/such/file.py", "list", "policies"], ["plugin", "/no/such/file.py"]),
    "verb": (["comparre", "geo7"], ["comparre"]),
    "option": (["compare", "geo7", "--widnows", "3"], ["--widnows"]),
    "missing": (["compare"], ["SCENARIO"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(run, case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # nothing may be written beside the code if something is accepted after all
    arguments, words = BAD[case]
    code, out, err = run(*arguments)
    assert code == 2, (out, err)
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("evenhand: ")
    assert "Traceback" not in err
    for word in words:
        assert word.lower() in err.lower()
    assert list(tmp_path.iterdir()) == []


def test_bad_input_in_a_process_of_its_own():
    code, out, err = evenhand("compare", "geo8")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", ["a file", "under a file", "a folder in the way", "not ours"])
def test_output_that_cannot_be_written(run, tmp_path, kind):
    (tmp_path / "file").write_text("mine")
    place = {
        "a file": tmp_path / "file",
        "under a file": tmp_path / "file" / "out",
        "a folder in the way": tmp_path / "x",
    }.get(kind, "/proc")
    if kind == "a folder in the way":
        (place / "comparison.csv").mkdir(parents=True)
    code, _, err = run("compare", "geo7", "--windows", "0", "--policies", "HITMIN", "--quiet", "--out", str(place))
    assert code == 2
    assert err.count("\n") == 1
    assert "--out" in err
    assert (tmp_path / "file").read_text() == "mine"
    if kind == "a folder in the way":
        assert [p.name for p in place.iterdir()] == ["comparison.csv"]


def test_a_plugin_that_fails_is_named(run, tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("raise RuntimeError('boom\\nsecond line')")
    code, _, err = run("--plugin", str(bad), "list", "policies")
    assert code == 2
    assert "bad.py" in err
    assert "boom" in err
    assert err.count("\n") == 1
