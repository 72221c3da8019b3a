"""Cobb-Douglas agents, checked, reduced and tabulated: where the joint solver and alternate search start."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evenhand.columns import same
from evenhand.errors import InfeasibleError, ParameterError, ProblemError
from evenhand.kernels.cobb_douglas import CHUNK, LOG_ZERO, Array, value
from evenhand.kernels.workers import workers

__all__ = ["Agents", "Array", "Run", "chunks", "over_chunks", "sums", "tabulate"]

Run = Callable[[Callable[[int, int], None]], None]
"""Calls a function of (first chunk, last chunk) on a partition of all chunks, in parallel."""

_AMPLE = 1e100  # times the room: never binds, and keeps every demand finite
_FEASIBLE = 1e-12  # Σ lower may exceed the capacity by its own rounding, no more


@dataclass(frozen=True, slots=True)
class Agents:
    """maximise Σ_i w_i φ_α(scale_i Π_k (base + y)_ik^gain_ik) subject to Σ_i y_ik ≤ room_k, 0 ≤ y ≤ span.

    The allocation is x = given + y. Zero span wherever more would be of no use: zero weight, zero exponent, a
    value that is zero whatever the agent gets. A resource of which everybody can have as much as is of use is
    handed out (in ``given`` and ``base``) and has room 0; so has one that the lower bounds use up.
    """

    s: float  # 1 − α
    weight: Array  # (n,)
    gain: Array  # (n, K)
    base: Array  # (n, K)
    span: Array  # (n, K)
    given: Array  # (n, K)
    want: Array  # (n, K) log(weight · gain · scale^s)
    floor: Array  # (n, K) log base
    ceil: Array  # (n, K) log(base + span)
    room: Array  # (K,)
    slack: NDArray[np.bool_]  # (K,) handed out in full: price zero
    bias: Array  # (n,) log(weight · scale^s), −∞ for an agent of no worth
    constant: float = 0.0  # Σ w log scale where s = 0, which no allocation changes

    __eq__ = same

    def total(self, y: Array, run: Run) -> float:
        """Σ w φ_α(U) at y."""
        out = np.zeros((chunks(y.shape[0]), 1))
        bias, gain, base = self.bias, self.gain, self.base
        run(lambda a, b: value(a, b, self.s, bias, gain, base, y, out))
        return float(out.sum()) + self.constant

    def every(self, stride: int) -> Agents:
        """Every stride-th agent, with that share of the room."""
        weight, gain, base, span, given, want, floor, ceil, bias = (
            np.ascontiguousarray(a[::stride])
            for a in (
                self.weight, self.gain, self.base, self.span, self.given, self.want, self.floor, self.ceil,
                self.bias,
            )
        )  # fmt: skip
        room = self.room * (weight.size / self.weight.size)
        return Agents(self.s, weight, gain, base, span, given, want, floor, ceil, room, self.slack, bias)

    def capped(self, times: float = 2.0) -> Agents:
        """The same problem with no span above some times the room, ≥ 1: a tighter dual function, a kinkier demand."""
        span = np.minimum(self.span, times * self.room)
        ceil = np.where(span < self.span, np.log(self.base + np.where(span > 0.0, span, 1.0)), self.ceil)
        return replace(self, span=span, ceil=ceil)

    def log_marginal(self, y: Array) -> Array:
        """Log of ∂(w φ_α(U))/∂x, (n, K); −∞ where the agent has no use for the resource."""
        r = np.log(np.maximum(self.base + y, np.exp(LOG_ZERO)))
        v = self.s * np.sum(self.gain * r, axis=1, keepdims=True)
        useful = (self.gain > 0.0) & (self.weight > 0.0)[:, None]
        return np.where(useful, self.want + v - r, -np.inf)


def tabulate(
    weight: ArrayLike,
    onboard: ArrayLike,
    exponents: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    capacity: ArrayLike,
    alpha: float,
    scale: ArrayLike = 1.0,
) -> Agents:
    """Check and reduce the problem of `spec/allocation.md §4`; the bounds may be scalars or (K,) or (n, K).

    scale (n,): factor of each agent's U, > 0.

    Raises ProblemError for a malformed array, InfeasibleError when Σ lower > capacity or a value is −∞
    whatever is given.
    """
    if not np.isfinite(alpha) or alpha < 0.0:
        raise ParameterError(f"alpha is {alpha:g}; give a finite fairness level of at least 0")
    s = 1.0 - float(alpha)
    if np.ndim(exponents) != 2 or np.size(exponents) == 0:
        raise ProblemError(f"exponents has shape {np.shape(exponents)}; give at least one agent by one resource")
    n, K = np.shape(exponents)
    gain = np.array(_array("exponents", exponents, (n, K)), order="C")
    w = np.array(_array("weight", weight, (n,)))
    log_scale = np.log(_array("scale", scale, (n,)))
    own = _array("onboard", onboard, (n, K))
    low = _array("lower", lower, (n, K))
    high = _array("upper", upper, (n, K), infinite=True)
    cap = _array("capacity", capacity, (K,))
    if np.any(high < low):
        i, k = np.argwhere(high < low)[0]
        raise InfeasibleError(f"upper[{i}, {k}] = {high[i, k]} is below lower[{i}, {k}] = {low[i, k]}; raise it")
    used = sums(low)
    if np.any(used > cap + _FEASIBLE * np.maximum(cap, used)):
        k = int(np.argmax(used - cap))
        raise InfeasibleError(f"lower bounds of resource {k} sum to {used[k]}, above capacity[{k}] = {cap[k]}")
    room = np.maximum(cap - used, 0.0)

    base = np.add(own, low, order="C")
    span = np.subtract(high, low, order="C")
    np.minimum(span, _AMPLE * room, out=span)
    hopeless = np.any((gain > 0.0) & (base + span <= 0.0), axis=1) & (w > 0.0)
    if s > 0.0:
        w[hopeless] = 0.0  # worth zero whatever it gets
    elif np.any(hopeless):
        i = int(np.argmax(hopeless))
        raise InfeasibleError(
            f"agent {i} is worth −∞ whatever it is given: it has none of a useful resource and can get none;"
            " remove it, raise onboard or the capacity, or take alpha < 1"
        )
    span[(gain == 0.0) | (w == 0.0)[:, None]] = 0.0
    slack = (sums(np.minimum(span, high - low)) <= room) & (room > 0.0)
    given = np.array(low, order="C")
    given[:, slack] += span[:, slack]
    base[:, slack] += span[:, slack]
    span[:, slack] = 0.0
    room[slack] = 0.0
    with np.errstate(divide="ignore"):
        bias, want = np.log(w), np.log(w)[:, None] + np.log(gain)
        floor, ceil = np.log(base), np.log(base + span)
    for table in (want, floor, ceil):
        np.maximum(table, LOG_ZERO, out=table)
    shift = s * log_scale
    constant = float(np.sum(np.where(w > 0.0, w * log_scale, 0.0))) if s == 0.0 else 0.0
    want += shift[:, None]
    return Agents(s, w, gain, base, span, given, want, floor, ceil, room, slack, bias + shift, constant)


def _array(name: str, values: ArrayLike, shape: tuple[int, ...], infinite: bool = False) -> Array:
    """Finite (or +inf), non-negative floats, broadcast to the shape (a view where nothing must be copied)."""
    a = np.asarray(values, dtype=np.float64)
    bad = ~(a >= 0.0) if infinite else ~((a >= 0.0) & np.isfinite(a))
    if np.any(bad):
        at = tuple(int(j) for j in np.argwhere(bad)[0])
        raise ProblemError(f"{name}{list(at)} is {a[at]}; give a non-negative number")
    try:
        return np.broadcast_to(a, shape)
    except ValueError:
        raise ProblemError(f"{name} has shape {a.shape}; give {shape} or what broadcasts to it") from None


def chunks(n: int) -> int:
    """Number of chunks of n agents."""
    return -(-n // CHUNK)


def sums(values: Array) -> Array:
    """Σ over agents of (n, K), by chunks: the error grows like the chunk, not like n."""
    return np.add.reduceat(values, np.arange(0, len(values), CHUNK), axis=0).sum(axis=0)


@contextmanager
def over_chunks(n: int) -> Generator[Run]:
    """A runner over the chunks of n agents on ``workers()`` threads."""
    count = chunks(n)
    parts = min(workers(), count)
    if parts <= 1:
        yield lambda work: work(0, count)
        return
    edges = [count * j // parts for j in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:

        def run(work: Callable[[int, int], None]) -> None:
            list(pool.map(work, edges[:-1], edges[1:]))

        yield run
