"""A folder that holds the table and its configuration."""

import pytest

from own_tables import LONG, csv


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t.yaml").write_text(LONG)
    (tmp_path / "t.csv").write_text(csv())
    return tmp_path
