"""`evenhand network` as a user runs it: shares, prices, files, and one line for what is wrong."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from evenhand.cli import app

FLOWS = "flow,path,weight,upper\nlong,a;b,1,\nshort,a,1,\n007,b,2,\n"
LINKS = "link,capacity\na,1\nb,2\nunused,5\n"


def network(tmp_path, monkeypatch, capsys, *options, flows=FLOWS, links=LINKS):
    (tmp_path / "flows.csv").write_text(flows)
    (tmp_path / "links.csv").write_text(links)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["evenhand", "network", "flows.csv", "links.csv", *options])
    code = app.main()
    out, err = capsys.readouterr()
    return code, out, err


def test_shares_prices_and_files(tmp_path, monkeypatch, capsys):
    code, out, err = network(tmp_path, monkeypatch, capsys)
    assert code == 0
    assert "certified" in out
    assert "network.json" in err
    data = json.loads((tmp_path / "out/network-flows/network.json").read_text())
    # 1/x0 = 1/(1 − x0) + 2/(2 − x0) at proportional fairness
    x = data["x"]["long"]
    assert 1.0 / x == pytest.approx(1.0 / (1.0 - x) + 2.0 / (2.0 - x), rel=1e-3)
    assert data["status"] == "SOLVED"
    assert data["prices"]["unused"] == 0.0
    frame = pd.read_csv(tmp_path / "out/network-flows/flows.csv", dtype={"flow": str})
    assert list(frame["flow"]) == ["long", "short", "007"]
    assert list(frame["stopped_by"]) == ["a", "a", "b"]
    loads = pd.read_csv(tmp_path / "out/network-flows/links.csv")
    assert np.all(loads["load"] <= loads["capacity"])


def test_max_min(tmp_path, monkeypatch, capsys):
    code, out, _ = network(tmp_path, monkeypatch, capsys, "--fairness", "inf", "--format", "json", "--quiet")
    data = json.loads(out)
    assert code == 0
    assert data["x"] == {"long": 0.5, "short": 0.5, "007": 1.5}
    assert data["stopped_by"] == {"long": "a", "short": "a", "007": "b"}
    assert data["above"] == 0.0


def test_utilities_of_their_own(tmp_path, monkeypatch, capsys):
    flows = "flow,path,family,gamma\nx,a b,power,0.5\ny,a,log,\n"
    code, out, _ = network(tmp_path, monkeypatch, capsys, "--format", "csv", flows=flows)
    assert code == 0
    head, x, y = out.splitlines()
    assert head == "flow,x,path_price,utility,stopped_by"
    share, other = float(x.split(",")[1]), float(y.split(",")[1])
    assert 0.5 / share**0.5 == pytest.approx(1.0 / other, rel=1e-3)  # both marginals at the price of a
    assert network(tmp_path, monkeypatch, capsys, "--fairness", "inf", flows=flows)[0] == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"flows": "flow,path\nx,a;c\n"}, "line 2, column 'path': link of links.csv 'c'"),
        ({"flows": "flow,path\nx,\ny,a\n"}, "line 2, column 'path' is empty"),
        ({"flows": "flow,path\nx,a;;b\n"}, "a name is empty"),
        ({"flows": "flow,path\nx,a a\n"}, "crosses a link twice"),
        ({"flows": "flow,path\nx,a\nx,b\n"}, "'x' is in line 2 and in line 3"),
        ({"flows": "flow,route\nx,a\n"}, "column 'path' is missing"),
        ({"flows": "flow,path,wait\nx,a,1\n"}, "wait"),
        ({"links": "link,capacity\na,-1\nb,1\n"}, "line 2, column 'capacity' = -1"),
        ({"links": "link,capacity\na,1\na,1\nb,1\n"}, "link 'a' is in line 2 and in line 3"),
        ({"links": "link\na\nb\n"}, "column 'capacity' is missing"),
        ({"links": "link,capacity,cost\na,1,1\nb,1,1\n"}, "cost"),
        ({"flows": "flow,path,lower\nx,a,3\n"}, "link 0: the lower bounds"),
    ],
)
def test_what_is_wrong_is_one_line(change, text, tmp_path, monkeypatch, capsys):
    code, out, err = network(tmp_path, monkeypatch, capsys, **change)
    assert code == 2
    assert out == ""
    assert text in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("level", ["0", "-1", "nan"])
def test_levels_that_are_none(level, tmp_path, monkeypatch, capsys):
    code, _, err = network(tmp_path, monkeypatch, capsys, "--fairness", level)
    assert code == 2
    assert "fairness" in err
