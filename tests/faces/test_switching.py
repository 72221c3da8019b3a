"""Switching costs on the command line."""

import pytest
from typer.testing import CliRunner

from evenhand.cli.app import app


def ran(*words):
    return CliRunner().invoke(app, list(words))


def test_list():
    done = ran("list", "switching")
    assert done.exit_code == 0
    assert all(
        name in done.output for name in ("Squared(beta)", "Weighted(weight)", "Linear(c)", "RampUp(c)", "Limits(")
    )


@pytest.mark.parametrize(
    "said", ["squared", "ramp_up", "Linear(2.0)", "Sum(RampUp(2.0), Limits(rise=60, from_start=False))"]
)
def test_set(said, tmp_path):
    done = ran("compare", "provisioning", "--windows", "0", "--policies", "HitMin", "--set", f"switching={said}", "--set",
               "length=6", "--quiet", "--out", str(tmp_path))  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "HITMIN" in done.output


@pytest.mark.parametrize(
    ("said", "words"), [("ramp", ["ramp", "squared"]), ("Linear(-1.0)", ["c is -1"]), ("Linear(1, 2)", ["Linear", "1"])]
)
def test_refuses(said, words, tmp_path):
    done = ran("compare", "provisioning", "--set", f"switching={said}", "--quiet", "--out", str(tmp_path))
    assert done.exit_code == 2 or done.exception is not None
    told = done.output + str(done.exception)
    assert all(word in told for word in words)
