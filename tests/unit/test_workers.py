"""How many threads: what is set, what the environment says, and small dense algebra on one."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from scipy import linalg
from threadpoolctl import ThreadpoolController

import evenhand as eh
from evenhand.errors import ParameterError
from evenhand.kernels import workers


@pytest.fixture(autouse=True)
def as_before():
    before = list(workers._chosen)
    yield
    workers._chosen[:] = before


def blas():
    linalg.get_blas_funcs("gemm")  # loaded, so that it is seen
    return [library["num_threads"] for library in ThreadpoolController().select(user_api="blas").info()]


@pytest.mark.parametrize(("told", "expected"), [("3", 3), ("2,1", 2), ("", 0), ("none", 0), ("0", 0), ("-1", 0)])
def test_the_environment_is_heard(told, expected, monkeypatch):
    workers._chosen.clear()
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert eh.threads() == (expected or workers.processors())
    assert eh.threads(5) == eh.threads() == 5  # what is set comes first


def test_a_process_starts_with_the_environment():
    code = "import evenhand; print(evenhand.threads())"
    environment = {**os.environ, "OMP_NUM_THREADS": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "7\n"


@pytest.mark.parametrize("n", [0, -1, 1.5, "two"])
def test_bad_numbers(n):
    with pytest.raises(ParameterError, match="n "):
        eh.threads(n)


def test_no_answer_depends_on_them():
    rng = np.random.default_rng(0)
    g, capacity = rng.uniform(0.0, 0.99, (20_000, 2)), [9000.0, 7000.0]
    fleet = eh.Fleet(eh.CobbDouglas(g), 0.01, upper=3.0)
    answers = []
    for n in (1, 3):
        eh.threads(n)
        answers.append([eh.allocate(fleet, capacity, level).x for level in (0.0, 1.0)])
    for one, three in zip(*answers, strict=True):
        np.testing.assert_array_equal(one, three)


def test_blas_is_alone_inside_and_as_before_outside():
    before = blas()
    with workers.alone():
        assert set(blas()) == {1}
        with workers.alone():
            assert set(blas()) == {1}
        assert set(blas()) == {1}
    assert blas() == before
    with pytest.raises(RuntimeError, match="inside"), workers.alone():
        raise RuntimeError("inside")
    assert blas() == before


def test_threads_that_overlap_leave_it_as_it_was():
    before, meet = blas(), Barrier(2)

    def overlapping():
        with workers.alone():
            meet.wait(timeout=60)  # both inside
            seen = blas()
            meet.wait(timeout=60)  # and still
        return seen

    with ThreadPoolExecutor(2) as pool:
        for seen in [pool.submit(overlapping) for _ in range(2)]:
            assert set(seen.result()) == {1}
    assert blas() == before


def test_a_network_factorises_alone(monkeypatch):
    seen = []
    from evenhand.allocation.network import interior

    factor = interior.factor
    monkeypatch.setattr(interior, "factor", lambda *a: seen.append(blas()) or factor(*a))
    eh.solve_network(eh.Log(), np.ones((1, 3)), 2.0)
    assert {n for each in seen for n in each} == {1}
