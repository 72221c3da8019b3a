"""Sums against exact ones, and the reason they exist: the same bits whatever the batch and the memory layout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twins
from evenhand.kernels import reduce

ARGUMENTS = {
    "apply": ((3, 4), (4,)),
    "apply_transposed": ((3, 4), (3,)),
    "mean_rows": ((5, 4),),
    "hinge_value": ((6,), (6,), (6,)),
    "inner": ((6,), (6,)),
    "move_value": ((5, 6), (6,)),
    "total": ((6,),),
    "total_rows": ((5, 4),),
    "quadratic_value": ((6,), (6,), (6,)),
    "squared_distance": ((6,), (6,)),
}


@pytest.mark.parametrize("name", reduce.__all__)
@settings(max_examples=150)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-12, 1.0, 1e12]))
def test_equals_its_twin_and_no_layout_changes_a_bit(name, seed, scale):
    rng = np.random.default_rng(seed)
    kernel = getattr(reduce, name)
    batch = [rng.normal(size=(8, *shape)) * scale for shape in ARGUMENTS[name]]
    with np.errstate(all="raise", under="ignore"):
        together = kernel(*batch)
    np.testing.assert_array_equal(kernel(*(np.asfortranarray(a) for a in batch)), together)
    for k in range(8):
        one = [a[k] for a in batch]
        np.testing.assert_array_equal(kernel(*one), together[k])
        # the size is the sum of the terms' magnitudes: cancellation is not the kernel's
        size = twins.REDUCE[name](*(one if name == "squared_distance" else [np.abs(a) for a in one]))
        assert (np.abs(together[k] - twins.REDUCE[name](*one)) <= 1e-14 * size).all()


def test_every_sum_has_a_twin():
    assert set(reduce.__all__) == set(twins.REDUCE) == set(ARGUMENTS)
