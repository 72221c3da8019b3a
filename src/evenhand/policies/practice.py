"""What schedulers and load balancers do, as one line-up to be compared with. Which rule is whose: docs/baselines.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenhand.core import Policy
from evenhand.policies.half_life_fair_share import HalfLifeFairShare
from evenhand.policies.proportional_share import ProportionalShare
from evenhand.policies.rate_limited_fair_share import RateLimitedFairShare
from evenhand.policies.static_quota import StaticQuota
from evenhand.policies.virtual_token_counter import VirtualTokenCounter

__all__ = ["practice"]


def practice(quota: Any = None, half_life: float = 24.0, rate: float = 0.1) -> Mapping[str, Policy[Any]]:
    """The rules by label. quota: (n,) in units of x; half_life: rounds; rate: quotas a round, of the rate-limited."""
    return {
        "ProportionalShare": ProportionalShare(),
        "StaticQuota": StaticQuota(quota),
        "VirtualTokenCounter": VirtualTokenCounter(quota),
        "HalfLifeFairShare": HalfLifeFairShare(half_life, quota),
        "RateLimitedFairShare": RateLimitedFairShare(rate, quota),
    }
