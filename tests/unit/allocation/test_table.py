"""Tables of agents: what they may contain, and errors that name row, column, value and remedy."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from evenhand.allocation.solve import allocate
from evenhand.allocation.table import fleet_from_table
from evenhand.errors import ProblemError, UnknownNameError


def read(text: str, **kwargs):
    return fleet_from_table(pd.read_csv(io.StringIO(text)), **kwargs)


def test_families_side_by_side():
    fleet = read(
        "agent,family,gamma,a,k,b,c,shift,weight,upper,onboard\n"
        "ant,power,0.5,,,,,,2,,0.25\nbee,exponential,,1,2,,,,,1.5,\ncat,saturating,,1,,0.2,0.5,,,,1\ndog,log,,,,,,,,,\n"
    )
    assert list(fleet.names) == ["ant", "bee", "cat", "dog"]
    assert fleet.weight.tolist() == [2.0, 1.0, 1.0, 1.0]
    assert fleet.upper.tolist() == [np.inf, 1.5, np.inf, np.inf]
    assert fleet.onboard.tolist() == [0.25, 0.0, 1.0, 0.0]
    np.testing.assert_allclose(
        fleet.utility.value(np.full(4, 4.0)), [2.0, 1 - np.exp(-8), 1 - 0.2 * 4**-0.5, np.log(4)]
    )
    assert allocate(fleet, 5.0).status == "certified"


def test_family_may_be_left_out_if_it_is_clear():
    fleet = read("agent,gamma\na,0.5\nb,0.25\n", resource="gpu")
    assert fleet.utility.value(np.array([4.0, 16.0])).tolist() == [2.0, 2.0]
    assert fleet.resources == ("gpu",)
    assert read("a,b,c\n1,0.2,0.5\n").n == 1
    assert read("a,k\n1,0.2\n").names == ("0",)


def test_several_resources():
    fleet = read("agent,gamma_rho,gamma_alpha,onboard_rho,upper_alpha\na,0.3,0.4,0.1,2\nb,0.2,0.0,,\n")
    assert fleet.resources == ("rho", "alpha")
    np.testing.assert_array_equal(fleet.onboard, [[0.1, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(fleet.upper, [[np.inf, 2.0], [np.inf, np.inf]])
    np.testing.assert_array_equal(fleet.utility.exponents, [[0.3, 0.4], [0.2, 0.0]])


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("agent,gamma\n", ProblemError, "no agents"),
        ("agent,gama\na,0.5\n", UnknownNameError, "'gama': did you mean 'gamma'"),
        ("agent,gamma\na,0.5\nb,1.5\n", ProblemError, r"row 3: Power: gamma = 1\.5 .*0 < gamma < 1"),
        ("agent,gamma\na,0.5\nb,\n", ProblemError, "row 3, column 'gamma' is empty"),
        ("agent,gamma\na,0.5\nb,x\n", ProblemError, "row 3, column 'gamma' = 'x'; give"),
        ("agent,gamma,weight\na,0.5,-1\n", ProblemError, r"row 2, column 'weight' = .*-1.*0 or more"),
        ("agent,gamma,lower,upper\na,0.5,2,1\n", ProblemError, r"row 2: lower = 2\.0 > upper = 1\.0"),
        ("agent,gamma\na,0.5\nb,0.5\na,0.2\n", ProblemError, "'a' is in row 2 and in row 4"),
        ("agent,family\na,powr\n", UnknownNameError, "row 2, column 'family'.*did you mean 'power'"),
        ("agent,family\na,power\n", ProblemError, "column 'gamma' is missing"),
        ("agent,onboard\na,1\n", ProblemError, "add a column 'family'"),
        ("agent,gamma_x,gamma_y\na,0.5,1.0\n", ProblemError, "row 2, column 'gamma_y' = 1.0"),
        ("agent,gamma_x,onboard\na,0.5,1.0\n", UnknownNameError, "'onboard': did you mean 'onboard_x'"),
        ("agent,gamma_x,upper_x\na,0.5,-1.0\n", ProblemError, "row 2, column 'upper_x'"),
    ],
)
def test_errors_name_row_column_value_and_remedy(text, error, said):
    with pytest.raises(error, match=said):
        read(text, source="agents.csv")
