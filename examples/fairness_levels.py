"""Two resources, exponents that add up to more than 1: at level 0 one agent takes nearly all, fairness shares it.

(1 - level) times the largest sum of exponents <= 1 is what concavity needs: from that level on the answer is proved.
"""

from __future__ import annotations

import numpy as np

import evenhand as eh

Pairs = dict[str, tuple[float, float]]
LEVELS = (0.0, 0.3, 0.5, 1.0, 2.0, 5.0)


def fleet() -> eh.Fleet:
    """Twenty robots, sums of exponents up to 1.3."""
    exponents = np.column_stack([np.linspace(0.3, 0.65, 20), np.linspace(0.25, 0.65, 20)])
    return eh.Fleet(eh.CobbDouglas(exponents), onboard=0.01, resources=("rho", "alpha"))


def main() -> Pairs:
    """(computed, theoretical): proved or not by level (1 or 0); at level 1 with little on board x ~ exponent."""
    agents = fleet()
    capacity = {"rho": 50.0, "alpha": 20.0}
    answers = dict(zip(LEVELS, eh.sweep(agents, capacity, LEVELS), strict=True))
    exponents = agents.utility.exponents
    sums = exponents.sum(axis=1)
    pairs = {
        f"proved at level {level:g}": (
            float(answer.status == "certified"),
            float(((1.0 - level) * sums <= 1.0).all()),
        )
        for level, answer in answers.items()
    }
    first = exponents[-1, 0] / exponents[:, 0].sum() * (50.0 + 20 * 0.01)
    pairs["rho of the last at level 1"] = (float(0.01 + answers[1.0].x[-1, 0]), float(first))
    return pairs


if __name__ == "__main__":
    for title, (computed, theoretical) in main().items():
        print(f"{title:<28} computed {computed:.8g}  theoretical {theoretical:.8g}")
    print("\nlevel   least    mean    most")
    for level, answer in zip(LEVELS, eh.sweep(fleet(), {"rho": 50.0, "alpha": 20.0}, LEVELS), strict=True):
        measures = answer.fairness
        print(f"{level:>5g}  {measures.lowest:6.3f}  {measures.mean:6.3f}  {measures.highest:6.3f}  {answer.status}")
