"""What the price means: the value of the next unit of capacity, and what an agent would do if it paid that price."""

from __future__ import annotations

import numpy as np

import evenhand as eh

Pairs = dict[str, tuple[float, float]]


def main() -> Pairs:
    """(computed, theoretical): price = derivative of the best sum by C; at the price every agent asks for its share."""
    rng = np.random.default_rng(0)
    gamma, onboard, weight = rng.uniform(0.2, 0.8, 50), rng.uniform(0.0, 1.0, 50), rng.uniform(0.5, 2.0, 50)
    fleet = eh.Fleet(eh.Power(gamma), onboard=onboard, weight=weight)
    capacity, step = 30.0, 1e-4
    answer = eh.allocate(fleet, capacity)
    more, less = (float(np.sum(weight * eh.allocate(fleet, capacity + sign * step).utility)) for sign in (1.0, -1.0))
    asked = np.maximum(0.0, (weight * gamma / answer.price) ** (1.0 / (1.0 - gamma)) - onboard)
    return {
        "price against gain a unit": (float(answer.price), (more - less) / (2.0 * step)),
        "sum of what is asked for": (float(asked.sum()), capacity),
        "largest |share - asked|": (float(np.abs(asked - answer.x).max()), 0.0),
    }


if __name__ == "__main__":
    for name, (computed, theoretical) in main().items():
        print(f"{name:<26} computed {computed:.10g}  theoretical {theoretical:.10g}")
