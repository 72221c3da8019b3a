"""What a network solver answers: shares, prices and the proof."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import same

__all__ = ["Array", "NetworkAllocation", "NetworkResiduals", "NetworkStatus"]

Array = NDArray[np.float64]


class NetworkStatus(StrEnum):
    """Why a solver stopped."""

    SOLVED = "the duality gap is within the tolerance and every flow's marginal meets its path price"
    UNSETTLED = "the duality gap is within the tolerance, but some flow's marginal is off its path price"
    ROUNDS = "the iterations were used up before the duality gap was within the tolerance"


@dataclass(frozen=True, slots=True)
class NetworkResiduals:
    """KKT residuals of (x, λ), recomputed from the problem; all relative, zero at an exact optimum.

    primal: worst overload of a link over its capacity, or of a flow over its bounds over its cap.
    dual: most negative price over the largest.
    slackness: Σ_l λ_l (c − R x)_l over the scale of the gap.
    stationarity: worst flow of min(|w U′ − p| / max(w U′, p), distance to the bound that allows it / cap), a bound
    allowing it only where w U′ at the bound does: however little the flow weighs, it is measured on its own scale.
    """

    primal: float
    dual: float
    slackness: float
    stationarity: float


@dataclass(frozen=True, slots=True)
class NetworkAllocation:
    """What each flow gets, what each link costs, and the proof.

    x (n,): shares, feasible.  price (L,): one per link, in units of w U per unit of capacity; zero on a link
    whose capacity is used up by the lower bounds alone, where flows have no choice that a price could steer.
    path_price (n,): Rᵀ price.  objective ≤ optimum ≤ dual_objective; gap is their difference over
    max(|objective|, bill), the bill being price · c.  history (iterations + 1,): the gap before each
    iteration and at the end.
    """

    x: Array
    price: Array
    path_price: Array
    objective: float
    dual_objective: float
    gap: float
    residuals: NetworkResiduals
    iterations: int
    status: NetworkStatus
    history: Array

    __eq__ = same
