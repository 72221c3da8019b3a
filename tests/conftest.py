"""Hypothesis draws the same cases everywhere: a red test on one machine is red on all."""

from hypothesis import HealthCheck, settings

settings.register_profile("stable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stable")
