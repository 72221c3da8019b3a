"""`evenhand advise` on a user's data and on a scenario: ten lines, a page, a line to paste; refusals in one line."""

import csv
import json
import re
import sys

import pytest

import evenhand as eh
from evenhand.own.config import read_config


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    from evenhand import cli

    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["evenhand", *map(str, arguments)])
        code = 0
        try:
            code = cli.main()
        except SystemExit as end:
            code = end.code or 0
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def test_a_users_data_in_about_ten_lines(run, tmp_path):
    assert run("new-scenario", "my-sites")[0] == 0
    code, out, err = run("advise", "my-sites.yaml")
    assert code == 0
    lines = out.splitlines()
    assert 8 <= len(lines) <= 12
    assert re.match(r"Run \w+", lines[1])
    assert re.search(r"at most \d+\.\d\d % above the best possible in hindsight, proved", out)
    assert "What fairness costs" in out
    assert re.search(r"It moves \d+\.\d+ % of the load", out)
    assert "The trace is short: 2 rounds" in out
    folder = tmp_path / "out" / "advise-my-sites"
    assert "advice.html" in err
    assert {p.name for p in folder.iterdir()} == {"advice.html", "advice.csv", "advice.json", "policy.yaml"}


def test_the_line_to_paste_is_a_configuration_and_runs(run, tmp_path):
    run("new-scenario", "my-sites")
    run("advise", "my-sites.yaml", "--quiet")
    told = (tmp_path / "out" / "advise-my-sites" / "policy.yaml").read_text()
    config = tmp_path / "my-sites.yaml"
    config.write_text(config.read_text() + told)
    settings, _, _ = read_config(config, {})
    plain = json.loads((tmp_path / "out" / "advise-my-sites" / "advice.json").read_text())
    assert settings.policy == plain["policy"]
    assert run("next", "my-sites.yaml", "--state", "state.json")[0] == 0


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of an advice on a few policies."""
    from evenhand.advice.advise import advise
    from evenhand.report.advise import as_csv, as_json, write_advice

    folder = tmp_path_factory.mktemp("advice")
    policies = {"HITMIN": eh.HitMin(), "<b>odd</b>": eh.FairOBD(eta=1.0, domain="ball")}
    advice = advise(eh.load("geo10"), policies)
    write_advice(advice, folder)
    return (folder / "advice.html").read_text("utf-8"), as_json(advice), as_csv(advice), advice


def test_the_page_is_self_contained_and_escapes_names(page):
    html = page[0]
    assert not re.search(r"""(src|href|srcset)=["'](?!data:|#)""", html)
    assert "<script" not in html
    assert html.count('src="data:image/png;base64,') == 4
    assert "<b>odd</b>" not in html
    assert "&lt;b&gt;odd&lt;/b&gt;" in html


def test_json_and_csv_hold_the_numbers(page):
    plain, rows, advice = json.loads(page[1]), list(csv.DictReader(page[2].splitlines())), page[3]
    assert plain["period"] == 24
    assert max(plain["chosen_on"]) + plain["length"] <= plain["split"] <= min(plain["reported_on"])
    assert plain["at_most_above"] == pytest.approx(advice.at_most(advice.chosen))
    assert [p["factor"] for p in plain["pareto"]] == [0, 0.5, 1, 2]
    rest = {row["policy"]: float(row["total"]) for row in rows if row["part"] == "rest"}
    assert rest[advice.chosen] == advice.row.total
    assert rest["OPT"] == min(rest.values())


@pytest.mark.parametrize("form", ["json", "csv"])
def test_stdout_is_the_data_alone(run, form):
    code, out, err = run("advise", "tenants", "--policies", "HITMIN,ProportionalShare", "--set", "length=20",
                         "--format", form, "--quiet", "--out", "here")  # fmt: skip
    assert (code, err) == (0, "")
    if form == "json":
        assert json.loads(out)["name"] == "tenants"
    else:
        assert out.startswith("part,policy,hitting")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "unknown scenario 'nonsense'"),
        (["fleet"], "fleet is one-shot"),
        (["missing.yaml"], "cannot read 'missing.yaml'"),
        (["geo7", "--period", "0"], "period is 0"),
        (["geo7", "--format", "xml"], "--format is 'xml'"),
        (["geo7", "--policies", "Nobody"], "unknown policy 'Nobody'"),
        (["synthetic", "--set", "family=one-round"], "the trace has one round"),
    ],
)
def test_refusals_are_one_line(run, arguments, says):
    code, out, err = run("advise", *arguments)
    assert code == 2
    assert out == ""
    assert says in err
    assert err.count("\n") == 1
