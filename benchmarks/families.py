"""Drawn problems of eight kinds on which the adaptive policy is compared with every fixed learning rate in hindsight.

T = 96, n = 3..20 actions, beta log-uniform in [0.1, 100], curvature log-uniform in [0.1, 3], fairness between a tenth
of the hitting cost and all of it. Shares and rates of the adaptive policy were chosen looking at all cases, so no
part is held out; two halves are printed to show how far they differ. Run: python benchmarks/families.py
"""

from __future__ import annotations

import numpy as np

import evenhand as eh
from evenhand.columns import Array
from evenhand.core import Problem, Setting
from evenhand.offline.optimum import optimum
from evenhand.simulation import simulate, tally

ROUNDS, CASES, CHOSEN = 96, 24, 12
FAMILIES = ("diurnal", "regimes", "heavy tails", "late spike", "alternation", "drift", "p = 2", "dense")
#: multiples of the rate L / (Z sqrt T)
RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


def draw(family: str, case: int) -> Problem:
    """Case ``case`` of a family; the same numbers on every machine."""
    rng = np.random.default_rng([FAMILIES.index(family), case])
    n, beta = int(rng.integers(3, 21)), float(10.0 ** rng.uniform(-1.0, 2.0))
    upper, q = rng.uniform(0.5, 1.5, n), float(10.0 ** rng.uniform(-1.0, 0.5))
    price, weight, demand = (_signals if family in ("p = 2", "dense") else _BY_NAME[family])(rng, n)
    total = np.clip(demand, 0.02, 0.98) * upper.sum()
    cost, feasible = eh.Quadratic(price, q), eh.Budget(total, upper)
    if family == "dense":
        m = int(rng.choice([k for k in range(2, 13) if k != n]))
        impact = eh.Dense(np.einsum("mn,tn->tmn", rng.exponential(1.0, (m, n)), weight))
    else:
        impact = eh.Diagonal(weight)
    p = 2.0 if family == "p = 2" else np.inf
    blind = Problem(Setting(ROUNDS, beta, eh.Norm(1.0, p), upper * demand[0]), cost, impact, feasible)
    parts = simulate(blind, eh.HitMin()).cost
    mu = float(rng.uniform(0.1, 1.0) * parts.hitting / parts.fairness)
    return Problem(Setting(ROUNDS, beta, eh.Norm(mu, p), upper * demand[0]), cost, impact, feasible)


def _signals(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """A daily pattern in prices (T, n), impacts (T, n) and demand (T,), with noise."""
    t = np.arange(ROUNDS)[:, None]
    day = np.sin(2.0 * np.pi * (t / 24.0 + rng.uniform(0.0, 1.0, n)))
    price = rng.uniform(0.5, 2.0, n) * (1.0 + 0.5 * day + 0.1 * rng.normal(size=(ROUNDS, n)))
    weight = rng.uniform(0.5, 3.0, n) * (1.0 + 0.4 * np.roll(day, 6, axis=0) + 0.1 * rng.normal(size=(ROUNDS, n)))
    level = np.sin(2.0 * np.pi * (t[:, 0] / 24.0 + rng.uniform()))
    return np.maximum(price, 0.0), np.maximum(weight, 0.0), 0.5 + 0.3 * level + 0.05 * rng.normal(size=ROUNDS)


def _regimes(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Everything is constant, up to noise, between switches that come after 6 to 30 rounds."""
    lengths = rng.integers(6, 31, ROUNDS)
    which = np.repeat(np.arange(ROUNDS), lengths)[:ROUNDS]
    price, weight = rng.uniform(0.2, 2.0, (ROUNDS, n))[which], rng.uniform(0.3, 3.0, (ROUNDS, n))[which]
    return price, weight, rng.uniform(0.2, 0.8, ROUNDS)[which] + 0.02 * rng.normal(size=ROUNDS)


def _heavy(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Independent Pareto prices and impacts with tail index 1.5, lognormal demand."""
    price, weight = (0.3 * (1.0 + rng.pareto(1.5, (ROUNDS, n))) for _ in range(2))
    return price, weight * rng.uniform(0.5, 2.0, n), 0.4 * rng.lognormal(0.0, 0.5, ROUNDS)


def _spike(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Quiet until the last 4 to 16 rounds, when demand doubles and some sites' impacts grow sevenfold."""
    late = np.arange(ROUNDS) >= ROUNDS - int(rng.integers(4, 17))
    price = rng.uniform(0.5, 2.0, n) * (1.0 + 0.05 * rng.normal(size=(ROUNDS, n)))
    hit = rng.uniform(size=n) < 0.4
    weight = rng.uniform(0.5, 2.0, n) * (1.0 + 6.0 * late[:, None] * hit) * (1.0 + 0.05 * rng.normal(size=(ROUNDS, n)))
    return np.maximum(price, 0.0), np.maximum(weight, 0.0), 0.35 + 0.4 * late + 0.02 * rng.normal(size=ROUNDS)


def _alternation(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Two states take turns, one to three rounds each."""
    odd = (np.arange(ROUNDS) // int(rng.integers(1, 4))) % 2
    price, weight = rng.uniform(0.2, 2.0, (2, n))[odd], rng.uniform(0.3, 3.0, (2, n))[odd]
    return price, weight, rng.uniform(0.3, 0.7, 2)[odd]


def _drift(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """The heavy burden, and dear prices half a turn away, pass once from site to site."""
    at = np.linspace(0.0, n, ROUNDS, endpoint=False)[:, None] - np.arange(n)
    near, far = (np.maximum(0.0, 1.0 - np.abs((at + s + n / 2) % n - n / 2) / 1.5) for s in (0.0, n / 2))
    price = rng.uniform(0.5, 1.5, n) + far
    return price, 0.5 + 3.0 * near + rng.uniform(0.0, 0.5, (ROUNDS, n)), 0.5 + 0.1 * rng.normal(size=ROUNDS)


_BY_NAME = {
    "diurnal": _signals, "regimes": _regimes, "heavy tails": _heavy, "late spike": _spike,
    "alternation": _alternation, "drift": _drift,
}  # fmt: skip


def main() -> None:
    """Mean ratio to OPT; windows and size of what is lost to FairOBD at the paper's rate, and to the best of RATES."""
    print("| family | cases | best fixed rate | FairOBD, 0.01 | FairOBD | AdaptiveFairOBD | worse than 0.01 in | by |")
    print("|---" * 8 + "|")
    for family in FAMILIES:
        rows = np.array([_case(draw(family, case)) for case in range(CASES)])
        for name, part in (("0 to 11", rows[:CHOSEN]), ("12 to 23", rows[CHOSEN:]), ("all", rows)):
            mean = part.mean(axis=0)
            excess = part[:, -1] / part[:, -3] - 1.0
            best = mean[: len(RATES)].min()
            numbers = " | ".join(f"{value:.4f}" for value in (best, *mean[len(RATES) :]))
            print(
                f"| {family} | {name} | {numbers} | {int((excess > 0).sum())} | {max(excess.max(), 0.0):.2%} |",
                flush=True,
            )


def _case(problem: Problem) -> list[float]:
    """Ratios to OPT of FairOBD at each of RATES, at the paper's rate, at its own, and of AdaptiveFairOBD."""
    setting = problem.setting
    high = np.asarray(setting.burden_upper)
    unit = setting.fairness.lipschitz(high.shape[0]) / (float(np.linalg.norm(high)) * ROUNDS**0.5)
    best = float(optimum(problem).cost.total)
    fixed = tally(problem, eh.FairOBD(eta=unit * np.array(RATES), domain="ball")).cost.total
    rest = [tally(problem, policy).cost.total for policy in (eh.FairOBD(eta=0.01), eh.FairOBD(), eh.AdaptiveFairOBD())]
    return [float(total) / best for total in (*fixed, *rest)]


if __name__ == "__main__":
    main()
