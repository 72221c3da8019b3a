"""Where the output goes: names that look like markup, a full or closed stdout, folders that cannot be written, a user
without a name or a home, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import evenhand as eh
from evenhand.kernels import cache
from evenhand.report import allocate as report
from evenhand.report import allocate_plots, compare_plots
from evenhand.report.text import add, cell, label, plain, table

NAMES = ("[/red]", r"$\frac$", "a\nb", "_hidden", "x" * 5000, "名|\x1b[31m")
AGENTS = "agent,family,gamma\n" + "".join(f'"{name}",power,0.5\n' for name in NAMES)


def evenhand(*arguments, out=subprocess.PIPE, folder=None, **environment):
    return subprocess.run(
        [sys.executable, "-m", "evenhand", *arguments],
        stdout=out, stderr=subprocess.PIPE, text=True, timeout=600, check=False, cwd=folder,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_a_name_is_one_line_of_printable_text():
    assert plain("a\nb\x1b[31m") == "a b�[31m"
    assert plain("x" * 100, 11) == "xxxxx…xxxxx"
    assert label(r"$\frac$") == r"\$\frac\$"
    assert label("_a") == " _a"
    assert cell("a|b\nc") == r"a\|b c"


def test_tables_and_figures_take_any_name(tmp_path, capsys):
    from rich.console import Console

    shown = table(NAMES[0], [*NAMES[:3]])
    add(shown, NAMES[:3])
    Console(width=120).print(shown)
    assert capsys.readouterr().out.count("[/red]") == 3
    fleet = eh.Fleet(eh.Power(np.full(len(NAMES), 0.5)), names=NAMES, resources=["$b$"])
    answer = eh.allocate(fleet, 3.0)
    Console(width=120).print(report.agents_table(report.summarise(answer), "[/bold]"))
    assert r"$\frac$" in capsys.readouterr().out
    allocate_plots.allocation(answer, tmp_path / "a.svg")
    setting = eh.Setting(
        horizon=2, beta=1.0, fairness=eh.Norm(1.0), initial=np.zeros(6), burden_lower=np.zeros(6),
        burden_upper=np.ones(6), actions=NAMES, entities=NAMES,
    )  # fmt: skip
    ones = np.ones((2, 6))
    problem = eh.Problem(setting, eh.Quadratic(-ones), eh.Diagonal(ones), eh.Budget(3.0, np.ones(6)))
    compare_plots.trajectory(eh.simulate(problem, eh.FairOBD()), tmp_path / "b.svg")


def test_the_allocate_command_takes_any_name(tmp_path):
    (tmp_path / "agents.csv").write_text(AGENTS, encoding="utf-8")
    done = evenhand("allocate", "agents.csv", "--capacity", "3", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert r"$\frac$" in done.stdout


def test_a_full_or_closed_stdout_is_one_line():
    with open("/dev/full", "w") as full:
        done = evenhand("list", "policies", out=full)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "No space left" in done.stderr
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m evenhand list policies >&-"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    read, write = os.pipe()
    os.close(read)
    done = evenhand("list", "policies", out=write)
    os.close(write)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("place", ["/dev/null/x", "/proc/x"])
def test_a_folder_that_cannot_be_written_is_told_and_the_table_is_printed(place):
    done = evenhand("compare", "synthetic", "--policies", "FairOBD", "--quiet", "--out", place)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "choose another --out" in done.stderr
    assert "FairOBD" in done.stdout


def test_a_figure_of_no_kind_is_refused_before_anything_is_computed(tmp_path):
    done = evenhand("periodicity", "geo7", "--out", "a.foo", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it ends in '.foo', give one of .png, .svg, .pdf" in done.stderr


def test_kernels_are_kept_in_the_first_folder_that_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.config, "CACHE_DIR", "/dev/null/x")
    monkeypatch.setattr(cache, "_HERE", Path("/proc/nowhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    find = cache.place.__wrapped__
    assert find().parent == tmp_path / f"evenhand-{os.getuid()}" / "numba"
    (tmp_path / f"evenhand-{os.getuid()}").chmod(0o777)  # others may write there: not to be trusted
    assert find() is None


def test_kernels_of_other_sources_are_kept_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_HERE", tmp_path)
    monkeypatch.setattr(cache.config, "CACHE_DIR", "")
    find = cache.place.__wrapped__
    (tmp_path / "called.py").write_text("one = 1\n")
    first = find()
    (tmp_path / "called.py").write_text("one = 2\n")
    second = find()
    assert first.parent == second.parent == tmp_path / "__pycache__"
    assert first != second
    (tmp_path / "called.py").write_text("one = 1\n")
    assert find() == first


def test_without_a_home_nothing_is_written_beside_it(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(cache.os.path, "expanduser", lambda path: path)
    assert all(folder.is_absolute() for folder in cache._candidates())


def test_where_nothing_can_be_kept_kernels_compile_in_memory_with_a_notice(tmp_path):
    code = (
        "import numpy as np\nfrom evenhand.kernels import cache\ncache.place = lambda: None\n"
        "from evenhand.kernels import envelope\nfrom evenhand.kernels.gufunc import gufunc\n"
        "f = gufunc('vs', '(n)->()')(lambda x, out: None)\nf(np.ones(2))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("compiled in memory, at every start") == 1


def _under_way(verb, pid, folder):
    """Whether the compiler is loaded, or two parts of a sweep are kept."""
    if verb == "sweep":
        return len(list(folder.glob("kept/parts/*.parquet"))) >= 2
    return "llvmlite" in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc to see how far a run has come")
@pytest.mark.parametrize("verb", ["compare", "sweep"])
def test_an_interrupt_is_said(verb, tmp_path):
    words = {
        "compare": ["compare", "geo7"],
        "sweep": [
            "sweep",
            "geo7",
            "--policy",
            "FairOBD",
            "--grid",
            "eta=1e-4:1:log500",
            "--jobs",
            "2",
            "--out",
            "kept",
        ],
    }[verb]
    started = subprocess.Popen(
        [sys.executable, "-m", "evenhand", *words, "--quiet"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True,
    )  # fmt: skip
    end = time.monotonic() + 600
    while started.poll() is None and time.monotonic() < end and not _under_way(verb, started.pid, tmp_path):
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does: every process of the group
    _, told = started.communicate(timeout=600)
    assert started.returncode in (130, -signal.SIGINT)  # a shell shows both as 130
    assert told.startswith("evenhand: interrupted")
    assert told.count("\n") == 1
    if verb == "sweep":
        assert "parts are kept in 'kept', run the same command again to go on" in told
        assert len(list(tmp_path.glob("kept/parts/*.parquet"))) >= 2


def test_runs_are_equal_by_their_numbers():
    problem = eh.load("synthetic").window(0)
    run = eh.simulate(problem, eh.FairOBD())
    assert run == eh.simulate(problem, eh.FairOBD())
    assert run != eh.simulate(problem, eh.HitMin())
    assert run != 3


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: eh.optimum("geo7"), "problem is 'geo7'"),
        (lambda: eh.compare(eh.load("synthetic"), [eh.FairOBD()]), "policies is \\[FairOBD"),
        (lambda: eh.compare("geo7"), "episodes is 'geo7'"),
        (lambda: eh.load(7), "name is 7"),
        (lambda: eh.load("synthetic", seed=-1), "seed is -1"),
        (lambda: eh.sweep_policies("synthetic", "FairOBD", {"eta": 1.0}), "grid\\['eta'\\] is 1.0"),
        (lambda: eh.sweep_policies("synthetic", "FairOBD", {"eta": range}), "grid"),
    ],
)
def test_a_wrong_argument_is_named(call, told):
    with pytest.raises(eh.EvenhandError, match=told):
        call()


def test_a_grid_without_end_is_refused():
    done = evenhand("sweep", "synthetic", "--policy", "FairOBD", "--grid", "eta=1:2:log99999999", "--quiet")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "99,999,999 points: give at most 100,000" in done.stderr
