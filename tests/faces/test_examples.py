"""Every example runs, and what it computes is what theory says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
#: relative agreement: exact formulas to rounding, a difference quotient to its own error, the joint solver to its gap
CLOSE = {"log_split": 1e-12, "two_equal_agents": 1e-12, "price": 1e-6, "fairness_levels": 1e-5, "accelerators": 1e-6}


@pytest.mark.parametrize("name", sorted(CLOSE))
def test_computed_is_theoretical(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")["main"]()
    assert "theoretical" in capsys.readouterr().out
    for title, (computed, theoretical) in pairs.items():
        assert computed == pytest.approx(theoretical, rel=CLOSE[name], abs=1e-9), title
