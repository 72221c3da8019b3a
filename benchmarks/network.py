"""Network utility maximisation, 10⁴ flows over 10³ links: evenhand, CVXPY + Clarabel, dual gradient.

    python benchmarks/network.py [flows links hops]

All rows of one utility solve the same instance in the same run, Clarabel with exact cones.
Objectives are evaluated at feasible points: ours as returned, Clarabel's after drawing it back to R x ≤ c.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from evenhand.allocation.network import dual_gradient, solve


@dataclass(frozen=True, slots=True)
class Log:
    def value(self, r):
        return np.log(r)

    def marginal(self, r):
        return 1.0 / r

    def demand(self, price):
        return 1.0 / price

    def curvature(self, r):
        return -1.0 / r**2


@dataclass(frozen=True, slots=True)
class Power:
    gamma: np.ndarray

    def value(self, r):
        return r**self.gamma

    def marginal(self, r):
        return self.gamma * r ** (self.gamma - 1.0)

    def demand(self, price):
        return (price / self.gamma) ** (1.0 / (self.gamma - 1.0))

    def curvature(self, r):
        return self.gamma * (self.gamma - 1.0) * r ** (self.gamma - 2.0)


def instance(flows: int, links: int, hops: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(0, links, flows * hops), np.repeat(np.arange(flows), hops)
    routing = sparse.csr_array((np.ones(rows.size), (rows, columns)), (links, flows))
    routing.data[:] = 1.0  # a link drawn twice is crossed once
    return routing, rng.uniform(1.0, 10.0, links) * flows * hops / links, rng.uniform(0.2, 0.9, flows)


def clarabel(kind: str, routing, capacity, gamma):
    """Modelled once; the solver's own time and the total with CVXPY's canonicalisation are both reported."""
    x = cp.Variable(routing.shape[1])
    if kind == "log":
        objective, extra = cp.sum(cp.log(x)), []
    else:
        y = cp.Variable(routing.shape[1])
        objective, extra = cp.sum(y), [cp.PowCone3D(x, np.ones(gamma.size), y, gamma)]
    problem = cp.Problem(cp.Maximize(objective), [routing @ x <= capacity, x >= 0, *extra])
    began = time.perf_counter()
    problem.solve(solver=cp.CLARABEL)
    total = time.perf_counter() - began
    point = np.maximum(x.value, 0.0)
    load = routing @ point
    factor = np.minimum(1.0, capacity / np.maximum(load, 1e-300)) * (1.0 - 1e-15)
    by_flow = sparse.csr_array(routing.T)
    point *= np.minimum.reduceat(factor[by_flow.indices], by_flow.indptr[:-1])
    return total, problem.solver_stats.solve_time, point


def factorisations(routing) -> str:
    """Dense Cholesky against SuperLU on this routing's R Rᵀ + I."""
    product = sparse.csc_array(routing @ routing.T + sparse.eye_array(routing.shape[0]))
    dense, _ = best(lambda: np.linalg.cholesky(product.toarray()))
    options = {"SymmetricMode": True}
    lu, _ = best(lambda: splu(product, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options))
    share = product.nnz / np.prod(product.shape)
    return f"R Rᵀ fill {share:.1%}: dense {dense * 1e3:.1f} ms, SuperLU {lu * 1e3:.1f} ms"


def best(run, repeats: int = 3):
    times, answer = [], None
    for _ in range(repeats):
        began = time.perf_counter()
        answer = run()
        times.append(time.perf_counter() - began)
    return min(times), answer


def row(kind: str, solver: str, seconds: float, iterations: object, gap: float, objective: float) -> None:
    print(f"{kind:8} {solver:22} {seconds:9.3f} {iterations:>6} {gap:9.1e}  {objective:.9g}")


def main() -> None:
    flows, links, hops = (int(a) for a in sys.argv[1:4]) if len(sys.argv) > 3 else (10_000, 1_000, 5)
    routing, capacity, gamma = instance(flows, links, hops)
    print(f"{flows} flows, {links} links, {hops} hops; {factorisations(routing)}")
    print(f"{'utility':8} {'solver':22} {'seconds':>9} {'iter':>6} {'gap':>9}  objective")
    for kind, utility in (("log", Log()), ("power", Power(gamma))):
        for tol in (1e-6, 1e-9):
            seconds, ours = best(lambda u=utility, t=tol: solve(u, routing, capacity, tol=t))
            row(kind, f"evenhand {tol:g}", seconds, ours.iterations, ours.gap, ours.objective)
        total, inner, point = clarabel(kind, routing, capacity, gamma)
        value = float(np.sum(utility.value(point)))
        gap = (ours.dual_objective - value) / max(abs(value), float(ours.price @ capacity))
        row(kind, "CVXPY + Clarabel", total, "", gap, value)
        row(kind, "  Clarabel alone", inner, "", gap, value)
        seconds, base = best(lambda u=utility: dual_gradient(u, routing, capacity, iterations=500), 1)
        row(kind, "dual gradient", seconds, base.iterations, base.gap, base.objective)


if __name__ == "__main__":
    main()
