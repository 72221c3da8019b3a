"""Speed of the theory half: the certificates and (R, delta)-OPT."""

from __future__ import annotations

import numpy as np

import evenhand as eh
from timing import Row, at_most, seconds


def rows() -> list[Row]:
    """All rows of this half."""
    episodes = eh.load("geo7")
    window, batch = episodes.window(0), episodes.windows()
    kappa = eh.lower_bound(window).kappa
    rounds = batch.lead[0] * batch.horizon
    each = seconds(lambda: eh.lower_bound(batch, kappa, separable=True)) / rounds
    best = eh.optimum(window)
    gap = float((best.cost.total - eh.lower_bound(window).value) / best.cost.total)
    assert gap <= 1e-6
    reach = 0.8 * float(eh.attained_deviation(best.trajectory, 24))
    held = eh.optimum(window, frame=24, deviation=reach)
    assert held.gap <= 1e-6
    assert held.cost.total > best.cost.total
    running, one = eh.RunningBound.start(window.setting, np.stack([kappa, 0.5 * kappa])), window.rounds[0]
    return [
        at_most("separable certificate at a kappa, n = 7, 97 x 72 rounds batched, per round", each, 3e-6),
        at_most("  kept up to date: one round added, two kappa", seconds(lambda: running.add(one)), 25e-6),
        at_most("full certificate of a 72-round window, to 1e-6", seconds(lambda: eh.lower_bound(window)), 50e-3),
        at_most(
            "(R, delta)-OPT of a 72-round window, R = 24",
            seconds(lambda: eh.optimum(window, frame=24, deviation=reach)),
            50e-3,
        ),
        at_most(
            "(R, delta)-OPT of it in l_inf",
            seconds(lambda: eh.optimum(window, frame=24, deviation=0.5 * reach, mirror=eh.Entropy())),
            50e-3,
        ),
    ]
