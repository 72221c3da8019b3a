"""A decision in words and numbers: prices, who was favoured and why, what one more unit would change, the neighbours.

Marginal costs are those of the decided round under the price in force: hitting, switching and fairness together,
the derivatives of step (3) of spec/online.md §2 at the action. Where the policy solves that step (FairOBD, Greedy,
ROBD with lambda2 = 0) the cheapest of them is the multiplier of demand; a policy that plans may accept other ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.core import Round, Setting
from evenhand.costs.unserved import Pooled
from evenhand.live.records import Controller, Decision, State
from evenhand.proximal import moved, proximal

__all__ = ["Explanation", "explain"]

#: relative difference that is not called one
ROUNDING = 1e-6
#: entities named in a text
NAMED = 3


@final
@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about a decision; arrays by site (n,) or by entity (m,).

    charges (b, n): fairness price of one unit at each site, kind by kind; tilt: their sum, A' kappa. greedy: what the
    same round without a price on fairness would get; hitmin: without switching cost, too. favoured: action - greedy.
    more, less: what one unit more at a site costs, one less saves. demand: what one more unit of demand costs;
    capacity: what one more unit of it at a full site saves, else 0. remembered: mean burden so far, or as the memory
    holds it; None before the first round.
    """

    decision: Decision
    sites: tuple[str, ...]
    kinds: tuple[str, ...]
    entities: tuple[str, ...]
    price: Array
    charges: Array
    tilt: Array
    greedy: Array
    hitmin: Array
    more: Array
    less: Array
    demand: float
    capacity: Array
    remembered: Array | None

    __eq__ = same

    @property
    def favoured(self) -> Array:
        """What each site gets beyond the neighbour that is blind to fairness."""
        return self.decision.action - self.greedy

    @property
    def size(self) -> float:
        """A difference of actions up to this is not told."""
        return ROUNDING * float(np.abs([self.decision.action, self.decision.previous]).max())

    @property
    def sentences(self) -> tuple[str, ...]:
        """In plain English, one fact a sentence."""
        d = self.decision
        at = f" ({d.time})" if d.time else ""
        moves = ", ".join(
            f"{site} {x:.4g}{f' ({x - b:+.4g})' if abs(x - b) > self.size else ''}"
            for site, x, b in zip(self.sites, d.action, d.previous, strict=True)
        )
        out = [f"Round {d.round}{at}: {moves}.", *(f"{note.text[0].upper()}{note.text[1:]}." for note in d.notes)]
        if not self.price.any():
            out.append("No burden has a price: fairness does not change this decision.")
        else:
            top = [int(j) for j in np.argsort(-np.abs(self.price), kind="stable")[:NAMED] if self.price[j]]
            told = ", ".join(f"{self.entities[j]} {self.price[j]:.4g}" for j in top)
            rest = int(np.count_nonzero(self.price)) - len(top)
            out.append(f"Price of one unit of burden: {told}{f', and {rest} more' if rest else ''}.")
            out += self._who()
        room = np.isfinite(self.demand)
        out.append(
            f"One more unit of demand would cost {self.demand:.4g}."
            if room
            else "One more unit of demand could not be served: every site is full."
        )
        full = [int(i) for i in np.argsort(-self.capacity, kind="stable")[:NAMED] if self.capacity[i] > 0]
        if full:
            told = ", ".join(f"{self.capacity[i]:.4g} at {self.sites[i]}" for i in full)
            out.append(f"One more unit of capacity would save {told}.")
        return tuple(out)

    def _who(self) -> list[str]:
        """Who gets less or more than without a price on fairness, and why."""
        gain = self.favoured
        size = self.size
        if self.decision.held:
            return []
        if (np.abs(gain) <= size).all():
            return ["Without a price on fairness the decision would be the same."]
        low, high = int(np.argmin(gain)), int(np.argmax(gain))
        out: list[str] = []
        if gain[low] < -size:
            out.append(
                f"{self.sites[low]} is spared {-gain[low]:.4g} against a decision blind to fairness: "
                f"a unit there is {_charged(self.tilt[low])} for its burden{self._mainly(low)}"
            )
        if gain[high] > size:
            out.append(f"{self.sites[high]} takes {gain[high]:.4g} more, {_charged(self.tilt[high])} a unit")
        return [f"{'; '.join(out)}."]

    def _mainly(self, site: int) -> str:
        """Which kind of burden a site's charge is mostly for, and where it stands in that kind so far."""
        b, told = int(np.argmax(self.charges[:, site])), ""
        if len(self.kinds) > 1:
            told = f", {self.charges[b, site]:.4g} of it for {self.kinds[b]}"
        if self.remembered is not None and self.charges[b, site] > 0.0:
            borne = self.remembered.reshape(self.charges.shape)[b]
            most = " (the most of all sites)" if borne.shape[0] > 1 and borne[site] == borne.max() else ""
            told += f", of which it bore {borne[site]:.4g} a round so far{most}"
        return told

    @property
    def text(self) -> str:
        """All sentences, one a line."""
        return "\n".join(self.sentences)

    @property
    def plain(self) -> dict[str, Any]:
        """The same as JSON-ready data, by name of site and entity."""

        def by(names: tuple[str, ...], values: Array) -> dict[str, float]:
            return dict(zip(names, values.tolist(), strict=True))

        return {
            "text": self.text,
            "price": by(self.entities, self.price),
            "fairness_charge": by(self.sites, self.tilt),
            "favoured": by(self.sites, self.favoured),
            "neighbours": {"Greedy": by(self.sites, self.greedy), "HITMIN": by(self.sites, self.hitmin)},
            "one_more_at_site": by(self.sites, self.more),
            "one_less_at_site": by(self.sites, self.less),
            "one_more_of_demand": self.demand if np.isfinite(self.demand) else None,
            "one_more_of_capacity": by(self.sites, self.capacity),
            "remembered_burden": None if self.remembered is None else by(self.entities, self.remembered),
        }


def explain(controller: Controller, decision: Decision, state: State | None = None) -> Explanation:
    """Explain a decision; ``state``: before or after deciding, adds what each entity has borne so far."""
    setting, sites = controller.setting, controller.sites
    round = sites.round(decision.round, decision.signals)
    m = round.impact.entities
    price = np.zeros(m) if decision.price is None else decision.price
    tilt = round.impact.tilt(price)
    more, less = _marginals(setting, sites.part("linear"), sites.part("curvature"), decision, tilt)
    demand, capacity = _one_more(round, decision.action, more, less)
    weights = decision.signals[sites.part(sites.fields[4]).start :].reshape(len(sites.kinds), -1)
    charges = price.reshape(weights.shape) * weights * sites.signs[:, None]
    remembered = None
    if state is not None and state.round:
        memory = setting.memory
        remembered = state.burden / state.round if memory is None else memory.remembered(state.burden)
    return Explanation(
        decision,
        sites.names,
        sites.kinds,
        controller.setting.entities,
        price,
        charges,
        tilt,
        moved(setting, round, decision.previous),
        proximal(round),
        more,
        less,
        demand,
        capacity,
        remembered,
    )


def _marginals(
    setting: Setting, linear: slice, curvature: slice, decision: Decision, tilt: Array
) -> tuple[Array, Array]:
    """Derivatives from the right and from the left, by site, of the served cost: hitting, switching, fairness."""
    x, moves = decision.action, setting.switching.moves
    move = x - decision.previous
    slope = decision.signals[linear] + decision.signals[curvature] * x + tilt + moves.rho * move
    if moves.matrix is not None:
        slope = slope + moves.matrix @ move
    return slope + np.where(move >= 0, moves.up, -moves.down), slope + np.where(move > 0, moves.up, -moves.down)


def _one_more(round: Round, x: Array, more: Array, less: Array) -> tuple[float, Array]:
    low, high = round.feasible.bounds
    size = ROUNDING * np.maximum(np.abs(high), np.abs(x))
    cheapest = float(np.where(x < high - size, more, np.inf).min())
    dearest = np.where(x > low + size, less, -np.inf)
    relief = np.full_like(x, dearest.max())
    if x.shape[0] > 1:  # a site relieves another one, not itself
        first = int(np.argmax(dearest))
        relief[first] = np.delete(dearest, first).max()
    if isinstance(round.cost, Pooled):
        short = float(round.cost.missing(x))
        unserved = float(round.cost.price + round.cost.weight * max(short, 0.0))
        cheapest = min(cheapest, unserved)
        if short > 0:
            relief = np.maximum(relief, unserved)
    else:
        relief = relief if x.shape[0] > 1 else np.full_like(x, -np.inf)
    return cheapest, np.where(x >= high - size, np.maximum(relief - more, 0.0), 0.0)


def _charged(price: float) -> str:
    return f"credited {-price:.4g}" if price < 0 else f"charged {price + 0.0:.4g}"
