"""Every public name, called with what it was not made for: an EvenhandError, or a TypeError that names the argument.

Arguments are drawn by parameter: mostly what a careless caller would give, sometimes what is right, so that calls get
past the first check.
"""

import inspect
import types
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenhand as eh
from fuzzed import in_time, inputs

#: names that still let something else out, and what; a name that no longer does is taken out
_ARRAY = "an array that is none, or of ragged rows, is not refused by name"
_LARGE = "10**400 is no float, and number and as_array let the OverflowError out"
_KIND = "an argument of another kind is not refused by name"
NOT_YET = {
    name: why
    for names, why in (
        ("Box Budget Dense DenseQuadratic Diagonal FairOBD Polytope Pooled Round Setting Squared Stacked", _LARGE),
        ("Applied Limits Linear Moves RampDown RampUp Weighted WeightedEuclidean", _LARGE),
        ("ROBD DMD Greedy Norm Quadratic Unserved cube_root_rate robd_ratio balanced_ratio worst_robd_ratio", _LARGE),
        ("AlphaFair CobbDouglas Exponential Log PiecewiseLinear Power Saturating", _ARRAY),
        ("attained_deviation dual_gradient fit fit_groups periodicity", _ARRAY),
        ("AdaptiveFairOBD Blocks Convex Custom Fair Fleet Mixed Problem RecedingHorizon Shortfall Target", _KIND),
        ("LowerBound Trajectory allocate certify compare_allocators fleet_from_table fleet_of load_own", _KIND),
        ("ConvexFairness Sum fair_optimum optimum play simulate solve_network step sweep tally", _KIND),
    )
    for name in names.split()
}

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
            given_[p.name] = draw(ANY)
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


def marked(name):
    """A name, expected to fail while it stands in the table."""
    return pytest.param(name, marks=[pytest.mark.xfail(reason=NOT_YET[name], strict=False)] if name in NOT_YET else [])


@pytest.mark.parametrize("name", [marked(name) for name in CALLED])
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
