"""Whatever a file holds, the readers give data or one line that says what to do, and soon.

EVENHAND_FUZZ: how many inputs are drawn in all; `make fuzz` draws many.
"""

from __future__ import annotations

import datetime
import decimal
import os
import re
import time
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.allocation.files import read_points, read_table
from evenhand.allocation.table import fleet_from_table
from evenhand.errors import EvenhandError, GuessWarning
from evenhand.own.template import DATA, config_text
from evenhand.tables import Format

#: no input may take longer, in seconds of the processor: other processes do not count
SLOWEST = 10.0
COUNT = int(os.environ.get("EVENHAND_FUZZ", "400"))
CONFIG = config_text("t")
WIDE = "time: hour\ndemand: {file: t.csv}\ncapacity: {sites: {a: 5, b: 9}}\nburdens: [{signal: 2, norm: 2}]\n"
TOML = 'data = "t.csv"\ndemand = "demand"\ncapacity = 9\n[[burdens]]\nsignal = 1\nnorm = inf\n'
AGENTS = "agent,family,gamma,shift,weight,upper\na,power,0.5,,2,\nb,log,,1,,3.5\nc,power,0.25,,1,1\n"
POINTS = "model,resource,value\np,1,0.5\np,2,0.7\np,3,0.75\nq,1,0.2\nq,2,0.3\nq,4,0.5\n"

#: pieces that have broken readers of tables and of YAML
ODD = (
    ",", ";", "\t", '"', "'", "\n", "\r", "\r\n", "\n\n", "\0", "\ufeff", "\u2028", "é", "١٢", "-", "1e400", "1e+300",
    "nan", "inf", "-1", "1,5", "1_000", "0x1f", "2024-13-45", "9999-01-01", "9" * 30, "NaN", "true", "", " ",
    "1677-01-01", "2024-05-10T13:00+25:00", "\x1b[31m", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
)  # fmt: skip
YAML = (
    ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: *a", "!!int ''", "!!float ''", "!!timestamp x", "!!binary x",
    "!!python/object:os.system ", "!!set ", "? ", "|", ">", "#", "%", "---\n", "...\n", "2024-02-31", "2001-1-1 25:61:61",
    "1e400", "1e5", ".inf", ".nan", "9" * 5000, "0x" + "f" * 5000, "1:99", "[" * 400, "{a: " * 100, "yes", "~", "\\ud800",
    '"\\ud800"', "\t", "\x01", "beta: 3\n", "sites: [a, a]\n", "sites: []\n", "every: -1h\n", "horizon: 10000000000\n",
    "windows: {length: 2, step: 99999999}\n", "name: ../x\n", "csv: {separator: ';'}\n", "csv: {encoding: utf-16}\n",
)  # fmt: skip


def number(share: float) -> int:
    return max(1, round(COUNT * share))


def drawn(share: float):
    return settings(
        max_examples=number(share),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@st.composite
def mutated(draw, texts, pieces, cell):
    """One of the texts with cells (of that pattern) exchanged, places cut or doubled, pieces of trouble put in."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(0, 3))):
        found = draw(st.sampled_from(list(re.finditer(cell, text)) or [re.match("", text)]))
        text = text[: found.start()] + draw(st.sampled_from(pieces) | st.text(max_size=4)) + text[found.end() :]
    if draw(st.booleans()):
        return text
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(text)))
        to = min(len(text), at + draw(st.integers(0, 12)))
        how = draw(st.integers(0, 3))
        put = text[at:to] * 2 if how == 0 else "" if how == 1 else draw(st.sampled_from(pieces) | st.text(max_size=4))
        text = text[:at] + put + text[to:]
    return text


@st.composite
def encoded(draw, texts):
    """A mutated table as bytes: separators, decimal commas, encodings, marks at the start, cut anywhere."""
    text = draw(mutated(texts, ODD, r"[^,\n]+"))
    other = draw(st.sampled_from([None, None, ";", "\t", "|"]))
    if other is not None:
        text = text.replace(",", other)
        if draw(st.booleans()):
            text = text.replace(".", ",")
    name = draw(
        st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "utf-16-le", "shift-jis"])
    )
    data = text.encode(name, errors="replace")
    if draw(st.integers(0, 9)) == 0:
        data = data[: draw(st.integers(0, len(data)))] + draw(st.binary(max_size=6))
    return data


def only_ours(act):
    """Run it: nothing but an EvenhandError of one line may come out, before long."""
    start, told = time.process_time(), ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GuessWarning)
        try:
            act()
        except EvenhandError as error:
            told = str(error)
    assert "\n" not in told
    assert "np.float64" not in told
    assert len(told) < 2000
    assert time.process_time() - start < SLOWEST


def own(folder, text=CONFIG, data=None, name="t.csv"):
    (folder / "t.yaml").write_text(text, encoding="utf-8", errors="surrogateescape")
    (folder / name).write_bytes(DATA.encode() if data is None else data)
    only_ours(lambda: eh.load_own(folder / "t.yaml").scenario.line_up())


@drawn(0.25)
@given(text=mutated((CONFIG, WIDE), YAML + ODD, r"(?<=: )[^#\n]+").filter(lambda t: "\ud800" not in t))
def test_yaml(tmp_path, text):
    own(tmp_path, text)


@drawn(0.1)
@given(text=mutated((TOML,), YAML + ODD, r"(?<== )[^\n]+"))
def test_toml(tmp_path, text):
    (tmp_path / "t.csv").write_text(DATA, encoding="utf-8")
    (tmp_path / "t.toml").write_text(text, encoding="utf-8", errors="replace")
    only_ours(lambda: eh.load_own(tmp_path / "t.toml"))


@drawn(0.05)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=5)
        | st.dates()
        | st.binary(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    st.sampled_from(
        sorted(eh.load("own").scenario.settings.model_fields_set | {"sites", "windows", "unserved", "csv"})
    ),
)
def test_any_value_under_any_key(value, key):
    only_ours(lambda: eh.load("own", changes={key: value}))


@drawn(0.25)
@given(data=encoded((DATA,)))
def test_own_csv(tmp_path, data):
    own(tmp_path, data=data)


@drawn(0.05)
@given(data=encoded(("hour,a,b\n1,1,2\n2,3,4\n3,1.5,0.5\n",)))
def test_own_wide_csv(tmp_path, data):
    own(tmp_path, WIDE, data)


@drawn(0.15)
@given(data=encoded((AGENTS, POINTS, "agent,gamma_x,gamma_y,onboard_x\na,0.3,0.2,1\nb,0.1,0,\n")))
def test_agents_and_points(tmp_path, data):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    only_ours(lambda: fleet_from_table(read_table(path), source="t.csv"))
    only_ours(lambda: read_points(path, ("model",)))


@drawn(0.05)
@given(st.tuples(*[st.none() | st.text(max_size=8) | st.sampled_from(["utf-7", "idna", "rot13", "hex", ";"])] * 3))
def test_formats(tmp_path, parts):
    path = tmp_path / "t.csv"
    path.write_text(AGENTS, encoding="utf-8")
    only_ours(lambda: read_table(path, form=Format(*parts)))


_VALUES = {
    "float16": (pa.float16(), st.floats(width=16).map(np.float16)),
    "float32": (pa.float32(), st.floats(width=32)),
    "int8": (pa.int8(), st.integers(-128, 127)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "decimal": (pa.decimal128(20, 3), st.integers(-(10**9), 10**9).map(decimal.Decimal)),
    "text": (pa.string(), st.text(max_size=4) | st.sampled_from(ODD[:20])),
    "large": (pa.large_string(), st.sampled_from(["a", "1", "2024-01-01"])),
    "binary": (pa.binary(), st.binary(max_size=4)),
    "bool": (pa.bool_(), st.booleans()),
    "seconds": (pa.timestamp("s"), st.integers(-(2**40), 2**40)),
    "nanos": (pa.timestamp("ns", "UTC"), st.integers(-(2**62), 2**62)),
    "date": (pa.date32(), st.dates()),
    "clock": (pa.time64("us"), st.times()),
    "span": (pa.duration("s"), st.integers(-(2**30), 2**30)),
    "list": (pa.list_(pa.int64()), st.lists(st.integers(0, 3), max_size=2)),
    "struct": (pa.struct([("a", pa.int64())]), st.fixed_dictionaries({"a": st.integers(0, 3)})),
    "map": (pa.map_(pa.string(), pa.int64()), st.just([("a", 1)])),
    "null": (pa.null(), st.none()),
    "labels": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "b", "0.5"])),
}


@st.composite
def odd_tables(draw):
    columns = {"time": [1, 1, 2, 2], "site": list("abab"), "demand": [3, 3, 4, 4], "capacity": [5, 6, 5, 6]}
    columns |= {"price": [1.5, 2, 2, 0.5], "carbon": [1.0, 2, 3, 4], "water": [0.0, 1, 2, 3]}
    if draw(st.integers(0, 2)) == 0:
        columns = {"agent": list("abcd"), "gamma": [0.5, 0.25, 0.5, 0.75], "weight": [1, 2, 3, 4]}
    elif draw(st.integers(0, 2)) == 0:
        columns = {"model": list("aaaa"), "resource": [1, 2, 3, 4], "value": [0.1, 0.2, 0.4, 0.5]}
    rows = draw(st.sampled_from([4, 4, 4, 0, 1]))
    columns = {name: pa.array(cells[:rows]) for name, cells in columns.items()}
    for name in draw(st.lists(st.sampled_from((*columns, *columns, "", "resource")), min_size=0, max_size=3)):
        kind, values = _VALUES[draw(st.sampled_from(sorted(_VALUES)))]
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[name] = pa.array(cells, type=kind)
    return pa.table(columns)


@drawn(0.1)
@given(table=odd_tables(), data=st.data())
def test_parquet(tmp_path, table, data):
    path = tmp_path / "t.parquet"
    pq.write_table(table, path)
    if data.draw(st.integers(0, 4)) == 0:
        whole = path.read_bytes()
        at = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + data.draw(st.integers(0, 4)) :])
    text = CONFIG.replace("t.csv", "t.parquet")
    own(tmp_path, text, path.read_bytes(), "t.parquet")
    only_ours(lambda: fleet_from_table(read_table(path)))
    only_ours(lambda: read_points(path, ("model",)))
    only_ours(lambda: eh.load_own(tmp_path / "t.yaml", frames={"t.parquet": table}))


@pytest.mark.parametrize("depth", [10, 100, 10_000])
def test_nests_and_alias_bombs_end_soon(tmp_path, depth):
    own(tmp_path, f"beta: {'[' * depth}{']' * depth}\n")
    own(tmp_path, "".join(f"{'  ' * k}a:\n" for k in range(min(depth, 1000))))
    bomb = "".join(f"k{k}: &k{k} [{', '.join([f'*k{k - 1}'] * 9)}]\n" for k in range(1, depth % 41 + 9))
    own(tmp_path, f"k0: &k0 [x]\n{bomb}{CONFIG}")
    only_ours(lambda: eh.load_own({"beta": datetime.date(2024, 1, 1)}))
