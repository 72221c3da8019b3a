"""The linear algebra of the network interior point: what takes part, and solves with R D⁻¹ Rᵀ + diagonal.

The system over links is factorised by a dense Cholesky, or by SuperLU where the pattern promises little fill.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee
from scipy.sparse.linalg import splu

from evenhand.allocation.network.answer import Array
from evenhand.allocation.network.problem import NetworkProblem, csr
from evenhand.columns import same
from evenhand.errors import SolverError

__all__ = ["LOST", "Field", "factor", "field_of"]

_LAPACK: Any = linalg.get_lapack_funcs(("potrf", "potrs"), dtype=np.float64)
POTRF: Any = _LAPACK[0]
POTRS: Any = _LAPACK[1]
#: up to this many links the dense Cholesky takes milliseconds, whatever the density
DENSE_LINKS = 300
#: a dense Schur complement of more links would take over a gigabyte (8 L² bytes)
MOST_DENSE_LINKS = 12_000
#: a Schur complement with this many entries a row fills in little, whatever its pattern
FEW_A_ROW = 8
#: operations of the profile count this often, SuperLU being slower a flop: so weighed, the faster one was taken
#: on random and banded routings of 300 to 3000 links
SPARSE_PENALTY = 30
#: below this w U′ has lost its digits to underflow; such a flow is satiated and is treated like log utility
LOST = 1e-290
#: a distance to a bound that rounding has made zero counts as this share of the bound
SLIVER = 1e-17
#: added to the unit diagonal: links crossed by the same flows make the matrix singular to rounding
JITTERS = (1e-14, 1e-11, 1e-8)


@dataclass(frozen=True, slots=True)
class Field:
    """The problem on the links with room and the flows with a choice (the columns of others are empty).

    links: indices of the links kept.  free, has_low, has_up: masks as 0/1 floats, (n,).
    dense: whether the Schur complement is factorised as a dense matrix.
    """

    problem: NetworkProblem
    routing: Any
    transposed: Any
    links: NDArray[np.intp]
    free: Array
    has_low: Array
    has_up: Array
    dense: bool

    __eq__ = same

    def distances(self, x: Array) -> tuple[Array, Array]:
        """Distances to l and u, 1 where that bound plays no part; at least a sliver of the bound.

        x next to a bound above zero rounds onto it, and a distance of 0 would divide by zero.
        """
        p = self.problem
        below = np.maximum(x - p.lower, SLIVER * p.lower + LOST)
        above = np.maximum(p.upper - x, SLIVER * p.upper + LOST)
        return np.where(self.free > 0, below, 1.0), np.where(self.has_up > 0, above, 1.0)

    def full(self, price: Array) -> Array:
        """Prices of all links (L,), 0 on those left out."""
        every = np.zeros(self.problem.capacity.size)
        every[self.links] = price
        return every


def field_of(problem: NetworkProblem) -> Field:
    """Leave out what has no choice."""
    free = problem.free.astype(np.float64)
    links = np.flatnonzero((problem.room > 0) & (problem.routing @ free > 0))
    routing = csr(problem.routing[links] * free[None, :])
    routing.eliminate_zeros()
    # an infinite marginal keeps a flow off its lower bound; an upper bound above the cap never binds
    has_low = free * np.isfinite(problem.marginal(problem.lower))
    has_up = free * (problem.upper <= problem.cap)
    transposed = csr(routing.T)
    return Field(problem, routing, transposed, links, free, has_low, has_up, _dense(routing, transposed))


def _dense(routing: Any, transposed: Any) -> bool:
    """Whether a dense Cholesky is faster: operations in the profile after Cuthill-McKee against L³/3."""
    size = int(routing.shape[0])
    if size <= DENSE_LINKS or size > MOST_DENSE_LINKS:
        return size <= DENSE_LINKS
    pattern: Any = routing @ transposed
    if pattern.nnz <= FEW_A_ROW * size:
        return False
    order: Any = reverse_cuthill_mckee(pattern, symmetric_mode=True)
    place = np.empty(size)
    place[order] = np.arange(size)
    columns = place[pattern.indices]
    width = place - np.minimum.reduceat(columns, pattern.indptr[:-1])
    return SPARSE_PENALTY * float(np.sum(width**2)) > size**3 / 3


def factor(field: Field, inverse: Array, diagonal: Array) -> Callable[[Array], Array]:
    """Solver of R diag(inverse) Rᵀ + diag(diagonal), scaled to a unit diagonal; Cholesky, LU where sparse."""
    links = diagonal.size
    if links == 0:
        return lambda b: b
    product = (field.routing * inverse[None, :]) @ field.transposed
    unit = 1.0 / np.sqrt(product.diagonal() + diagonal)
    if field.dense:
        for jitter in JITTERS:
            matrix = product.toarray(order="F")
            matrix *= unit[:, None]
            matrix *= unit[None, :]
            matrix[np.diag_indices(links)] = 1.0 + jitter
            lower, info = POTRF(matrix, lower=1, overwrite_a=1, clean=0)
            if info == 0:
                return lambda b, lower=lower: unit * POTRS(lower, unit * b, lower=1)[0]
        raise SolverError("network interior point: the Schur complement is not positive definite")
    entries = product.tocoo()
    data = entries.data * unit[entries.row] * unit[entries.col]
    scaled = csr((data, (entries.row, entries.col))) + csr(sparse.diags_array(diagonal * unit**2 + JITTERS[0]))
    try:
        lu: Any = splu(
            scaled.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
    except RuntimeError as error:
        raise SolverError(f"network interior point: the Schur complement is singular ({error})") from None
    return lambda b: unit * lu.solve(unit * b)
