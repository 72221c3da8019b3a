"""What `evenhand new` writes passes every check, and for every check one edit of it is caught, with the remedy."""

from pathlib import Path

import pytest

from evenhand import checks, registry
from evenhand.checks.file import examine_file
from evenhand.errors import ParameterError, UnknownNameError
from evenhand.templates import TEMPLATES, written


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Plugins of one test are those of no other."""
    monkeypatch.setattr(registry, "_PLUGINS", [])


def verdicts(kind, edit, folder):
    """What is said of a template in which texts are replaced by others."""
    text = written(kind, Path("mine.py"))
    for old, new in edit:
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "mine.py"
    file.write_text(text)
    return [one for _, _, said in examine_file(file) for one in said]


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_keeps_every_promise(kind, tmp_path):
    said = verdicts(kind, [], tmp_path)
    assert {one.result for one in said} == {"ok"}
    assert {one.check.name for one in said} == {one.name for one in checks.SUITES[TEMPLATES[kind]].checks}


FROZEN = [("(frozen=True, slots=True)", "(slots=True)"), ("object.__setattr__(self, ", "setattr(self, ")]
#: kind -> check -> an edit that it catches
EDITS = {
    "policy": {
        "record": FROZEN,
        "actions": [("        return x, replace", "        x = 1.01 * x\n        return x, replace")],
        "inputs": [("        return x, replace", "        object.__setattr__(state, 'borne', 1.0)\n        return x, replace")],
        "aliasing": [("kept(applied)", "applied")],
        "repeats": [
            ("@final\n@dataclass(frozen=True, slots=True)\nclass MineState", "SEEN = []\n\n\n@final\n@dataclass(frozen=True, slots=True)\nclass MineState"),
            ("        x = moved", "        SEEN.append(1)\n        kappa = kappa + len(SEEN) % 2\n        x = moved"),
        ],
        "resumes": [("    open: bool = False\n", "    open: bool = False\n    notes: object = None\n"), ("borne, kappa)", "borne, kappa, notes={1})")],
        "batches": [("        x = moved", "        kappa = kappa * np.ones(1 + state.action.ndim).sum()\n        x = moved")],
        "blocks": [
            (
                "    def price",
                "    def block(self, setting, state, rounds):\n        from evenhand.trajectory import Block\n\n"
                "        x = rounds.feasible.upper + 0.0\n        return Block(x, rounds.impact.burden(x), None, state)\n\n"
                "    def price",
            )
        ],
        "causality": [("        x = moved", "        kappa = kappa + round.cost.linear.base.sum()\n        x = moved")],
        "units": [("        x = moved", "        kappa = kappa + np.arange(3.0)\n        x = moved")],
        "price": [("borne / (state.round + 1))", "borne / (state.round + 1))\n        kappa = kappa if burden.any() else kappa + np.inf")],
    },
    "fairness": {
        "record": FROZEN,
        "values": [("reduce.total(self.rate * np.maximum(y - self.level, 0.0))", "self.rate * np.maximum(y - self.level, 0.0)")],
        "convex": [("return reduce.total(self.rate * np.maximum(y -", "return -reduce.total(self.rate * np.maximum(y -")],
        "slopes": [("self.rate * (y > self.level)", "self.rate * (y > 0.5 + self.level)")],
        "projection": [("np.clip(kappa, 0.0, self.rate)", "np.clip(kappa, 0.0, 2.0 * self.rate)")],
        "conjugate": [("reduce.total(kappa * self.level))", "1.0 + reduce.total(kappa * self.level))")],
        "budget": [("np.clip(self.level, lower, upper)", "np.clip(self.level - 0.5, lower, upper)")],
        "inputs": [("        return self.rate * (y >", "        y += 0.0 if y.shape[0] > 1 else 1.0\n        return self.rate * (y - 1.0 * (y.shape[0] == 1) >")],
        "form": [("np.broadcast_to(self.level, (m,)), np.zeros(m)]", "np.broadcast_to(self.level, (m,)), np.zeros(m) - 1.0]")],
    },
    "switching": {
        "record": FROZEN,
        "moves": [("return Moves(rho=self.wear, up=self.start, down=self.stop)", "return self.start, self.stop")],
        "agreement": [("self.stop * np.maximum(-d, 0.0)", "self.stop * np.maximum(d, 0.0)")],
        "json": [("    wear: Any = 0.0\n", "    wear: Any = 0.0\n    names: Any = frozenset()\n")],
    },
    "cost": {
        "record": [*FROZEN],
        "values": [("return reduce.total(", "return np.sum(")],
        "convex": [("self.price * (x > self.level) + self.bend * x", "self.price * (x > self.level) + 2.0 * self.bend * x")],
        "inputs": [("        return self.price * (x >", "        x += 1e-3\n        return self.price * (x >")],
        "form": [("np.block([[eye, -eye]", "np.block([[eye, -2.0 * eye]")],
    },
    "utility": {
        "record": [("frozen=True, slots=True, eq=False", "slots=True, eq=False"), ("object.__setattr__(self, ", "setattr(self, ")],
        "values": [("self.top * (r / (r + self.half))", "self.top * np.where(r > 1.0, r / (r + self.half), np.nan)")],
        "concave": [("self.top * (r / (r + self.half))", "1.001 * self.top * (r / (r + self.half))")],
        "demand": [("np.sqrt(self.top * self.half / floats(price)) - self.half", "np.sqrt(self.top * self.half / floats(price)) - 0.9 * self.half")],
        "curvature": [("-2.0 * self.top", "-2.1 * self.top")],
        "inverse": [("np.divide(self.half * level, room", "np.divide(1.1 * self.half * level, room")],
        "inputs": [("        return -2.0 *", "        if r.ndim == 1 and abs(r[0] - 0.13) < 0.2:\n            r += 1e-3\n        return -2.0 *")],
        "take": [("pick(floats(self.top), i)", "pick(floats(self.top), i)[::-1]")],
    },
    "scenario": {
        "record": FROZEN,
        "data": [("default_rng(self.seed)", "default_rng()")],
        "windows": [("        if self.length > self.rounds:", "        if False:"), ("length: int = 48", "length: int = 480")],
        "line-up": [('{"HITMIN": HitMin(), "FairOBD": FairOBD()}', "{}")],
        "published": [("        return {}\n", '        return {"HITMIN": (1.0, 2.0, float("nan"), 3.0)}\n')],
    },
}  # fmt: skip
#: what an edit of a template cannot break: a class that lacks a member is of no kind, Moves is always a convex cost,
#: and an allocation is proved by what the checks before look at
BEYOND = {"members", "allocates"} | {"switching values"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, edits in EDITS.items() for name in edits])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_check_catches_an_edit(kind, name, tmp_path):
    said = verdicts(kind, EDITS[kind][name], tmp_path)
    broken = [one for one in said if one.result == "broken"]
    assert name in [one.check.name for one in broken], [(one.check.name, one.told) for one in broken]
    assert all("\n" not in one.told and len(one.check.mend) > 10 for one in broken)


def test_no_check_is_left_out():
    for kind, edits in EDITS.items():
        for one in checks.SUITES[TEMPLATES[kind]].checks:
            assert one.name in edits or {one.name, f"{kind} {one.name}"} & BEYOND, (kind, one.name)


def test_a_missing_member_is_named():
    class Nothing:
        """None at all."""

    for kind in registry.KINDS:
        said = checks.examine(kind, Nothing())
        assert said[0].result == "broken"
        assert all("not reached" in one.note for one in said[1:])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my-policy.py", "letters, digits and _"),
        ("my_policy.txt", "letters, digits and _"),
        ("1st.py", "letters, digits and _"),
        ("fair_obd.py", "FairOBD is a policy already"),
        ("array.py", "means something else"),
        ("none.py", "means something else"),
        ("exception.py", "means something else"),
    ],
)
def test_a_name_that_cannot_be_a_class_is_refused(name, words):
    with pytest.raises(ParameterError, match=words):
        written("policy", Path(name))


def test_an_unknown_kind_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="policy"):
        written("polcy", Path("mine.py"))


def test_a_class_that_is_nearly_one_is_told_why(tmp_path):
    text = written("policy", Path("mine.py")).replace("def settle", "def settled")
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ParameterError, match=r"Mine is no policy: it has init, decide and lacks settle"):
        registry.load_plugin(tmp_path / "mine.py")
    assert registry._PLUGINS == []
    (tmp_path / "two.py").write_text(text + "\n\n@dataclass(frozen=True)\nclass Free:\n    moves = 0.0\n")
    registry.load_plugin(tmp_path / "two.py")
    with pytest.raises(ParameterError, match="lacks settle"):
        registry.parse("policies", "mine")
    (tmp_path / "plain.py").write_text(
        written("policy", Path("plain.py")).replace("@dataclass(frozen=True, slots=True)", "")
    )
    with pytest.raises(ParameterError, match="it is no dataclass"):
        registry.load_plugin(tmp_path / "plain.py")


def test_what_was_meant_as_nothing_is_left_alone(tmp_path):
    """A helper, or a source of a connection, has one word in common with a kind; a file with none of any kind runs."""
    (tmp_path / "helper.py").write_text("class Helper:\n    value = step = 0\n    def init(self):\n        ...\n")
    module = registry.load_plugin(tmp_path / "helper.py")
    assert registry.strangers(module) == {}
    assert registry.kinds_in(module) == ()


def test_a_scenario_that_lacks_its_published_rows_is_told(tmp_path):
    text = written("scenario", Path("mine.py")).replace("def published", "def paper")
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(
        ParameterError, match="Mine is no scenario: it has length, problem, line_up and lacks published"
    ):
        registry.load_plugin(tmp_path / "mine.py")


def test_a_part_that_lacks_a_member_is_told_which(tmp_path):
    from evenhand import Setting
    from evenhand.errors import ProblemError

    (tmp_path / "mine.py").write_text(written("fairness", Path("mine.py")).replace("def recession", "def far"))
    module = registry.load_plugin(tmp_path / "mine.py")
    with pytest.raises(ProblemError, match=r"Mine.*, which has no recession: give a fairness cost"):
        Setting(3, 1.0, module.Mine(), [0.0])
    with pytest.raises(ProblemError, match=r"fairness is 3: give a fairness cost"):
        Setting(3, 1.0, 3, [0.0])
    said = examine_file(tmp_path / "mine.py")[0][2]
    assert [one.check.name for one in said if one.result == "broken"] == ["members"]
    assert "missing: recession" in said[1].told
