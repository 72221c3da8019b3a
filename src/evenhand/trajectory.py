"""What a run leaves behind: actions, burdens, prices, and its cost by (1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from evenhand.columns import Array
from evenhand.core import CostBreakdown, Problem
from evenhand.errors import ProblemError
from evenhand.kernels import reduce

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trajectory", "evaluate"]


@final
@dataclass(frozen=True, slots=True)
class Trajectory:
    """A played or optimal sequence of actions on a problem.

    actions (..., T, n); burdens (..., T, m), A_t x_t; hitting, switching (..., T), per round; price (..., T, m), the kappa_t
    in force at round t, or None for a policy without one.
    """

    problem: Problem
    actions: Array
    burdens: Array
    hitting: Array
    switching: Array
    price: Array | None = None

    @property
    def cost(self) -> CostBreakdown:
        """The three parts of (1), averages per round: (...)."""
        horizon = self.problem.setting.horizon
        return CostBreakdown(
            reduce.total(self.hitting) / horizon,
            reduce.total(self.switching) / horizon,
            self.problem.setting.fairness.value(self.mean_burden),
        )

    @property
    def mean_burden(self) -> Array:
        """(1/T) sum A_t x_t: (..., m)."""
        return reduce.mean_rows(self.burdens)

    def episode(self, index: int | tuple[int, ...]) -> Trajectory:
        """One element of the leading axes."""
        price = None if self.price is None else self.price[index]
        return Trajectory(
            self.problem.episode(index),
            self.actions[index],
            self.burdens[index],
            self.hitting[index],
            self.switching[index],
            price,
        )

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: window (where there are leading axes), round, site, action, burden, kappa.

        Where actions and entities differ (m != n), actions and burdens come as rows of their own with NaN in the other's column.
        """
        import pandas as pd

        setting = self.problem.setting
        lead = self.actions.shape[:-2]
        count = int(np.prod(lead))
        horizon = setting.horizon
        parts: list[pd.DataFrame] = []
        same = setting.entities == setting.actions
        views: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        if same:
            views.append((setting.actions, {"action": self.actions, "burden": self.burdens, "kappa": self.price}))
        else:
            views.append((setting.actions, {"action": self.actions}))
            views.append((setting.entities, {"burden": self.burdens, "kappa": self.price}))
        for labels, columns in views:
            size = len(labels)
            data: dict[str, Any] = {}
            if lead:
                data["window"] = np.repeat(np.arange(count), horizon * size)
            data["round"] = np.tile(np.repeat(np.arange(horizon), size), count)
            data["site"] = pd.Categorical.from_codes(
                np.tile(np.arange(size), count * horizon), categories=pd.Index(labels)
            )
            for name, value in columns.items():
                data[name] = np.nan if value is None else np.broadcast_to(value, (*lead, horizon, size)).reshape(-1)
            parts.append(pd.DataFrame(data))
        return parts[0] if same else pd.concat(parts, ignore_index=True)

    def plot(self, path: str | None = None) -> Any:
        """Actions, price and running mean burden of one episode over time; gives the Matplotlib figure, saves it to ``path``."""
        from evenhand.report.plots import trajectory

        return trajectory(self, path)


def evaluate(problem: Problem, actions: Array, price: Array | None = None) -> Trajectory:
    """Price a sequence of actions (..., T, n) on a problem by (1). Raises ProblemError where its shape does not fit."""
    setting = problem.setting
    expected = (*problem.lead, setting.horizon, setting.initial.shape[0])
    if actions.shape[-2:] != expected[-2:]:
        raise ProblemError(f"actions has shape {actions.shape}: it must end in {expected[-2:]} (rounds, actions)")
    start = np.broadcast_to(setting.initial, (*actions.shape[:-2], 1, expected[-1]))
    before = np.concatenate([start, actions[..., :-1, :]], axis=-2)
    return Trajectory(
        problem,
        actions,
        problem.impact.burden(actions),
        problem.cost.value(actions),
        0.5 * setting.beta * reduce.squared_distance(actions, before),
        price,
    )
