"""Log utilities share in proportion to their weights: x_i = C w_i / sum w, price sum w / C (Kelly, Maulloo, Tan)."""

from __future__ import annotations

import numpy as np

import evenhand as eh

Pairs = dict[str, tuple[float, float]]


def main() -> Pairs:
    """(computed, theoretical) of every share and of the price."""
    weight, capacity = np.array([1.0, 2.0, 5.0]), 100.0
    answer = eh.allocate(eh.Fleet(eh.Log(), weight=weight), capacity)
    shares = {f"share {i}": (float(answer.x[i]), float(capacity * w / weight.sum())) for i, w in enumerate(weight)}
    return {**shares, "price": (float(answer.price), float(weight.sum() / capacity))}


if __name__ == "__main__":
    for name, (computed, theoretical) in main().items():
        print(f"{name:<10} computed {computed:.15g}  theoretical {theoretical:.15g}")
