"""Argument vectors of every verb, good and bad: an answer, or one line on stderr and exit code 2, in time.

Run in this process, in a folder of its own, on scenarios of a few rounds.
"""

import io
import os
import shutil
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand import cli, registry
from evenhand.cli.app import VERBS
from fuzzed import in_time, inputs

AGENTS = "agent,family,gamma\n[/red],power,0.5\n$\\frac$,power,0.25\n"
#: no `every`, so that it never waits
CONNECTED = """
sites: [north, south]
connect:
  sources:
    - {kind: table, field: demand, file: my.csv, column: demand, site: none}
    - {kind: table, field: capacity, file: my.csv, column: capacity}
    - {kind: table, field: linear, file: my.csv, column: price}
    - {kind: table, field: carbon, file: my.csv, column: carbon}
    - {kind: table, field: water, file: my.csv, column: water}
  targets: [{kind: file, path: split.json}]
"""
POINTS = "model,resource,value\n" + "".join(f"{m},{r},{r**0.5 * 0.1}\n" for m in ("[a]", "$b") for r in range(1, 7))


def pick(text):
    """One of the words between the bars."""
    return st.sampled_from(text.split("|"))


BAD = st.one_of(
    pick(
        "|-|--|x|0|-1|1|2|7|1e309|1e400|nan|inf|-inf|None|True|[]|{}|()|'a'|[1, 2]|a=1|a=|=1|,|,,|:|::|1:2|0:9:0|a:b"
        "|9999999999999999999999|1e-320|[/red]|$\\frac$|a\nb|\t|é|名|\udcff|\x1b[31m|%s|{0}|..|/|/dev/null|/dev/null/x"
        "|no/such/folder|no-such-file.csv|my.yaml|my.csv|agents.csv|points.csv|out.foo|~|*"
    ),
    st.sampled_from(
        ("[" * 300, "(" * 300, "-" * 300 + "1", "x" * 5000, "9" * 5000, "FairOBD(eta=", "FairOBD(eta=()", "a\0b")
    ),
    st.text(max_size=12),
)
#: the same where files are written, which stay in the folder of the test
INSIDE = BAD.filter(lambda text: not text.startswith(("/", "~", "..")) and "/.." not in text)
NUMBER = st.one_of(st.sampled_from(("0", "1", "0.5", "2", "1e-3", "-1", "1e9", "1e-12")), BAD)
SCENARIO = st.one_of(st.sampled_from(("synthetic", "my.yaml", "fleet", "geo7", "syntetic", "my.csv", "my", ".")), BAD)
POLICY = st.one_of(
    pick(
        "FairOBD|ROBD|Greedy|HitMin|DMD|OPT|FairOPT|all|FairOBD(eta=0.1)|FairOBD(eta=-1)|FairOBD(domain=ball)|fairobd"
        "|FairOBD(mirror=Entropy())|FairOBD(mirror=3)|ROBD(lambda1=0)|FairOBD,ROBD|Fleet|FairOBD(1)|FairOBD(eta='x')"
        "|FairOBD(eta=nan)|RecedingHorizon(steps=2)|RecedingHorizon(steps=1e308)|AdaptiveFairOBD|DMD()"
    ),
    BAD,
)
SETTING = st.one_of(
    pick(
        "mu=1|mu=-1|mu=x|mu=[1]|mu=None|mu=nan|beta=0.0|beta=1e308|p=2|p=inf|p=0|p=1|length=3|length=0|length=1.5|rounds=6"
        "|rounds=-1|rounds=x|seed=1|seed=-1|seed=x|seed=1.5|n=2|n=0|n=x|family=toggle|family=nothing|family=3|draws=1|draws=0"
        "|sizes=2|sizes=x|sizes=(2,3)|fairness=1|fairness=-1|betta=1|data=3|q=0|q=1e-300|mu=1e300|name=[/red]"
    ),
    BAD,
)
GRID = st.one_of(
    pick(
        "eta=1e-3,1e-2|eta=1:2:log3|eta=1:2:log99999999|eta=1:2:lin0|eta=0:1:log3|eta=|eta=x|eta=1,1|lambda2=0,1|mu=1,2"
        "|mirror=Entropy(),Euclidean()|mirror=x|eta=1:2|eta=1e308:1e309:lin3|=1|domain=ball,free|domain=sphere"
    ),
    BAD,
)
WINDOWS = st.one_of(st.sampled_from(("0", "all", "0,1", "0:2:1", "-1", "0:1:0", "999999")), BAD)
ROUNDS = st.one_of(st.sampled_from(("2", "4,8", "3", "0", "-2", "64", "99999999999", "1e3")), BAD)
FORMAT = st.one_of(st.sampled_from(("table", "csv", "json", "xml")), BAD)
FOLDER = st.one_of(st.sampled_from(("results", "out/a/b", "/dev/null/x", "/proc/x", "agents.csv")), INSIDE)
FIGURE = st.one_of(
    st.sampled_from(("a.svg", "deep/er/a.png", "a.PDF", "a.foo", "/dev/null/x.png", "agents.csv")), INSIDE
)
FILE = st.one_of(
    st.sampled_from(("agents.csv", "points.csv", "my.csv", "my.yaml", ".", "empty.csv", "latin.csv", "none.csv")), BAD
)
KEPT = st.one_of(
    st.sampled_from(("s.json", "l.jsonl", "my.csv", "applied.json", "out", "no/s.json", "empty.csv")),
    INSIDE,
)
CAPACITY = st.one_of(st.sampled_from(("1", "10", "gpu=1", "a=1", "0", "-1", "1e300", "1e-300", "gpu=", "=")), BAD)
COLUMN = st.one_of(st.sampled_from(("model", "resource", "value", "agent", "none")), BAD)

#: verb -> (what its argument is, its options); None is a flag. `theory` and `reproduce` take long when all is well
GRAMMAR = {
    "advise": (SCENARIO, {"policies": POLICY, "period": NUMBER, "set": SETTING, "out": FOLDER, "format": FORMAT}),
    "compare": (SCENARIO, {"policies": POLICY, "windows": WINDOWS, "set": SETTING, "out": FOLDER, "format": FORMAT}),
    "list": (st.one_of(st.sampled_from(("policies", "scenarios", "costs", "polices")), BAD), {}),
    "info": (st.none(), {}),
    "warmup": (st.none(), {}),
    "allocate": (
        FILE,
        {"capacity": CAPACITY, "fairness": NUMBER, "start": FILE, "explain": BAD, "sweep": None, "out": FOLDER,
         "format": FORMAT},
    ),
    "network": (st.tuples(FILE, FILE), {"fairness": NUMBER, "csv": BAD, "out": FOLDER, "format": FORMAT}),
    "fit": (FILE, {"by": COLUMN, "resource": COLUMN, "value": COLUMN, "family": BAD, "out": FOLDER, "format": FORMAT}),
    "sweep": (
        SCENARIO,
        {"policy": POLICY, "grid": GRID, "set": SETTING, "seeds": NUMBER, "windows": WINDOWS, "out": FOLDER,
         "format": FORMAT},
    ),
    "reproduce": (st.none(), {"out": st.sampled_from(("/dev/null/x", "agents.csv", "/proc/x"))}),
    "new-scenario": (st.one_of(st.sampled_from(("mine", "my")), BAD), {"folder": FOLDER}),
    "new": (
        st.tuples(
            st.one_of(pick("policy|fairness|switching|cost|utility|scenario|polcy"), BAD),
            st.one_of(pick("a.py|held.py|my-file.py|array.py|none.py|fair_obd.py|no/such/a.py|a.txt|.py|my.yaml"), INSIDE),
        ),
        {"force": None},
    ),
    "check": (
        st.one_of(st.sampled_from(("held.py", "my.yaml", "my.csv", "no.py", ".")), BAD),
        {"example": st.one_of(pick("Held|held(start=2)|Held(start=-1)|Held(begin=1)|Linear(2.0)"), BAD), "on": SCENARIO, "json": None},
    ),
    "next": (SCENARIO, {"settle": KEPT, "ledger": KEPT, "format": FORMAT, "state": KEPT}),
    "connect": (
        st.one_of(st.sampled_from(("connected.yaml", "my.yaml", ".")), BAD),
        {"data": FOLDER, "once": None, "apply": None, "dry-run": None, "report": None, "rounds": ROUNDS, "out": FOLDER,
         "format": st.one_of(st.sampled_from(("text", "json", "table")), BAD)},
    ),
    "replay": (SCENARIO, {"policy": POLICY, "ledger": KEPT, "verify": None, "format": FORMAT}),
    "certify": (st.one_of(st.sampled_from(("run", ".", "agents.csv")), BAD), {"policy": POLICY, "format": FORMAT, "out": FIGURE}),
    "bound": (
        SCENARIO,
        {"policy": POLICY, "frame": NUMBER, "deviation": NUMBER, "windows": WINDOWS, "z": BAD, "set": SETTING},
    ),
    "periodicity": (SCENARIO, {"windows": WINDOWS, "mirror": POLICY, "set": SETTING, "out": FIGURE}),
    "adversary": (st.one_of(st.sampled_from(("regret", "ratio")), BAD), {"policy": POLICY, "rounds": ROUNDS, "out": FIGURE}),
    "theory": (st.none(), {"drawn": st.sampled_from(("0", "-1", "x", "1e9")), "rounds": ROUNDS, "out": FIGURE}),
}  # fmt: skip
#: options without which a verb says nothing but that they are missing, or plays more than a few rounds
USUAL = {
    "advise": {"policies": "HitMin"},
    "compare": {"windows": "0"},
    "allocate": {"capacity": "1"},
    "fit": {"by": "model"},
    "sweep": {"policy": "FairOBD", "windows": "0"},
    "bound": {"windows": "0"},
    "periodicity": {"windows": "0"},
    "adversary": {"rounds": "4"},
    "theory": {"drawn": "0"},
    "next": {"state": "s.json"},
    "reproduce": {"out": "/dev/null/x"},
}


@st.composite
def vectors(draw, verb):
    """Arguments of one verb: its argument or none, some of its options, and sometimes one that it does not have."""
    argument, options = GRAMMAR[verb]
    words = [verb]
    first = draw(argument)
    if first is not None and draw(st.integers(0, 19)):
        words += [first] if isinstance(first, str) else first
    chosen = draw(st.lists(st.sampled_from(sorted(options)), max_size=3)) if options else []
    for name, value in USUAL.get(verb, {}).items():
        if name not in chosen:
            words += [f"--{name}", value]
    for name in chosen:
        words += [f"--{name}"] if options[name] is None else [f"--{name}", draw(options[name])]
    if not draw(st.integers(0, 29)):
        words.append(draw(BAD))
    return words


def run(arguments):
    """(exit code, stderr) of the command line; whatever else comes out of it comes out here."""
    told, code = io.StringIO(), 0
    with redirect_stdout(io.StringIO()), redirect_stderr(told), in_time(), warnings.catch_warnings():
        warnings.simplefilter("default")  # told on stderr, as outside of a test
        before, sys.argv = sys.argv, ["evenhand", *arguments]
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.argv = before
    return code, told.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a scenario of one's own, agents, points and a run; files that are none."""
    place, plugins = tmp_path_factory.mktemp("fuzz"), list(registry._PLUGINS)
    before = os.getcwd()
    os.chdir(place)
    for words in (
        ["new-scenario", "my"],
        ["new", "switching", "held.py"],
        ["compare", "my.yaml", "--out", "run", "--policies", "FairOBD"],
    ):
        assert run(words)[0] == 0
    for name, text in (("agents.csv", AGENTS), ("points.csv", POINTS), ("empty.csv", "")):
        (place / name).write_text(text, encoding="utf-8")
    (place / "connected.yaml").write_text((place / "my.yaml").read_text(encoding="utf-8") + CONNECTED, encoding="utf-8")
    (place / "latin.csv").write_bytes("agent,family,gamma\né,power,0.5\n".encode("latin-1"))
    kept = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    yield kept
    os.chdir(before)
    registry._PLUGINS[:] = plugins  # what `check` ran


#: verbs that start, ask or keep a server have tests of their own (tests/service)
SERVED = ("serve", "controller", "token")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in SERVED])
def test_every_vector_is_answered_or_refused_in_one_line(verb, folder):
    @inputs(short=10, share=0.18 / len(VERBS))
    @given(vectors(verb))
    def check(words):
        code, told = run(words)
        assert "Traceback" not in told
        assert code in (0, 2), told
        if code == 2:
            assert told.startswith(("evenhand: ", "warning: ")), told
        for path, data in folder.items():  # whatever was overwritten on request
            if not path.is_file() or path.read_bytes() != data:
                shutil.rmtree(path) if path.is_dir() else None
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    check()
