"""The verbs of one-shot allocation, as a user meets them: argv in, text, files and exit codes out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand import cli
from evenhand.errors import GuessWarning

ROOT = Path(__file__).parents[2]
LOG = "agent,family,weight\na,log,1\nb,log,2\nc,log,5\n"
TWO = "agent,gamma_rho,gamma_alpha,onboard_rho\nr1,0.3,0.2,0.1\nr2,0.25,0.4,0\nr3,0.1,0.3,0\n"


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["evenhand", *map(str, argv)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    told = capsys.readouterr()
    return int(stop.value.code or 0), told.out, told.err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(LOG, encoding="utf-8")
    (tmp_path / "two.csv").write_text(TWO, encoding="utf-8")
    return tmp_path


def test_log_agents_get_their_weights_share(folder, monkeypatch, capsys):
    """Closed form: x = C w / sum w, price = sum w / C, in every file."""
    code, out, _ = run(monkeypatch, capsys, "allocate", "log.csv", "--capacity", 100, "--explain", "b")
    assert code == 0
    assert "certified" in out
    assert "b gets 25 of resource" in out
    where = folder / "out" / "allocate-log"
    for frame in (pd.read_csv(where / "allocation.csv"), pd.read_parquet(where / "allocation.parquet")):
        np.testing.assert_allclose(frame["x"], [12.5, 25.0, 62.5], rtol=1e-14)
        np.testing.assert_allclose(frame["marginal"], 0.08, rtol=1e-14)
    data = json.loads((where / "allocation.json").read_text(encoding="utf-8"))
    assert data["prices"]["resource"] == pytest.approx(0.08, rel=1e-14)
    assert data["status"] == "certified"
    assert data["certificate"]["proportional"] <= 1e-12
    assert (where / "allocation.png").stat().st_size > 5000
    assert sorted(p.name for p in where.iterdir()) == [
        "allocation.csv", "allocation.json", "allocation.parquet", "allocation.png",
    ]  # fmt: skip


def test_several_resources_a_warm_start_and_a_sweep(folder, monkeypatch, capsys):
    argv = ("allocate", "two.csv", "--capacity", "rho=5", "--capacity", "alpha=2", "--fairness", 1)
    code, out, err = run(monkeypatch, capsys, *argv, "--format", "json")
    assert code == 0
    assert "Wrote" in err
    data = json.loads(out)
    assert data["status"] == "certified"
    assert set(data["prices"]) == {"rho", "alpha"}
    frame = pd.read_csv("out/allocate-two/allocation.csv")
    np.testing.assert_allclose([frame["x_rho"].sum(), frame["x_alpha"].sum()], [5.0, 2.0], rtol=1e-9)
    # fairness 1 and nothing on board: x is proportional to the exponent among agents inside their bounds
    np.testing.assert_allclose(frame["x_alpha"], 2.0 * np.array([0.2, 0.4, 0.3]) / 0.9, rtol=1e-6)
    start = "out/allocate-two/allocation.json"
    code, out, _ = run(monkeypatch, capsys, *argv, "--start", start, "--format", "csv", "--sweep", "--out", "again")
    assert code == 0
    assert out.startswith("agent,x_rho,x_alpha,utility,marginal_rho")
    sweep = pd.read_csv("again/fairness_sweep.csv")
    assert list(sweep["level"]) == [0.0, 0.5, 1.0, 2.0, 5.0]
    assert (np.diff(sweep["least"]) >= -1e-9).all()
    assert Path("again/fairness_sweep.png").exists()


def test_parquet_big_fleets_and_max_min(folder, monkeypatch, capsys):
    n = 300
    gamma = np.random.default_rng(0).uniform(0.2, 0.8, n)
    pd.DataFrame({"agent": [f"a{i}" for i in range(n)], "gamma": gamma}).to_parquet("many.parquet")
    code, out, err = run(monkeypatch, capsys, "allocate", "many.parquet", "--capacity", "gpu=50", "--quiet")
    assert (code, err) == (0, "")
    assert "290 more" in out
    assert "50 of 50 gpu given out" in out
    code, out, _ = run(monkeypatch, capsys, "allocate", "many.parquet", "--capacity", "gpu=600", "--fairness", "inf")
    assert "max-min has no price" in out
    frame = pd.read_csv("out/allocate-many/allocation.csv")
    assert frame["utility"].max() - frame["utility"].min() < 1e-9


def test_fit_gives_agents_that_allocate_takes(folder, monkeypatch, capsys):
    """Exact points of known curves: the parameters come back, and the round trip to `allocate` works."""
    r = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 50.0])
    rows = [("p", v, 0.2 * v**0.4) for v in r] + [("s", v, 0.9 - 0.5 * v**-0.7) for v in r]
    pd.DataFrame(rows, columns=["model", "resource", "accuracy"]).to_csv("curves.csv", index=False)
    code, out, err = run(monkeypatch, capsys, "fit", "curves.csv", "--by", "model")
    assert code == 0
    assert "power" in out
    fits = pd.read_csv("out/fit-curves/fits.csv").set_index("group")
    assert list(fits["family"]) == ["power", "saturating"]
    assert fits.loc["p", "gamma"] == pytest.approx(0.4, abs=1e-6)
    assert fits.loc["s", "c"] == pytest.approx(0.7, abs=1e-5)
    assert (fits["r2"] > 1 - 1e-9).all()
    assert "Next: evenhand allocate" in err
    code, out, err = run(monkeypatch, capsys, "allocate", "out/fit-curves/agents.csv", "--capacity", 200)
    assert code == 0
    assert "measured on [1, 50]" in err  # the extrapolation is told
    assert pd.read_csv("out/allocate-agents/allocation.csv")["x"].sum() == pytest.approx(200.0, rel=1e-12)


def test_compare_fleet(folder, monkeypatch, capsys):
    argv = ("compare", "fleet", "--set", "draws=1", "--set", "sizes=(3,)", "--quiet")
    code, out, err = run(monkeypatch, capsys, *argv)
    assert (code, err) == (0, "")
    assert "with the exponents of uniform swapped, as published" in out
    frame = pd.read_csv("out/compare-fleet/comparison.csv")
    ours = frame[frame["allocator"] == "ours"]
    assert (ours["ratio"] == 1.0).all()
    assert (frame["ratio"] <= 1.0 + 1e-9).all()
    assert sorted(p.name for p in Path("out/compare-fleet").iterdir()) == [
        "cases.csv", "comparison.csv", "comparison.md", "utility_by_allocator.png",
    ]  # fmt: skip
    code, out, _ = run(monkeypatch, capsys, *argv, "--policies", "ours,Proportional(to=need)", "--format", "csv")
    assert "Proportional(to=need)" in out


@pytest.mark.parametrize(
    ("text", "argv", "told"),
    [
        (LOG, ["--capacity", "x"], "--capacity 'x': 'x' is not a number"),
        (LOG, ["--capacity", "-1"], "capacity of 'resource' = -1.0; give a finite number, 0 or more"),
        (LOG, ["--capacity", "nan"], "capacity of 'resource' = nan"),
        (LOG, ["--capacity", "1", "--capacity", "2"], "give each resource one capacity"),
        (LOG, ["--capacity", "1", "--capacity", "b=2"], "name every resource"),
        (LOG, ["--capacity", "a=1", "--capacity", "b=2"], "describes one resource"),
        (LOG, ["--capacity", "1", "--fairness", "-1"], "fairness = -1.0 must be 0 or more"),
        (LOG, ["--capacity", "1", "--explain", "bb"], "unknown agent 'bb': did you mean 'b'?"),
        (LOG, ["--capacity", "1", "--format", "xml"], "--format is 'xml'"),
        (LOG, ["--capacity", "1", "--start", "none.json"], "--start none.json: give the allocation.json"),
        (LOG, [], "Missing option '--capacity'"),
        (TWO, ["--capacity", "5"], "write --capacity rho=... --capacity alpha=..."),
        (TWO, ["--capacity", "rho=5", "--capacity", "alpa=1"], "unknown resource in capacity 'alpa': did you mean"),
        (TWO, ["--capacity", "rho=5", "--capacity", "alpha=1", "--fairness", "inf"], "offered for one resource"),
        ("agent,gamma\na,1.2\n", ["--capacity", "1"], "line 2: Power: gamma = 1.2 is outside its domain"),
        ("agent,gamma\na,0.5\nb,\n", ["--capacity", "1"], "line 3, column 'gamma' is empty"),
        ("agent,gamma\na,0.5\nb,nan\n", ["--capacity", "1"], "line 3, column 'gamma' = 'nan'"),
        ("agent,gamma\na,0.5\na,0.4\n", ["--capacity", "1"], "agent 'a' is in line 2 and in line 3; merge or rename"),
        ("agent,gamma\na,0.5\n,0.4\n", ["--capacity", "1"], "line 3, column 'agent' is empty; name the agent"),
        ("agent,gama\na,0.5\n", ["--capacity", "1"], "unknown column in FILE: 'gama': did you mean 'gamma'?"),
        (
            "agent,gamma,gamma\na,1,1\n",
            ["--capacity", "1"],
            "line 1 must name every column once: 'gamma' appears twice",
        ),
        ("agent,gamma,lower,upper\na,0.5,3,2\n", ["--capacity", "9"], "line 2: lower = 3.0 > upper = 2.0"),
        ("agent,gamma,lower\na,0.5,3\nb,0.5,3\n", ["--capacity", "5"], "add up to 6.0, above the capacity 5.0"),
        ("agent,family\na,powr\n", ["--capacity", "1"], "line 2, column 'family': utility family 'powr': did you mean"),
        ("agent,gamma\n", ["--capacity", "1"], "no agents; give at least one row under the header"),
        ("", ["--capacity", "1"], "the file is empty; give a header"),
        ("agent,gamma\na,0.5,7\n", ["--capacity", "1"], "give every row one cell a column"),
        ("agent,gamma\n,\na,0.5\n", ["--capacity", "1"], "line 2 has only empty cells; remove it"),
        ('agent,gamma\n\n"a\nb",0.5\n\nc,1,5\n', ["--capacity", "1"], "line 6 has 3 cells, the header 2"),
        ('agent,gamma\n\n"a\nb",0.5\n\nc,x\n', ["--capacity", "1"], "line 6, column 'gamma' = 'x'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(folder, monkeypatch, capsys, text, argv, told):
    Path("bad.csv").write_text(text, encoding="utf-8")
    code, out, err = run(monkeypatch, capsys, "allocate", "bad.csv", *argv)
    assert (code, out) == (2, "")
    assert told.replace("FILE", "bad.csv") in err
    assert err.startswith("evenhand: ")
    assert err.count("\n") == 1
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["allocate", "none.csv", "--capacity", "1"], "none.csv: no such file"),
        (["allocate", "notes.doc", "--capacity", "1"], "give a .csv or a .parquet file"),
        (["allocate", "log.parquet", "--capacity", "1"], "not a Parquet file"),
        (["allocate", "nul.csv", "--capacity", "1"], "nul.csv, line 2 holds a NUL: it is no text"),
        (["allocate", ".", "--capacity", "1"], ". is a folder: give the CSV or Parquet file in it"),
        (["allocate", "log.csv", "--capacity", "1", "--csv", "decimal=;"], "decimal is ';': it must be '.' or ','"),
        (["allocate", "log.csv", "--capacity", "1", "--csv", "sep=;"], "unknown part of --csv 'sep': did you mean"),
        (["allocate", "nan.parquet", "--capacity", "1"], "row 1, column 'weight' = nan"),
        (["allocate", "log.csv", "--capacity", "1", "--out", "log.csv"], "cannot write to 'log.csv'"),
        (["fit", "log.csv", "--by", "agent"], "which column is the resource? say --resource with one of"),
        (["fit", "log.csv", "--by", "agnt"], "unknown column in log.csv: 'agnt': did you mean 'agent'?"),
        (["fit", "curves.csv", "--by", "model"], "line 3, column 'value' = 'high'; give a finite number"),
        (["fit", "few.csv", "--by", "model"], "group 'p': fit: 2 distinct resources are too few"),
        (["fit", "few.csv", "--by", "model", "--family", "cubic"], "unknown utility family 'cubic'"),
        (["compare", "fleet", "--windows", "3"], "fleet is one-shot"),
        (["compare", "fleet", "--policies", "drff"], "unknown allocator 'drff'"),
        (["compare", "fleet", "--set", "drawn=3"], "unknown parameter of FleetCases 'drawn': did you mean 'draws'?"),
        (["compare", "fleet", "--set", "sizes=0"], "give whole numbers of robots"),
        (["compare", "flet"], "unknown scenario 'flet': did you mean 'fleet'?"),
    ],
)
def test_wrong_files_and_names(folder, monkeypatch, capsys, argv, told):
    for name in ("notes.doc", "log.parquet"):
        Path(name).write_text(LOG, encoding="utf-8")
    Path("nul.csv").write_bytes(b"agent,gamma\na\0,0.5\n")
    pd.DataFrame({"agent": ["a"], "gamma": [0.5]}).assign(weight=np.nan).to_parquet("pandas.parquet")
    _nan_parquet("nan.parquet")
    Path("curves.csv").write_text("model,resource,value\np,1,1\np,2,high\n", encoding="utf-8")
    Path("few.csv").write_text("model,resource,value\np,1,1\np,2,2\n", encoding="utf-8")
    code, out, err = run(monkeypatch, capsys, *argv)
    assert code == 2
    assert out == "" or "--out" in argv  # the table is printed all the same
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "guess", "said"),
    [
        (
            "agent;gamma\nJos\xe9;0,5\nB;0,25\n",
            "separator ';', decimal ',', encoding 'cp1252'",
            ["separator=;", "decimal=,"],
        ),
        ("agent\tgamma\nJos\xe9\t0.5\nB\t0.25\n", "separator '\\t', encoding 'cp1252'", ["separator=tab"]),
        ('agent,gamma\nJos\xe9,"0,5"\nB,"0,25"\n', "decimal ',', encoding 'cp1252'", ["decimal=,"]),
    ],
)
def test_other_ways_to_write_a_csv_are_guessed_and_can_be_said(folder, monkeypatch, capsys, text, guess, said):
    Path("x.csv").write_bytes(text.encode("cp1252"))
    argv = ("allocate", "x.csv", "--capacity", 3, "--format", "csv", "--quiet")
    with pytest.warns(GuessWarning, match=re.escape(f"x.csv: guessed {guess}")):
        code, out, _ = run(monkeypatch, capsys, *argv)
    assert code == 0
    options = [part for item in [*said, "encoding=cp1252"] for part in ("--csv", item)]
    assert run(monkeypatch, capsys, *argv, *options)[:2] == (0, out)
    Path("plain.csv").write_text("agent,gamma\nJos\xe9,0.5\nB,0.25\n", encoding="utf-8")
    assert run(monkeypatch, capsys, "allocate", "plain.csv", *argv[2:])[:2] == (0, out)


def _nan_parquet(path: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"agent": ["a"], "gamma": [0.5], "weight": pa.array([float("nan")])}), path)


def test_the_installed_command_line_runs_and_help_is_light(tmp_path):
    """By subprocess: --help imports neither Numba, pandas nor Matplotlib, each verb shows examples."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    probe = (
        "import sys; sys.argv = ['evenhand', VERB, '--help']\n"
        "from evenhand import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'numba', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    for verb in ("allocate", "fit", "compare"):
        code = probe.replace("VERB", repr(verb))
        out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
        assert out.rstrip().endswith("[]")
        assert f"evenhand {verb}" in out.split("Examples")[1]
    (tmp_path / "log.csv").write_text(LOG, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "evenhand", "allocate", "log.csv", "--capacity", "8", "--format", "csv"],
        env=env, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [float(cell) for cell in done.stdout.splitlines()[1].split(",")[1:4]] == pytest.approx([1.0, 0.0, 1.0])


@pytest.mark.parametrize("capacity", [8, 1000, 1e12])
def test_max_min_on_the_robots_of_the_tutorial(folder, monkeypatch, capsys, capacity):
    robots = ROOT / "examples" / "data" / "robots.csv"
    code, out, err = run(
        monkeypatch, capsys, "allocate", robots, "--capacity", capacity, "--fairness", "inf", "--quiet"
    )
    assert (code, err) == (0, "")
    assert "certified" in out
    frame = pd.read_csv("out/allocate-robots/allocation.csv")
    assert frame["x"].sum() == pytest.approx(capacity, rel=1e-12)


def test_a_fitted_scale_is_no_weight_and_high_levels_have_a_price(folder, monkeypatch, capsys):
    r = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 64.0])
    rows = [(n, v, c * np.sqrt(v)) for n, c in (("small", 1.0), ("big", 100.0)) for v in r]
    pd.DataFrame(rows, columns=["model", "resource", "value"]).to_csv("roots.csv", index=False)
    assert run(monkeypatch, capsys, "fit", "roots.csv", "--by", "model", "--family", "power")[0] == 0
    agents = "out/fit-roots/agents.csv"
    for level, x in (("1", [20.0, 20.0]), ("inf", [400000 / 10001, 40 / 10001])):
        assert run(monkeypatch, capsys, "allocate", agents, "--capacity", 40, "--fairness", level)[0] == 0
        np.testing.assert_allclose(pd.read_csv("out/allocate-agents/allocation.csv")["x"], x, rtol=1e-4)
    code, out, _ = run(monkeypatch, capsys, "allocate", agents, "--capacity", 40, "--fairness", 600)
    assert code == 0
    assert "price 0:" not in out
    assert "with utilities measured in units of 6.37" in out
    told = json.loads(Path("out/allocate-agents/allocation.json").read_text(encoding="utf-8"))
    assert told["unit_of_utility"] == pytest.approx(6.37, rel=1e-2)
    argv = ("allocate", agents, "--capacity", 41, "--fairness", 600, "--start", "out/allocate-agents/allocation.json")
    assert run(monkeypatch, capsys, *argv)[0] == 0


def test_many_groups_are_drawn_on_pages(folder, monkeypatch, capsys):
    r = np.array([1.0, 2.0, 4.0, 8.0])
    rows = [(f"g{k}", v, (k + 1) * v**0.5) for k in range(25) for v in r]
    pd.DataFrame(rows, columns=["model", "resource", "value"]).to_csv("many.csv", index=False)
    code, _, _ = run(monkeypatch, capsys, "fit", "many.csv", "--by", "model", "--family", "power")
    assert code == 0
    assert sorted(p.name for p in Path("out/fit-many").iterdir()) == [
        "agents.csv", "fits-01.png", "fits-02.png", "fits.csv",
    ]  # fmt: skip
    from matplotlib.image import imread

    assert imread("out/fit-many/fits-01.png").shape[0] <= 3000


def test_jobs_on_kinds_of_accelerators(folder, monkeypatch, capsys):
    """Two specialists, one unit of each kind: each all the time where it is relatively faster."""
    (folder / "jobs.csv").write_text("job,throughput_a,throughput_b\n01,4,1\n02,4,3\n", encoding="utf-8")
    argv = ("allocate", "jobs.csv", "--capacity", "a=1", "--capacity", "b=1", "--fairness", 1, "--explain", "02")
    code, out, _ = run(monkeypatch, capsys, *argv)
    assert code == 0
    assert "certified" in out
    assert "02 runs 100 % of the time on b" in out
    frame = pd.read_csv(folder / "out" / "allocate-jobs" / "allocation.csv", dtype={"job": str})
    np.testing.assert_allclose(frame[["x_a", "x_b"]], [[1.0, 0.0], [0.0, 1.0]], atol=1e-8)
    assert list(frame["job"]) == ["01", "02"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("job,throughput_a\nx,1\ny,0\n", "line 3: the job can run nowhere"),
        ("job,throughput_a\nx,1\nx,1\n", "job 'x' is in line 2 and in line 3"),
        ("job,throughput_a,workers\nx,1,0\n", "column 'workers' = 0.0"),
        ("job,throughput_a,speed\nx,1,0\n", "speed"),
        ("job,throughput_a,throughput_b\nx,1,2\n", "--capacity a=... --capacity b=..."),
    ],
)
def test_tables_of_jobs_that_are_none(folder, monkeypatch, capsys, table, said):
    (folder / "jobs.csv").write_text(table, encoding="utf-8")
    code, out, err = run(monkeypatch, capsys, "allocate", "jobs.csv", "--capacity", 1)
    assert (code, out) == (2, "")
    assert said in err
    assert not (folder / "out").exists()
