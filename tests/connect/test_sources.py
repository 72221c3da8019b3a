"""Each source: what it reads, when it was measured, and what it says of answers that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connect.cases import BEGIN, SERIES
from connect.fakes import Prometheus as FakePrometheus
from connect.loopback import Loopback
from evenhand.connect.link import Link, Patience, Server
from evenhand.connect.records import Reading
from evenhand.connect.sources.http_json import HttpJson
from evenhand.connect.sources.prometheus import Prometheus
from evenhand.connect.sources.table import Table
from evenhand.errors import EvenhandError, ProblemError, RefusedError

SITES = ("north", "south")


@pytest.fixture
def link(tmp_path):
    made = Link(tmp_path, Patience(60.0, 2, 0.0), sleep=lambda _: None)
    yield made
    made.close()


def values(readings):
    return {(r.site, r.value, r.at) for r in readings}


@pytest.fixture
def fake():
    with Loopback(FakePrometheus(SERIES)) as server:
        yield server


class TestPrometheus:
    def test_series_become_sites(self, fake, link):
        source = Prometheus("linear", Server(fake.url), "price", label="site")
        assert values(source.gather(link, SITES, BEGIN + 3600)) == {("north", 38.0, BEGIN + 3600)}
        named = Prometheus("linear", Server(fake.url), "price", label="site", sites={"west": "north", "north": "south"})
        found = values(named.gather(link, SITES, BEGIN))
        assert found == {("north", 1.0, BEGIN), ("south", 40.0, BEGIN)}
        assert fake.asked[0].path == "/api/v1/query"
        assert fake.asked[0].query == {"query": "price", "time": str(BEGIN + 3600)}

    def test_a_range_finds_older_samples_and_says_how_old(self, fake, link):
        source = Prometheus("linear", Server(fake.url), "price", label="site", range=3600, step=60)
        found = values(source.gather(link, SITES, BEGIN + 3600))
        # the last point of the range at which the sample was within the lookback of five minutes
        assert found == {("north", 38.0, BEGIN + 3600), ("south", 55.0, BEGIN + 3300)}
        gaps = Prometheus("linear", Server(fake.url), "gaps", label="site", range=600, step=30)
        assert values(gaps.gather(link, SITES, BEGIN + 90)) == {("north", 1.0, BEGIN + 30)}

    def test_timestamps_tell_the_age_of_a_sample(self, fake, link):
        source = Prometheus("linear", Server(fake.url), "price", label="site", timestamps="timestamp(price)")
        assert values(source.gather(link, SITES, BEGIN + 250)) == {("north", 40.0, BEGIN)}

    def test_without_a_label_it_is_one_number(self, fake, link):
        assert values(Prometheus("demand", Server(fake.url), "demand").gather(link, SITES, BEGIN)) == {
            (None, 6.0, BEGIN)
        }
        scalar = Prometheus("demand", Server(fake.url), "scalar(demand)")
        assert values(scalar.gather(link, SITES, BEGIN + 1)) == {(None, 6.0, BEGIN + 1)}
        with pytest.raises(ProblemError, match="gives several series: sum or average them in it"):
            Prometheus("demand", Server(fake.url), "price").gather(link, SITES, BEGIN)
        with pytest.raises(ProblemError, match="gives several series for 'north'"):
            Prometheus("linear", Server(fake.url), "twice", label="site").gather(link, SITES, BEGIN)

    def test_no_series_is_no_reading(self, fake, link):
        assert Prometheus("demand", Server(fake.url), "nothing").gather(link, SITES, BEGIN) == []
        assert Prometheus("demand", Server(fake.url), "scalar(nothing)").gather(link, SITES, BEGIN) == []

    def test_a_query_that_is_none(self, fake, link):
        with pytest.raises(RefusedError, match="answers 400: 'invalid parameter"):
            Prometheus("demand", Server(fake.url), "sum(").gather(link, SITES, BEGIN)
        with pytest.raises(RefusedError, match="exceeded maximum resolution"):
            Prometheus("demand", Server(fake.url), "demand", range=86400, step=1).gather(link, SITES, BEGIN)

    @pytest.mark.parametrize(
        "data",
        [
            {"resultType": "string", "result": [1, "x"]},
            {"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]},
            {"resultType": "vector", "result": [{"metric": {}, "value": [1, "one"]}]},
            {"resultType": "matrix", "result": [{"metric": {}, "values": 7}]},
            {},
            [],
        ],
    )
    def test_answers_that_hold_no_numbers(self, link, data):
        told = pytest.raises(ProblemError, match="query 'demand' gives")
        with Loopback(lambda _: (200, {"status": "success", "data": data})) as server, told:
            Prometheus("demand", Server(server.url), "demand").gather(link, SITES, BEGIN)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"step": 5}, "step belongs to range"),
            ({"range": 5, "timestamps": "x"}, "not both"),
            ({"sites": {"n": "north"}}, "told apart by a label"),
        ],
    )
    def test_settings_that_are_none(self, given, words):
        with pytest.raises(ValueError, match=words):
            Prometheus("demand", Server("http://localhost"), "demand", **given)


class TestHttpJson:
    def test_one_number_an_object_and_a_list(self, link):
        answers = {
            "/one": {"load": {"now": 7}},
            "/object": {"price": {"n": 40, "s": 55, "w": 1}, "at": "2026-05-10T04:00Z"},
            "/list": {
                "data": [
                    {"zone": {"id": "s"}, "value": 0.2, "time": 10},
                    {"zone": {"id": "n"}, "value": None, "time": 11},
                ]
            },
        }
        with Loopback(lambda asked: (200, answers[asked.path])) as server:
            at, names = Server(server.url), {"n": "north", "s": "south"}
            one = HttpJson("demand", at, "load.now", path="one")
            assert one.gather(link, SITES, BEGIN) == [Reading(7.0)]
            many = HttpJson("linear", at, "price", path="object", sites=names, time="at", scale=0.5)
            assert values(many.gather(link, SITES, BEGIN)) == {
                ("north", 20.0, 1778385600.0),
                ("south", 27.5, 1778385600.0),
            }
            rows = HttpJson("linear", at, "value", path="list", items="data", label="zone.id", time="time", sites=names)
            assert values(rows.gather(link, SITES, BEGIN)) == {("south", 0.2, 10.0)}

    def test_one_request_a_site(self, link, monkeypatch):
        monkeypatch.setenv("GRID_KEY", "k-1")

        def answer(asked):
            assert asked.headers["auth-token"] == "k-1"
            return 200, {
                "carbonIntensity": {"DE": 301, "FR/x": 42}[asked.query["zone"]],
                "datetime": "2026-05-10T04:00:00.000Z",
            }

        with Loopback(answer) as server:
            at = Server(server.url, headers_env={"auth-token": "GRID_KEY"})
            source = HttpJson(
                "carbon", at, "carbonIntensity", path="v3/latest", query={"zone": "{site}"}, time="datetime",
                sites={"DE": "north", "FR/x": "south"},
            )  # fmt: skip
            assert values(source.gather(link, SITES, BEGIN)) == {
                ("north", 301.0, 1778385600.0),
                ("south", 42.0, 1778385600.0),
            }
        with Loopback(lambda asked: (200, {"/north": 1, "/a b%": 2}[asked.path])) as server:
            source = HttpJson(
                "linear", Server(server.url), "", path="{site}", sites={"north": "north", "a b%": "south"}
            )
            assert values(source.gather(link, SITES, BEGIN)) == {("north", 1.0, None), ("south", 2.0, None)}

    @pytest.mark.parametrize(
        ("answer", "value", "words"),
        [
            ({"a": [1]}, "a.1", "the answer has no '1' of 'a.1'"),
            ({"a": 1}, "a.b", "the answer has no 'b' of 'a.b'"),
            ({"a": "7"}, "a", "'a' holds '7': name the place of a number"),
            ({"a": True}, "a", "'a' holds True"),
            ({"a": [1, 2]}, "a", r"'a' holds \[1, 2\]"),
        ],
    )
    def test_places_that_are_not_there(self, link, answer, value, words):
        with Loopback(lambda _: (200, answer)) as server, pytest.raises(ProblemError, match=words):
            HttpJson("demand", Server(server.url), value).gather(link, SITES, BEGIN)

    def test_settings_that_are_none(self):
        for given, words in (
            ({"items": "a"}, "belong together"),
            ({"items": "a", "label": "b", "path": "{site}"}, "not both"),
        ):
            with pytest.raises(ValueError, match=words):
                HttpJson("demand", Server("http://localhost"), "v", **given)


LONG = """\
time,site,price,load
2026-05-10T03:00Z,north,40,
2026-05-10T03:00Z,south,55,
2026-05-10T04:00Z,north,,7
2026-05-10T04:00Z,west,1,
2026-05-10T03:00Z,north,41,
2026-05-10T05:00Z,north,99,9
"""
FOUR = 1778385600.0  # 2026-05-10T04:00Z
THREE = FOUR - 3600.0


class TestTable:
    def test_the_newest_row_of_each_site_up_to_now(self, link):
        link.file("t.csv").write_text(LONG)
        source = Table("linear", "t.csv", "price")
        assert values(source.gather(link, SITES, FOUR)) == {("north", 41.0, THREE), ("south", 55.0, THREE)}
        assert values(source.gather(link, SITES, FOUR + 3600)) == {("north", 99.0, FOUR + 3600), ("south", 55.0, THREE)}
        named = Table("linear", "t.csv", "price", sites={"west": "south"})
        assert values(named.gather(link, SITES, FOUR)) == {("south", 1.0, FOUR)}

    def test_a_table_without_sites_and_a_wide_one(self, link):
        link.file("t.csv").write_text(LONG)
        demand = Table("demand", "t.csv", "load", site="none")
        assert values(demand.gather(link, SITES, FOUR)) == {(None, 7.0, FOUR)}
        link.file("wide.csv").write_text("time;south;north\n2026-05-10T03:00Z;1,5;2,5\n2026-05-10T04:00Z;;3,5\n")
        wide = Table("linear", "wide.csv")
        with pytest.warns(UserWarning, match="separator"):
            found = wide.gather(link, SITES, FOUR)
        assert values(found) == {("south", 1.5, THREE), ("north", 3.5, FOUR)}

    def test_parquet(self, link):
        table = pa.table({"time": pa.array([int(THREE), int(FOUR)], pa.timestamp("s")), "load": [6.0, 7.0]})
        pq.write_table(table, link.file("t.parquet"))
        assert values(Table("demand", "t.parquet", "load").gather(link, SITES, FOUR)) == {(None, 7.0, FOUR)}

    @pytest.mark.parametrize(
        ("text", "given", "words"),
        [
            (LONG, {"column": "prize"}, "did you mean 'price'"),
            (LONG, {"column": "price", "time": "when"}, "unknown column in t.csv 'when'"),
            (LONG.replace("41", "4l"), {"column": "price"}, "t.csv, line 6, column 'price' is 4l"),
            (LONG, {}, "t.csv has no column of a site"),
            ("time,load\n1,2\n", {"column": "load"}, "counts rounds: connections need times"),
        ],
    )
    def test_tables_that_cannot_be_read(self, link, text, given, words):
        link.file("t.csv").write_text(text)
        with pytest.raises(EvenhandError, match=words):
            Table("linear", "t.csv", **given).gather(link, SITES, FOUR)
        Path(link.file("t.csv")).unlink()
        with pytest.raises(ProblemError, match=r"file 't\.csv' is not in"):
            Table("linear", "t.csv", **given).gather(link, SITES, FOUR)
