"""Speed of one-shot allocation; peers solve the same instance in the same run."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import cvxpy as cp
import numpy as np
from scipy import sparse

from evenhand.allocation.fleet import Fleet
from evenhand.allocation.network import solve as network
from evenhand.allocation.several import acs, bound, joint
from evenhand.allocation.solve import allocate
from evenhand.utilities import Log, Power
from timing import Row, at_least, at_most, seconds, show


def rows() -> list[Row]:
    """All rows of this half."""
    return [*_thousand(), *_one_resource(), *_several(), *_search(), *_proofs(), *_leontief(), *_network()]


def _fleet(n: int) -> Fleet:
    """Power-law agents: exponents U(0.05, 0.95), on board U(0, 0.1)."""
    rng = np.random.default_rng(0)
    return Fleet(Power(rng.uniform(0.05, 0.95, n)), onboard=rng.uniform(0.0, 0.1, n))


def _thousand() -> list[Row]:
    n = 1000
    fleet = _fleet(n)
    ours = seconds(lambda: allocate(fleet, 0.5 * n))
    gamma = np.asarray(fleet.utility.gamma)
    theirs: dict[bool, float] = {}
    for approx in (True, False):  # cp.power's own approximation by rationals, and exact power cones
        start = time.perf_counter()
        x = cp.Variable(n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            terms = [cp.power(fleet.onboard[i] + x[i], gamma[i], approx=approx) for i in range(n)]
            problem = cp.Problem(cp.Maximize(sum(terms)), [cp.sum(x) <= 0.5 * n, x >= 0])
            problem.solve(solver=cp.CLARABEL)
        theirs[approx] = time.perf_counter() - start
    apart = abs(allocate(fleet, 0.5 * n).certificate.primal_objective / problem.value - 1.0)
    return [
        at_most("1,000 agents, one resource, the public call", ours, 1e-3),
        at_least(f"  against one cp.power a robot in CVXPY ({show(theirs[True])})", theirs[True] / ours, 5000.0),
        at_least(f"  against the same with exact cones ({show(theirs[False])})", theirs[False] / ours, 1.0),
        Row("  relative distance of the two objectives", f"{apart:.0e}", "<= 1e-06", apart <= 1e-6),
    ]


def _measured(code: str) -> list[float]:
    """Numbers printed by a fresh process that ends with its peak memory in GB."""
    path = str(Path(__file__).parent)
    script = f"import sys; sys.path.insert(0, {path!r})\nimport allocation as a\n{code}\nprint(a.peak())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return [float(v) for v in done.stdout.split()]


def peak() -> float:
    """Most memory this process held, GB. On Linux not ru_maxrss, which starts at the parent's size."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return float(line.split()[1]) * 1024 / 1e9
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024) / 1e9


def _one_resource() -> list[Row]:
    out: list[Row] = []
    for exponent, limit, memory in ((6, 150e-3, None), (7, 1.5, 1.5)):
        spent, residual, peak = _measured(f"print(*a.single(10**{exponent}))")
        out.append(at_most(f"10^{exponent} power-law agents, one resource", spent, limit))
        out.append(Row("  residual |sum x - C| / C", f"{residual:.0e}", "<= 1e-12", residual <= 1e-12))
        if memory is not None:
            out.append(Row("  peak memory", f"{peak:.2f} GB", f"<= {memory} GB", peak <= memory))
    return out


def single(n: int) -> tuple[float, float]:
    """Median seconds and residual of one resource for n agents."""
    fleet = _fleet(n)
    spent = seconds(lambda: allocate(fleet, 0.5 * n), repeats=5)
    return spent, abs(float(np.sum(allocate(fleet, 0.5 * n).x)) / (0.5 * n) - 1.0)


def several(n: int, k: int) -> tuple[float, float]:
    """Median seconds and relative gap of the joint solver.

    Sum of exponents ~ U(0.1, 0.95), on board U(0, 0.1), capacities 0.3 to 0.7 an agent.
    """
    rng = np.random.default_rng(0)
    g = rng.uniform(0.02, 1.0, (n, k))
    g *= (rng.uniform(0.1, 0.95, n) / g.sum(axis=1))[:, None]
    arguments = (np.ones(n), rng.uniform(0.0, 0.1, (n, k)), g, 0.0, np.inf, rng.uniform(0.3, 0.7, k) * n, 0.0)
    return seconds(lambda: joint.solve(*arguments), repeats=5), joint.solve(*arguments).gap


def _several() -> list[Row]:
    out: list[Row] = []
    for k, limit in ((2, 1.5), (4, 4.0)):
        spent, gap, peak = _measured(f"print(*a.several(10**6, {k}))")
        out.append(at_most(f"10^6 agents x {k} resources, Cobb-Douglas, sum of exponents < 1", spent, limit))
        out.append(Row("  relative gap", f"{gap:.0e}", "<= 1e-06", gap <= 1e-6))
        if k == 4:
            out.append(Row("  peak memory", f"{peak:.2f} GB", "<= 2 GB", peak <= 2.0))
    return out


def _search() -> list[Row]:
    spent: list[float] = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        onboard, g = rng.uniform(0.0, 0.01, (100, 2)), rng.uniform(0.0, 1.0, (100, 2))
        capacity = rng.uniform(0.0, 1.0, (100, 2)).sum(axis=0)

        def solve(onboard=onboard, g=g, capacity=capacity) -> None:
            assert acs.solve(np.ones(100), onboard, g, 0.0, np.inf, capacity, 0.0).converged

        spent.append(seconds(solve, repeats=3))
    return [at_most("ACS on 100 random two-resource agents, 16 starts, to 1e-10", float(np.median(spent)), 50e-3)]


def not_concave(n: int, upper: float) -> tuple[float, float]:
    """Seconds and relative gap without concavity: exponents U(0, 1), on board U(0, 0.01), level 0, shares to upper."""
    rng = np.random.default_rng(0)
    onboard, g = rng.uniform(0.0, 0.01, (n, 2)), rng.uniform(0.0, 1.0, (n, 2))
    arguments = (np.ones(n), onboard, g, 0.0, upper, rng.uniform(0.0, 1.0, (n, 2)).sum(axis=0), 0.0)
    start = time.perf_counter()
    answer = bound.solve(*arguments)
    return time.perf_counter() - start, answer.bound / answer.found.objective - 1.0


def _proofs() -> list[Row]:
    out: list[Row] = []
    for upper, told in (("np.inf", "no bounds"), ("3.0", "shares up to 3")):
        spent, gap, _ = _measured(f"import numpy as np; print(*a.not_concave(10**6, {upper}))")
        out.append(at_most(f"10^6 agents x 2, exponents U(0, 1), not concave, {told}: answer and bound", spent, 5.0))
        out.append(Row("  no allocation is better by more than", f"{100 * gap:.0e} %", "<= 1e-02 %", gap <= 1e-4))
    return out


def leontief(n: int, density: float) -> tuple[float, float]:
    """Seconds and gap of n tasks over four resources in fixed proportions U(0.1, 1), power utilities."""
    rng = np.random.default_rng(0)
    demands = rng.uniform(0.1, 1.0, (4, n))
    if density < 1.0:
        demands *= rng.random((4, n)) < density
        demands[0, demands.sum(axis=0) == 0.0] = 1.0
    routing = demands if density == 1.0 else sparse.csr_array(demands)
    utility, capacity = Power(rng.uniform(0.2, 0.8, n)), rng.uniform(0.1, 0.3, 4) * n
    answer = network.solve(utility, routing, capacity)
    return seconds(lambda: network.solve(utility, routing, capacity), repeats=3), answer.gap


def _leontief() -> list[Row]:
    out: list[Row] = []
    for density in (1.0, 0.5):
        spent, gap, _ = _measured(f"print(*a.leontief(10**6, {density}))")
        out.append(at_most(f"10^6 tasks x 4 resources in fixed proportions, {density:.0%} of them needed", spent, 1.5))
        out.append(Row("  relative gap", f"{gap:.0e}", "<= 1e-06", gap <= 1e-6))
    return out


def _network(flows: int = 10_000, links: int = 1_000, hops: int = 5) -> list[Row]:
    rng = np.random.default_rng(0)
    at = rng.integers(0, links, flows * hops), np.repeat(np.arange(flows), hops)
    routing = sparse.csr_array((np.ones(at[0].size), at), (links, flows))
    routing.data[:] = 1.0  # a link drawn twice is crossed once
    capacity, gamma = rng.uniform(1.0, 10.0, links) * flows * hops / links, rng.uniform(0.2, 0.9, flows)
    out: list[Row] = []
    for name, utility in (("log", Log()), ("power", Power(gamma))):
        ours = seconds(lambda u=utility: network.solve(u, routing, capacity, tol=1e-6), repeats=3)
        answer = network.solve(utility, routing, capacity, tol=1e-6)
        x, y = cp.Variable(flows), cp.Variable(flows)
        if name == "log":
            problem = cp.Problem(cp.Maximize(cp.sum(cp.log(x))), [routing @ x <= capacity])
        else:
            cone = cp.PowCone3D(x, np.ones(flows), y, gamma)
            problem = cp.Problem(cp.Maximize(cp.sum(y)), [routing @ x <= capacity, x >= 0, cone])
        start = time.perf_counter()
        problem.solve(solver=cp.CLARABEL)
        theirs = time.perf_counter() - start
        out.append(at_most(f"network, 10^4 flows, 10^3 links, {name} utilities", ours, 2.0))
        out.append(Row("  relative gap", f"{answer.gap:.0e}", "<= 1e-06", answer.gap <= 1e-6))
        out.append(at_least(f"  against CVXPY + Clarabel, exact cones ({show(theirs)})", theirs / ours, 1.0))
    return out
