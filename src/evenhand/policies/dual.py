"""The dual half that FairOBD and DMD share: the price kappa of the burdens. Source: spec/online.md §2, (4) and (5).

``eta = "auto"`` is a rate of nobody's choosing: eta_t = D / sqrt(sum_{s <= t} |d_s|^2), in the norm of the reference
function, with D^2 = sigma max V_h(kappa, kappa_1) over the corners of the dual ball, which balances the two terms of
the regret below. It has the units of a price per burden whatever those are, and knows neither T nor Z. On the dual
ball, with V = max_t V_h(kappa^, kappa_t), the first two terms of (7) become V / (eta_T T) + sum_t eta_t |d_t|^2 /
(2 sigma T), and sum_t |d_t|^2 / sqrt(S_t) <= 2 sqrt(S_T), S_t the sum of the |d_s|^2 up to t: so the dual regret of any
run is at most (V / D + D / sigma) sqrt(S_T) / T, no more than that times Z / sqrt(T) in place of sqrt(S_T) / T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, offers, same
from evenhand.core import Mirror, Setting
from evenhand.errors import ParameterError, expect, shown
from evenhand.kernels import reduce

__all__ = ["Dual", "Rate"]


@final
@dataclass(frozen=True, slots=True)
class Rate:
    """What an automatic rate knows: D () and the sum of |d_s|^2 so far (...)."""

    reach: Array
    energy: Array

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Dual:
    """The dual half of FairOBD and DMD: learning rate eta, reference function, domain and start of kappa.

    eta > 0, a number or an array over leading axes (...), or "auto". domain `free` (the paper): kappa anywhere, z in
    the box of the setting's burden bounds; `ball`: kappa stays in dom g*; None: `ball` where eta is "auto", else
    `free`. start: kappa_1, None for 1 in `free` and the centre of the dual ball in `ball`.
    """

    eta: Any
    mirror: Mirror
    domain: str | None
    start: Any

    __eq__ = same

    def __post_init__(self) -> None:
        if not self.auto:
            eta = as_array("eta", self.eta)
            if not (eta > 0).all():
                raise ParameterError(f"eta is {shown(self.eta)}: the learning rate must be above 0, or 'auto'")
            object.__setattr__(self, "eta", eta[..., None] if eta.ndim else float(eta))
        if self.domain is None:
            object.__setattr__(self, "domain", "ball" if self.auto else "free")
        expect("domain", self.domain, str, "'free' or 'ball'")
        if self.domain not in ("free", "ball"):
            raise ParameterError(f"domain is {self.domain!r}: it must be 'free' or 'ball'")
        if isinstance(self.mirror, type) or not offers(type(self.mirror), Mirror):
            raise ParameterError(f"mirror is {shown(self.mirror)}: give Euclidean() or Entropy(), or another `Mirror`")
        if self.start is not None:
            object.__setattr__(self, "start", as_array("kappa1", self.start))

    @property
    def auto(self) -> bool:
        """Whether the rate is found from the data seen so far."""
        return isinstance(self.eta, str) and self.eta == "auto"

    @property
    def unitless(self) -> bool:
        """Whether no number of it has a unit: the rate is found, and prices start in the middle of the dual ball."""
        return self.auto and self.domain == "ball" and self.start is None

    def begin(self, setting: Setting) -> Array | None:
        """kappa_1 where the setting tells how many entities there are, None until the first round does."""
        return None if setting.count is None else self.first(setting, setting.count)

    def first(self, setting: Setting, m: int) -> Array:
        """kappa_1 of m entities: (m,) or (..., m)."""
        if self.start is not None and self.start.shape[-1:] not in ((), (1,), (m,)):
            raise ParameterError(f"kappa1 has {self.start.shape[-1]} numbers for {m} entities: give one for each")
        kappa = self._centre(setting, m)
        if isinstance(self.eta, np.ndarray):  # one run for each learning rate, from the first round on
            kappa = np.broadcast_to(kappa, np.broadcast_shapes(kappa.shape, self.eta.shape)).copy()
        if self.start is not None and self.mirror.positive and not (kappa > 0).all():
            raise ParameterError(f"kappa1 is {kappa}: the step of {type(self.mirror).__name__} needs a start above 0")
        if self.domain == "free":
            box = setting.burden_lower, setting.burden_upper
            if any(end is None or not np.isfinite(end).all() for end in box):
                raise ParameterError(
                    "domain 'free' needs finite burden_lower and burden_upper; set them, or use domain='ball'"
                )
            return kappa
        return self._in_ball(setting, kappa)

    def _centre(self, setting: Setting, m: int) -> Array:
        if self.start is not None:
            return np.broadcast_to(self.start, np.broadcast_shapes(self.start.shape, (m,))).copy()
        return np.ones(m) if self.domain == "free" else setting.fairness.centre(m)

    def home(self, setting: Setting, m: int) -> Array:
        """kappa_1, as what a memory draws prices back to: (m,) or (..., m)."""
        kappa = self._centre(setting, m)
        return kappa if self.domain == "free" else self._in_ball(setting, kappa)

    def _in_ball(self, setting: Setting, kappa: Array) -> Array:
        """A step along nothing is the mirror's own projection: where prices must stay above 0 it keeps them there."""
        return self.mirror.step(kappa, np.zeros_like(kappa), np.ones_like(kappa), setting.fairness, True)

    def budget(self, setting: Setting, kappa: Array) -> Array:
        """z_t, the budget step (4)."""
        if self.domain == "ball":
            return setting.fairness.budget_ball(kappa)
        assert setting.burden_lower is not None
        assert setting.burden_upper is not None
        return setting.fairness.budget(kappa, setting.burden_lower, setting.burden_upper)

    def next(
        self, setting: Setting, kappa: Array, burden: Array, rate: Rate | None = None
    ) -> tuple[Array, Rate | None]:
        """kappa_{t+1}, the mirror step (5) along d_t = z_t - A_t x_t: a burden above budget raises its price; and what
        an automatic rate knows after it, None for a rate that is given.

        With a memory the step starts from kappa_1 + gamma (kappa_t - kappa_1), gamma its `retention`: the discounted
        sum of the d_s in place of their sum, and |d_s|^2 fades by gamma a round too. Source: spec/online.md §10.
        """
        direction = self.budget(setting, kappa) - burden
        eta: Any = self.eta
        if self.auto:
            rate = self._seen(setting, direction, rate)
            speed = np.sqrt(rate.energy)
            eta = np.divide(rate.reach, speed, out=np.zeros_like(speed), where=speed > 0.0)[..., None]
        if setting.memory is not None:
            first = self.home(setting, kappa.shape[-1])
            kappa = first + setting.memory.retention * (kappa - first)
        return self.mirror.step(kappa, direction, eta, setting.fairness, self.domain == "ball"), rate

    def _seen(self, setting: Setting, direction: Array, rate: Rate | None) -> Rate:
        """With one more |d_t|^2."""
        weighed = self.mirror.burden_weights * direction
        if self.mirror.order == np.inf:
            weighed = np.abs(weighed).max(axis=-1, keepdims=True)
        size = reduce.total(weighed * weighed)
        if rate is None:
            return Rate(self.reach(setting, direction.shape[-1]), size)
        fade = 1.0 if setting.memory is None else setting.memory.retention
        return Rate(rate.reach, fade * rate.energy + size)

    def reach(self, setting: Setting, m: int) -> Array:
        """D: how far the corners of the dual ball, 0 and the prices of one burden alone, lie from its centre."""
        g, mirror = setting.fairness, self.mirror
        corners = np.concatenate([np.zeros((1, m)), g.subgradient(np.eye(m))])
        corners = np.maximum(corners, 0.0) if mirror.positive else corners
        paid = corners / mirror.burden_weights
        size = np.sqrt(reduce.total(paid * paid)) if mirror.order == 2.0 else reduce.total(np.abs(paid))
        start = self._in_ball(setting, g.centre(m))
        largest = size.max()
        if largest == 0.0:  # fairness costs nothing
            return np.zeros(())
        return np.sqrt(mirror.modulus(largest) * mirror.divergence(corners, start).max())
