"""Public conformance checks for anyone's policy, cost of any kind, action set, mirror, utility or scenario.

Each draws points from a fixed seed, raises `ConformanceError` naming the promise that is broken, and gives nothing
back when all hold. Use them in the tests of a plugin: ``check_policy(MyPolicy(...))``. `examine` runs the same
promises one by one and gives a verdict on each, as `evenhand check` prints them.
"""

from evenhand.checks.cost import check_cost as check_cost
from evenhand.checks.fairness import check_fairness as check_fairness
from evenhand.checks.feasible import check_set as check_set
from evenhand.checks.impact import check_impact as check_impact
from evenhand.checks.memory import check_memory as check_memory
from evenhand.checks.mirror import check_mirror as check_mirror
from evenhand.checks.policy import check_policy as check_policy
from evenhand.checks.policy import sample as sample
from evenhand.checks.scenario import check_allocator as check_allocator
from evenhand.checks.scenario import check_scenario as check_scenario
from evenhand.checks.suite import SUITES as SUITES
from evenhand.checks.suite import examine as examine
from evenhand.checks.switching import check_switching as check_switching
from evenhand.checks.utility import check_utility as check_utility

__all__ = [
    "SUITES",
    "check_allocator",
    "check_cost",
    "check_fairness",
    "check_impact",
    "check_memory",
    "check_mirror",
    "check_policy",
    "check_scenario",
    "check_set",
    "check_switching",
    "check_utility",
    "examine",
    "sample",
]
