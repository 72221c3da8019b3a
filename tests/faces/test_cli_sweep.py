"""`evenhand sweep` and `evenhand reproduce` as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from evenhand import cli

SWEEP = ["sweep", "geo7", "--policy", "FairOBD", "--windows", "0,48", "--quiet"]


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["evenhand", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_grid_as_in_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = [*SWEEP, "--grid", "eta=1e-3:1e-1:log3", "lambda2=0,0.1", "mu=1,2", "--out", str(out), "--format"]
    assert run([*arguments, "csv"], monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("scenario,setting_mu,policy,param_eta,param_lambda2,hitting")
    assert len(lines) == 1 + 2 * (1 + 6)
    assert "".join(f"{line}\n" for line in lines) == (out / "summary.csv").read_text()
    assert len(pd.read_parquet(out / "results.parquet")) == 2 * 6 * 2
    assert (out / "pareto.png").read_bytes()[:4] == b"\x89PNG"
    assert not list(out.glob(".*"))
    assert run([*arguments, "json"], monkeypatch) == 0
    assert len(json.loads(capsys.readouterr().out)) == 14
    assert run([*arguments, "table"], monkeypatch) == 0
    assert "worst_ratio" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sweep", "geo7"], "no policy is named"),
        (["sweep", "geo8", "--policy", "FairOBD"], "unknown scenario 'geo8'"),
        ([*SWEEP, "--grid", "etta=1"], "did you mean 'eta'"),
        ([*SWEEP, "etta=1"], "did you mean 'eta'"),
        ([*SWEEP, "--set", "mmu=1"], "did you mean 'mu'"),
        ([*SWEEP, "--grid", "eta=1:2"], "cannot read the range '1:2'"),
        ([*SWEEP, "--grid", "eta="], "is empty"),
        ([*SWEEP, "--grid", "eta=0"], "above 0"),
        ([*SWEEP, "--format", "xml"], "--format is 'xml'"),
        ([*SWEEP, "--jobs", "0"], "jobs is 0"),
        ([*SWEEP, "--seeds", "x"], "seeds"),
        ([*SWEEP, "--cluster", "nonsense://"], "no Dask scheduler answers at 'nonsense://'"),
        (["sweep"], "Missing argument"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments, monkeypatch) == 2
    told_here = capsys.readouterr()
    assert told_here.out == ""
    assert told_here.err.count("\n") == 1
    assert told in told_here.err
    assert not list(tmp_path.iterdir())


def test_a_folder_of_another_sweep_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out"), "--format", "csv"]
    assert run([*SWEEP, *out], monkeypatch) == 0
    capsys.readouterr()
    assert run([*SWEEP, "eta=0.5", *out], monkeypatch) == 2
    assert "holds another sweep" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert run([*SWEEP, "--out", str(tmp_path / "file" / "x")], monkeypatch) == 2
    assert "cannot write to" in capsys.readouterr().err


PLUGIN = '''
from dataclasses import dataclass
import numpy as np
import evenhand as eh

@dataclass(frozen=True)
class Dice:
    """Seeded prices."""
    seed: int = 0
    length: int = 6

    def problem(self):
        rng = np.random.default_rng(self.seed)
        setting = eh.Setting(horizon=6, beta=1.0, fairness=eh.Norm(mu=1.0), initial=np.zeros(2))
        cost = eh.Quadratic(rng.uniform(1, 2, (6, 2)), 1.0)
        return eh.Problem(setting, cost, eh.Diagonal(np.ones(2)), eh.Budget(np.ones(6), np.ones(2)))

    def line_up(self):
        return {"mine": Mine()}

    def published(self):
        return {}

@dataclass(frozen=True)
class MineState:
    round: int

@dataclass(frozen=True)
class Mine:
    """All on the first, or equal."""
    share: float = 0.5

    def init(self, setting):
        return MineState(0)

    def decide(self, setting, state, round):
        lead = np.shape(round.feasible.total)
        x = np.stack([np.full(lead, self.share), np.full(lead, 1 - self.share)], axis=-1)
        return x, state

    def settle(self, setting, state, round, applied, burden):
        return MineState(state.round + 1)
'''


def test_plugins_and_seeds_reach_other_processes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    command = [sys.executable, "-m", "evenhand", "--plugin", "mine.py", "sweep", "Dice", "--policy", "Mine,HitMin"]
    command += ["--grid", "share=0.25,0.5", "--seeds", "3", "--jobs", "2", "--quiet", "--format", "csv"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    frame = pd.read_parquet(tmp_path / "out" / "sweep-Dice" / "results.parquet")
    assert frame["seed"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert frame["total"].nunique() == 9
    assert (frame["ratio"] >= 1 - 1e-9).all()


def test_help_shows_examples(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("sweep", "reproduce"):
        assert run([verb, "--help"], monkeypatch) == 0
        assert f"evenhand {verb}" in capsys.readouterr().out


def test_reproduce_refuses_a_file_as_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["reproduce", "--out", str(tmp_path / "file")], monkeypatch) == 2
    assert "cannot write to" in capsys.readouterr().err
