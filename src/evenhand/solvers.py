"""The conic solver, called directly: one function, one status, residuals recomputed from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.errors import InfeasibleError, MissingExtraError, SolverError

Array = NDArray[np.float64]

__all__ = ["ConicAnswer", "clarabel", "conic", "cvxpy"]


def clarabel() -> Any:
    """The Clarabel module, imported when first used; it ships without types."""
    import clarabel as module

    return module


def cvxpy() -> Any:
    """The CVXPY module, or MissingExtraError with the command that installs it."""
    try:
        import cvxpy as module
    except ImportError:
        raise MissingExtraError("a convex cost of one's own needs CVXPY: pip install 'evenhand[convex]'") from None
    return module


@final
@dataclass(frozen=True, slots=True)
class ConicAnswer:
    """Solution of ``min x'Px/2 + q x  s.t.  b - A x in K``: x, multipliers z, iterations, status, residuals."""

    x: Array
    z: Array
    iterations: int
    status: str
    primal_residual: float
    dual_residual: float


def conic(
    P: Any, q: Array, A: Any, b: Array, cones: Sequence[Any], *, tolerance: float = 1e-10, careful: bool = False
) -> ConicAnswer:
    """Solve ``minimise x'Px/2 + q x subject to b - A x in K`` with Clarabel; P upper triangular CSC, A CSC.

    Raises InfeasibleError where a certificate holds when it is recomputed, or SolverError with status and residuals
    when neither ``tolerance`` nor, at rounding level, 100 times it is met. careful: shorter steps, which curved cones
    may need, and the point it stopped at is given whatever its residuals, for callers that prove their answer
    themselves.
    """
    solver = clarabel()
    settings = solver.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = tolerance
    settings.tol_gap_rel = tolerance
    settings.tol_feas = tolerance
    if careful:
        settings.max_step_fraction = 0.9
    settings.reduced_tol_gap_abs = 100 * tolerance
    settings.reduced_tol_gap_rel = 100 * tolerance
    settings.reduced_tol_feas = 100 * tolerance
    settings.presolve_enable = False
    answer = solver.DefaultSolver(P, q, A, b, list(cones), settings).solve()
    status = str(answer.status)
    if status in ("PrimalInfeasible", "DualInfeasible") and _certified(status, P, q, A, b, answer):
        kind = "infeasible" if status[0] == "P" else "unbounded: the cost falls without limit; bound the actions"
        raise InfeasibleError(f"the problem is proved {kind}")
    usable = careful and bool(np.isfinite(answer.x).all() and np.isfinite(answer.z).all())
    if status not in ("Solved", "AlmostSolved") and not usable:
        raise SolverError(
            f"the solver stopped with {status} after {answer.iterations} iterations, "
            f"residuals primal {answer.r_prim:.1e} dual {answer.r_dual:.1e}"
        )
    return ConicAnswer(
        np.asarray(answer.x),
        np.asarray(answer.z),
        int(answer.iterations),
        status,
        answer.r_prim,
        answer.r_dual,
    )


def _certified(status: str, P: Any, q: Array, A: Any, b: Array, answer: Any) -> bool:
    """Whether the solver's certificate holds on the data: A'z = 0 with b z < 0, or a ray that costs less and less."""
    x, z, s = np.asarray(answer.x), np.asarray(answer.z), np.asarray(answer.s)
    if status == "PrimalInfeasible":
        gain, missed, size = -float(b @ z), A.T @ z, abs(A).T @ np.abs(z)
    else:
        gain, missed, size = -float(q @ x), np.append(A @ x + s, P @ x + P.T @ x), np.abs(x).max(initial=0.0)
    return gain > 0.0 and bool((np.abs(missed) <= 1e-8 * np.minimum(gain, size)).all())
