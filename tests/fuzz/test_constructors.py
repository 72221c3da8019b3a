"""Every public name, called with what it was not made for: an EvenhandError, or a TypeError that names the argument.

Arguments are drawn by parameter: mostly what a careless caller would give, sometimes what is right, so that calls get
past the first check.
"""

import inspect
import types
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenhand as eh
from fuzzed import in_time, inputs

CALLED = sorted(
    name
    for name in eh.__all__
    if callable(getattr(eh, name))
    and not isinstance(getattr(eh, name), types.ModuleType)
    and not (inspect.isclass(getattr(eh, name)) and issubclass(getattr(eh, name), Exception))
)


class Strange:
    """An object of no use to anyone."""


@st.composite
def arrays(draw):
    """A small array of any shape and kind, with numbers that are none among them."""
    shape = draw(st.sampled_from(((), (0,), (1,), (2,), (3,), (2, 3), (3, 2), (1, 3, 2), (0, 2), (2, 2, 2))))
    kind = draw(st.sampled_from((float, float, float, int, bool, complex, object, "U3", "M8[s]")))
    if kind in (float, object):
        cells = st.sampled_from((0.0, 1.0, 0.5, -1.0, 2.0, 1e300, 1e-300, np.nan, np.inf, -np.inf))
        count = int(np.prod(shape))
        made = np.array(draw(st.lists(cells, min_size=count, max_size=count)), dtype=kind)
        return made.reshape(shape)
    return np.ones(shape).astype("i8").astype(kind) if kind == "M8[s]" else np.ones(shape, dtype=kind)


SCALARS = st.sampled_from(
    [
        *(0, 1, 2, 3, -1, 0.5, 1.0, 1e-12, 1e12, 1e308, 10**400, np.nan, np.inf, -np.inf, 1j, True, None),
        *("x", "", "ball", "inf", b"x", np.float32(1), np.int8(2), np.ma.masked_array([1.0, 2.0], [0, 1])),
        *(Strange(), Strange, len, range(3)),
    ]
)
LISTS = st.sampled_from(
    ([], (), [1.0], [1.0, 2.0], [[1.0], [2.0, 3.0]], [None], ["a", "b"], ("a", "a"), {}, {"a": 1}, {1: 2}, {1, 2}, [[]],
     ["geo7"], "geo7", [1, "x"], (1, 2, 3), [np.nan], [[1.0, 2.0], [3.0, 4.0]])
)  # fmt: skip
setting = eh.Setting(horizon=2, beta=1.0, fairness=eh.Norm(1.0), initial=np.zeros(2), burden_lower=np.zeros(2),
                     burden_upper=np.ones(2))  # fmt: skip
problem = eh.Problem(setting, eh.Quadratic(np.ones((2, 2))), eh.Diagonal(np.ones((2, 2))), eh.Budget(1.0, np.ones(2)))
ours = (
    setting, problem, problem.cost, problem.impact, problem.feasible, next(iter(problem.rounds)), eh.Norm(1.0), eh.Euclidean(),
    eh.Entropy(), eh.FairOBD(), eh.HitMin(), eh.simulate(problem, eh.FairOBD()), eh.Power([0.5]), eh.Log(),
    eh.Fleet(eh.Power([0.5, 0.5])), eh.Box(np.zeros(2), np.ones(2)), eh.load("synthetic"), eh.Target(1.0, 1.0), eh.Norm,
)  # fmt: skip
OURS = st.sampled_from(ours)
ANY = st.one_of(SCALARS, LISTS, arrays(), OURS)
fleet = eh.Fleet(eh.Power([0.5, 0.3]), names=["a", "b"])
run = eh.simulate(problem, eh.FairOBD())
curve = eh.fit([1.0, 2.0, 3.0, 4.0], [1.0, 1.4, 1.7, 2.0], "power")
#: what is right for a parameter of this name somewhere, so that calls get past their first check
FITTING = {
    "action actions data initial x onboard lower upper low high": (np.ones(2), np.zeros((2, 2)), 0.0, 1.0),
    "linear curvature constant demand total weight rate price c matrix": (np.ones(2), np.ones((2, 2)), 1.0),
    "burdens hitting switching prices kappa target quota weights": (np.ones(2), np.ones((2, 2)), 1.0),
    "a b k alpha at level exponents gamma scale shift": (np.full(2, 0.5), np.full((2, 2), 0.5), 0.5),
    "benchmark run": (run, eh.optimum(problem)),
    "build": (lambda x, data: x, lambda x, data: data[0] * sum(x), len, lambda x: 1 / 0),
    "by names resources entities": (["a", "b"], np.array(["a", "b"])),
    "capacity": (1.0, [1.0, 1.0], {"resource": 1.0}, np.ones(3)),
    "config": ({"name": "mine"}, {}),
    "environment problem": (problem,),
    "episodes": (eh.load("synthetic"),),
    "fairness": (0.0, 1.0, np.inf, eh.Norm(1.0)),
    "family": ("power", "log", "auto"),
    "fits": ([curve, curve], {"a": curve}),
    "fleet": (fleet, eh.Fleet(eh.CobbDouglas([[0.2, 0.3], [0.4, 0.1]]))),
    "frame": (pd.DataFrame({"agent": ["a", "b"], "gamma": [0.5, 0.3]}), 1, 2),
    "member sizes": ([0, 1], [1, 1], (2,)),
    "memory": (eh.HalfLife(2), eh.Window(2)),
    "parts given": ([eh.Norm(1.0)], (eh.Norm(1.0), eh.Norm(2.0)), (eh.Squared(1.0),), [eh.Log(), eh.Power(0.5)]),
    "policy": (eh.FairOBD(), eh.HitMin(), eh.RecedingHorizon(reach=2)),
    "policies": ({"mine": eh.HitMin()}, ["hitmin"], "hitmin"),
    "progress": (lambda *_: None, 3),
    "resource value": (np.arange(1.0, 5.0), [1.0, 1.5, 1.8, 2.0]),
    "round": (next(iter(problem.rounds)),),
    "routing": (np.ones((1, 2)), np.eye(2), [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]),
    "scenario": ("synthetic", "geo7"),
    "state": (eh.HitMin().init(setting), eh.FairOBD().init(setting)),
    "switching": (eh.RampUp(1.0), eh.Limits(rise=1.0)),
    "utility": (eh.Power([0.5, 0.3]), eh.Log(), eh.Fair(eh.Power([0.5, 0.3]), 1.0)),
    "value_function marginal_function": (np.sqrt, lambda r: 0.5 / np.sqrt(r), lambda r, a: a * r, lambda r: "x"),
}
FITS = {name: st.sampled_from(values) for names, values in FITTING.items() for name in names.split()}


@st.composite
def calls(draw, name):
    """Positional and keyword arguments for a name: one value a parameter, now and then one too few or too many."""
    try:
        parameters = list(inspect.signature(getattr(eh, name)).parameters.values())
    except ValueError:
        parameters = []
    given_: dict[str, object] = {}
    for p in parameters:
        needed = p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        if (needed and draw(st.integers(0, 19))) or (not needed and not draw(st.integers(0, 2))):
            fits = p.name in FITS and draw(st.integers(0, 9)) < 6
            given_[p.name] = draw(FITS[p.name] if fits else ANY)
    if not draw(st.integers(0, 29)):
        given_["nothing_like_it"] = draw(SCALARS)
    first = [p.name for p in parameters if p.kind == p.POSITIONAL_ONLY]
    return [given_.pop(n) for n in first if n in given_], given_


def names_it(error, function):
    """Whether a TypeError names an argument of the function, or how many it takes."""
    told = str(error)
    known = ["nothing_like_it", "argument"]
    return any(name in told for name in [*inspect.signature(function).parameters, *known])


def answer(function, positional, keyword):
    """The EvenhandError or TypeError that a call ends with, None where it gives something."""
    with in_time(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            made = function(*positional, **keyword)
            if inspect.isgenerator(made):
                next(made, None)
            repr(made)
        except (eh.EvenhandError, TypeError) as error:
            return error
    return None


@pytest.mark.parametrize("name", CALLED)
def test_a_wrong_call_is_told_what_is_wrong(name):
    function = getattr(eh, name)

    @inputs(short=12, share=1.76 / len(CALLED))
    @given(calls(name))
    def check(call):
        positional, keyword = call
        told = answer(function, positional, keyword)
        assert told is None or isinstance(told, eh.EvenhandError) or names_it(told, function), repr(told)
        assert "\n" not in str(told)

    check()
