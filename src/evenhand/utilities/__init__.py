"""Utilities of agents, one family a file: what a total resource is worth (`spec/allocation.md §2`)."""

from evenhand.utilities.alpha_fair import AlphaFair
from evenhand.utilities.base import Parametric, Utility
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.custom import Custom
from evenhand.utilities.exponential import Exponential
from evenhand.utilities.fair import Fair
from evenhand.utilities.log import Log
from evenhand.utilities.mixed import Mixed
from evenhand.utilities.piecewise import PiecewiseLinear
from evenhand.utilities.power import Power
from evenhand.utilities.saturating import Saturating

__all__ = [
    "AlphaFair",
    "CobbDouglas",
    "Custom",
    "Exponential",
    "Fair",
    "Log",
    "Mixed",
    "Parametric",
    "PiecewiseLinear",
    "Power",
    "Saturating",
    "Utility",
]
