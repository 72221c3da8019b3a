"""Public conformance checks for anyone's policy, cost of any kind, action set, mirror or scenario.

Each check draws points from a fixed seed, raises `ConformanceError` naming the promise that is broken, and gives
nothing back when all hold. Use them in the tests of a plugin: ``check_policy(MyPolicy(...))``.
"""

from evenhand.checks.fairness import check_fairness as check_fairness
from evenhand.checks.memory import check_memory as check_memory
from evenhand.checks.mirror import check_mirror as check_mirror
from evenhand.checks.parts import check_cost as check_cost
from evenhand.checks.parts import check_set as check_set
from evenhand.checks.parts import check_switching as check_switching
from evenhand.checks.policy import check_policy as check_policy
from evenhand.checks.policy import sample as sample
from evenhand.checks.scenario import check_allocator as check_allocator
from evenhand.checks.scenario import check_scenario as check_scenario

__all__ = [
    "check_allocator",
    "check_cost",
    "check_fairness",
    "check_memory",
    "check_mirror",
    "check_policy",
    "check_scenario",
    "check_set",
    "check_switching",
    "sample",
]
