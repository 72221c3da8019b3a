from __future__ import annotations

import math
from itertools import pairwise

import pytest

from evenhand.errors import ParameterError, UnknownNameError
from evenhand.mirror import Entropy, Euclidean
from evenhand.sweeps.grid import assignments, product, values


def test_log_ranges_hold_round_numbers_and_their_ends() -> None:
    assert values("1e-4:1:log5") == (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    nine = values("1e-4:1:log9")
    assert len(nine) == 9
    assert nine[2] == 0.001
    assert all(math.isclose(b / a, math.sqrt(10)) for a, b in pairwise(nine))


def test_linear_ranges_and_one_point() -> None:
    assert values("0:1:lin5") == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert values("3:-1:lin3") == (3.0, 1.0, -1.0)
    assert values("0.5:2:log1") == (0.5,)


def test_lists_mix_kinds_and_keep_order_without_repetition() -> None:
    assert values("0,0.1,1, 0.1") == (0, 0.1, 1)
    assert values("2,1e-1:1:log2,inf") == (2, 0.1, 1.0, math.inf)
    assert values("free,ball") == ("free", "ball")
    assert values("True,None,(1, 2),[3, 4]") == (True, None, (1, 2), (3, 4))
    assert values("Entropy(),Euclidean") == (Entropy(), Euclidean())
    assert values("some-text") == ("some-text",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        (" , ", "is empty"),
        ("1:2:3", "cannot read the range"),
        ("1:2", "cannot read the range"),
        ("a:b:log3", "cannot read the range"),
        ("1:2:log", "cannot read the range"),
        ("1:2:lin0", "no points"),
        ("0:1:log3", "above 0"),
        ("-1:1:log3", "above 0"),
    ],
)
def test_malformed_grids_say_how(text: str, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        values(text)


def test_an_unknown_record_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Entropy"):
        values("Entropi()")


@pytest.mark.parametrize("item", ["eta", "=1", "1eta=2", "eta:1:2"])
def test_assignments_need_a_name(item: str) -> None:
    with pytest.raises(ParameterError, match="write name=values"):
        assignments([item], "--grid")


def test_assignments_name_the_option_and_the_item() -> None:
    assert assignments(["eta=1,2", "p=inf"], "--grid") == {"eta": (1, 2), "p": (math.inf,)}
    with pytest.raises(ParameterError, match="--set 'mu=1:2': cannot read"):
        assignments(["mu=1:2"], "--set")
    with pytest.raises(ParameterError, match="gives 'eta' twice"):
        assignments(["eta=1", "eta=2"], "--grid")


def test_product_has_the_last_axis_fastest() -> None:
    assert product({"a": (1, 2), "b": (3, 4)}) == (
        {"a": 1, "b": 3},
        {"a": 1, "b": 4},
        {"a": 2, "b": 3},
        {"a": 2, "b": 4},
    )
    assert product({}) == ({},)
