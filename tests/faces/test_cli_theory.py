"""The theory verbs: what they print, what they refuse."""

import csv
import io
import json
import sys

import pytest

from evenhand.cli import main
from evenhand.experiment import compare, load
from evenhand.policies.hitmin import HitMin
from evenhand.report.compare import write_comparison


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command line; gives exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["evenhand", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


@pytest.fixture
def compared(call, tmp_path):
    code, _, _ = call(
        "compare", "geo7", "--windows", "0,30", "--policies", "OPT,FairOBD,HITMIN", "--quiet", "--out", tmp_path / "c"
    )
    assert code == 0
    return tmp_path / "c"


def test_certify_proves_a_percentage_for_every_window(call, compared):
    code, out, _ = call("certify", compared, "--policy", "FairOBD")
    assert code == 0
    lines = [line for line in out.splitlines() if "above the best possible in hindsight, proved" in line]
    assert [line.split(":")[0] for line in lines] == [
        "FairOBD(eta=0.01)",
        "FairOBD(eta=0.001)",
        "FairOBD(eta=0.0001)",
    ]
    _, out, _ = call("certify", compared, "--policy", "all", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["policy"] for row in rows} >= {"OPT", "HITMIN", "FairOBD(eta=0.01)"}
    for row in rows:
        cost, low, above = (float(row[k]) for k in ("cost", "lower_bound", "at_most_above"))
        assert above == pytest.approx(cost / low - 1, rel=1e-9)
        assert above >= -1e-9
        assert row["policy"] != "OPT" or above <= 1e-6


def test_labels_that_need_quotes_stay_one_cell(call, tmp_path):
    label = 'mine, "second try"; \u00e9'
    write_comparison(compare(load("synthetic"), {label: HitMin()}, hindsight=()), tmp_path / "c")
    code, out, _ = call("certify", tmp_path / "c", "--format", "csv", "--policy", label)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["policy"] for row in rows} == {label}
    assert all(float(row["cost"]) * (1 + 1e-9) >= float(row["lower_bound"]) for row in rows)


def test_the_certificate_agrees_with_the_ratio_that_compare_printed(call, compared):
    with (compared / "comparison.csv").open() as file:
        ratio = {row["policy"]: float(row["ratio"]) for row in csv.DictReader(file)}
    _, out, _ = call("certify", compared, "--policy", "HITMIN")
    said = float(out.rsplit("at most ", 1)[1].split(" %")[0])
    assert said == pytest.approx(100 * (ratio["HITMIN"] - 1), abs=0.006)


def test_run_json_is_plain_and_complete(compared):
    data = json.loads((compared / "run.json").read_text())
    assert data["windows"] == [0, 30]
    assert data["scenario"]["type"] == "Geo7"
    assert data["policies"]["FairOBD(eta=0.01)"] == {
        "type": "FairOBD", "eta": 0.01, "lambda1": 1.0, "lambda2": 0.0, "mirror": {"type": "Euclidean"},
        "domain": None, "kappa1": None,
    }  # fmt: skip


def test_bound_prints_every_term(call):
    code, out, _ = call("bound", "geo7", "--policy", "FairOBD", "--frame", "24", "--windows", "0,30")
    assert code == 0
    for word in ("H*", "S*", "G*", "V_h", "eta R Z^2", "kappa_max delta/T", "measured", "holds in every window"):
        assert word in out
    assert "NO" not in out
    code, out, _ = call("bound", "geo7", "--policy", "DMD,ROBD", "--set", "beta=0.0", "--windows", "0", "--z", "run")
    assert code == 0
    assert "bound A" in out
    code, out, _ = call("bound", "geo7", "--frame", "24", "--deviation", "500", "--windows", "0")
    assert code == 0
    assert "(24, 500)-OPT" in out


def test_periodicity_draws(call, tmp_path):
    code, out, _ = call("periodicity", "geo7", "--windows", "0:97:48", "--out", tmp_path / "p.png")
    assert code == 0
    assert "frame R" in out
    assert (tmp_path / "p.png").stat().st_size > 5000


@pytest.mark.parametrize("kind", ["regret", "ratio"])
def test_adversary(call, tmp_path, kind):
    code, out, _ = call("adversary", kind, "--rounds", "8,64", "--out", tmp_path / "a.svg")
    assert code == 0
    for word in ("HitMin", "FairOBD", "ROBD", "DMD", "Greedy", "proved: at least"):
        assert word in out
    assert (tmp_path / "a.svg").stat().st_size > 5000
    code, out, _ = call("adversary", kind, "--policy", "FairOBD(eta=0.1, domain=ball)", "--rounds", "8")
    assert code == 0


def test_theory_computes_every_claim(call, tmp_path):
    code, out, _ = call("theory", "--drawn", "10", "--rounds", "64,256", "--out", tmp_path / "v.png")
    assert code == 0
    assert "NO" not in out
    assert (tmp_path / "v.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("bound", "geo7", "--frame", "25"), "frame is 25: it must divide the 72 rounds; allowed: 1, 2, 3"),
        (("bound", "geo7", "--frame", "24", "--deviation", "-1"), "deviation is -1.0"),
        (("bound", "geo7", "--deviation", "10"), "--deviation needs --frame"),
        (("bound", "geo7", "--policy", "HitMin", "--windows", "0"), "HitMin has no guarantee"),
        (("bound", "geo7", "--policy", "OPT", "--windows", "0"), "is a benchmark"),
        (("bound", "geo7", "--z", "x"), "sets or run"),
        (("certify", "nowhere"), "run `evenhand compare SCENARIO --out nowhere` first"),
        (("adversary", "both"), "KIND is 'both': it must be regret or ratio"),
        (("adversary", "ratio", "--rounds", "63"), "even number"),
        (("adversary", "ratio", "--rounds", "many"), "whole numbers by commas"),
        (("periodicity", "geo7", "--mirror", "entropi"), "did you mean 'Entropy'?"),
        (("periodicity", "geo7", "--windows", "0", "--out", "/dev/null/x.png"), "cannot write to '/dev/null'"),
    ],
)
def test_refusals(call, words, text):
    code, _, err = call(*words)
    assert code == 2
    assert text in err
    assert err.count("\n") == 1


def test_certify_refuses_what_it_cannot_replay(call, compared):
    assert "did you mean" in call("certify", compared, "--policy", "HITMIM")[2]
    path = compared / "run.json"
    data = json.loads(path.read_text())
    data["policies"]["HITMIN"] = None
    path.write_text(json.dumps(data))
    assert "not written as plain data" in call("certify", compared, "--policy", "HITMIN")[2]
    data["policies"]["FairOBD(eta=0.01)"]["eta"] = 0.02
    path.write_text(json.dumps(data))
    code, _, err = call("certify", compared, "--policy", "FairOBD(eta=0.01)")
    assert code == 2
    assert "run `evenhand compare` again" in err
    path.write_text("{}")
    assert "is not a run" in call("certify", compared)[2]
