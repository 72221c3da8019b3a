"""What a notebook shows: well formed, small, every name escaped, the numbers those of the record."""

from html.parser import HTMLParser

import numpy as np

import evenhand as eh
from evenhand.notebook import glance

EVIL = "<script>alert(1)</script>\n&\x1b[31m"


class Reader(HTMLParser):
    """Fails where tags are not closed in order; collects the text, and the tags that were used."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.cells = [], set(), []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert not attrs
        self.tags.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.cells.append(data)


def test_every_record_is_shown_small_and_escaped():
    week = eh.load("geo7").window(0)
    start = week.setting.initial
    names = [f"{EVIL}{i}" for i in range(start.size)]
    named = eh.Setting(week.horizon, 1.0, week.setting.fairness, start, actions=names)
    problem = eh.Problem(named, week.cost, week.impact, week.feasible)
    best = eh.optimum(problem)
    answer = eh.allocate(eh.Fleet(eh.Power([0.3, 0.6]), names=[EVIL, "b"], resources=[EVIL]), 1.0)
    compared = eh.compare(eh.load("geo7"), {EVIL: eh.Greedy()}, windows=[0, 9])
    for record in (
        problem, eh.load("geo7").windows(), eh.load("geo7"), best, best.trajectory, eh.simulate(problem, eh.FairOBD()),
        eh.lower_bound(problem, best.kappa), compared, answer, answer.certificate,
    ):  # fmt: skip
        text = record._repr_html_()
        seen = Reader(text)
        assert seen.tags <= {"div", "strong", "br", "table", "thead", "tbody", "tr", "th", "td", "em"}, record
        assert len(text) < 6000
        assert "\x1b" not in text


def test_of_many_agents_the_first_are_shown():
    answer = eh.allocate(eh.Fleet(eh.Log(np.ones(1000))), 10.0)
    assert "988 more" in answer._repr_html_()


def test_the_numbers_are_those_of_the_record():
    compared = eh.compare(eh.load("geo7"), {"mine": eh.FairOBD()}, windows=[0])
    cells = Reader(compared._repr_html_()).cells
    assert f"{compared.rows[-1].total:.6g}" in cells
    assert "mine" in cells
    answer = eh.allocate(eh.Fleet(eh.Power([0.3, 0.6])), 1.0)
    shown = Reader(answer._repr_html_())
    assert f"{answer.x[0]:.6g}" in shown.cells
    assert any("certified" in cell for cell in shown.cells)


def test_long_tables_and_long_texts_are_cut():
    text = glance("Many", {"long": "x" * 500}, ("i",), [(i,) for i in range(1000)])
    assert text.count("<tr>") == 13
    assert "988 more" in text
    assert len(text) < 1000
    assert "1e-12" in glance("Small", {"gap": np.float64(1e-12), "yes": True})
    assert "<table" not in glance("Bare", {})
