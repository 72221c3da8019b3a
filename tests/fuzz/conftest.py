"""Kernels are compiled before the first input, so that no input is charged for it."""

import pytest

from evenhand.diagnose import compile_all


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    compile_all()
