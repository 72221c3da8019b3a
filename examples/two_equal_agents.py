"""Two agents with the same utility end at the same level: what they have on board is evened out first."""

from __future__ import annotations

import numpy as np

import evenhand as eh

Pairs = dict[str, tuple[float, float]]


def main() -> Pairs:
    """(computed, theoretical): both end at (C + o_1 + o_2) / 2; the poorer one takes all where C < o_1 - o_2."""
    onboard = np.array([3.0, 1.0])
    fleet = eh.Fleet(eh.Power(0.4), onboard=onboard)
    plenty, little = eh.allocate(fleet, 10.0), eh.allocate(fleet, 1.5)
    level = (10.0 + onboard.sum()) / 2
    return {
        "level of agent 1": (float(onboard[0] + plenty.x[0]), float(level)),
        "level of agent 2": (float(onboard[1] + plenty.x[1]), float(level)),
        "price": (float(plenty.price), float(0.4 * level**-0.6)),
        "little: agent 1": (float(little.x[0]), 0.0),
        "little: agent 2": (float(little.x[1]), 1.5),
    }


if __name__ == "__main__":
    for name, (computed, theoretical) in main().items():
        print(f"{name:<18} computed {computed:.15g}  theoretical {theoretical:.15g}")
