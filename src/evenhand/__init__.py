"""evenhand: allocate shared resources with an even hand (fair) and a steady one (smooth).

Names are resolved on first use, so that ``import evenhand`` is instant and compiles nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from evenhand.allocation.answer import Allocation as Allocation
    from evenhand.allocation.baselines import BASELINES as BASELINES
    from evenhand.allocation.certificate import certify as certify
    from evenhand.allocation.fitting import fit as fit
    from evenhand.allocation.fitting import fit_groups as fit_groups
    from evenhand.allocation.fitting import fleet_of as fleet_of
    from evenhand.allocation.fleet import Fleet as Fleet
    from evenhand.allocation.network import dual_gradient as dual_gradient
    from evenhand.allocation.network import solve_network as solve_network
    from evenhand.allocation.solve import allocate as allocate
    from evenhand.allocation.solve import sweep as sweep
    from evenhand.allocation.table import fleet_from_table as fleet_from_table
    from evenhand.core import CostBreakdown as CostBreakdown
    from evenhand.core import Problem as Problem
    from evenhand.core import Round as Round
    from evenhand.core import Setting as Setting
    from evenhand.costs.convex import Convex as Convex
    from evenhand.costs.quadratic import DenseQuadratic as DenseQuadratic
    from evenhand.costs.quadratic import Quadratic as Quadratic
    from evenhand.costs.unserved import Pooled as Pooled
    from evenhand.costs.unserved import Unserved as Unserved
    from evenhand.costs.utility import UtilityCost as UtilityCost
    from evenhand.errors import EvenhandError as EvenhandError
    from evenhand.errors import InfeasibleError as InfeasibleError
    from evenhand.errors import ParameterError as ParameterError
    from evenhand.errors import ProblemError as ProblemError
    from evenhand.errors import SolverError as SolverError
    from evenhand.errors import UnknownNameError as UnknownNameError
    from evenhand.experiment import compare as compare
    from evenhand.experiment import load as load
    from evenhand.experiment import load_own as load_own
    from evenhand.fairness.blocks import Blocks as Blocks
    from evenhand.fairness.norm import Norm as Norm
    from evenhand.fairness.shortfall import Shortfall as Shortfall
    from evenhand.fairness.target import Target as Target
    from evenhand.impacts import Dense as Dense
    from evenhand.impacts import Diagonal as Diagonal
    from evenhand.impacts import Stacked as Stacked
    from evenhand.mirror import Entropy as Entropy
    from evenhand.mirror import Euclidean as Euclidean
    from evenhand.offline.bound import LowerBound as LowerBound
    from evenhand.offline.bound import RunningBound as RunningBound
    from evenhand.offline.bound import lower_bound as lower_bound
    from evenhand.offline.frames import attained_deviation as attained_deviation
    from evenhand.offline.frames import periodicity as periodicity
    from evenhand.offline.optimum import fair_optimum as fair_optimum
    from evenhand.offline.optimum import lower_bound_at as lower_bound_at
    from evenhand.offline.optimum import optimum as optimum
    from evenhand.one_shot import compare_allocators as compare_allocators
    from evenhand.policies.adaptive import AdaptiveFairOBD as AdaptiveFairOBD
    from evenhand.policies.dmd import DMD as DMD
    from evenhand.policies.fair_obd import FairOBD as FairOBD
    from evenhand.policies.greedy import Greedy as Greedy
    from evenhand.policies.hitmin import HitMin as HitMin
    from evenhand.policies.receding import RecedingHorizon as RecedingHorizon
    from evenhand.policies.robd import ROBD as ROBD
    from evenhand.registry import from_plain as from_plain
    from evenhand.registry import to_plain as to_plain
    from evenhand.sets import Box as Box
    from evenhand.sets import Budget as Budget
    from evenhand.sets import Polytope as Polytope
    from evenhand.simulation import play as play
    from evenhand.simulation import simulate as simulate
    from evenhand.simulation import tally as tally
    from evenhand.sweeps.run import sweep_policies as sweep_policies
    from evenhand.theory import adversaries as adversaries
    from evenhand.theory.guarantees import Guarantee as Guarantee
    from evenhand.theory.guarantees import balanced_ratio as balanced_ratio
    from evenhand.theory.guarantees import cube_root_rate as cube_root_rate
    from evenhand.theory.guarantees import guarantee as guarantee
    from evenhand.theory.guarantees import robd_ratio as robd_ratio
    from evenhand.theory.search import worst_robd_ratio as worst_robd_ratio
    from evenhand.trajectory import Trajectory as Trajectory
    from evenhand.trajectory import evaluate as evaluate
    from evenhand.utilities.alpha_fair import AlphaFair as AlphaFair
    from evenhand.utilities.cobb_douglas import CobbDouglas as CobbDouglas
    from evenhand.utilities.custom import Custom as Custom
    from evenhand.utilities.exponential import Exponential as Exponential
    from evenhand.utilities.fair import Fair as Fair
    from evenhand.utilities.log import Log as Log
    from evenhand.utilities.mixed import Mixed as Mixed
    from evenhand.utilities.piecewise import PiecewiseLinear as PiecewiseLinear
    from evenhand.utilities.power import Power as Power
    from evenhand.utilities.saturating import Saturating as Saturating

#: public name -> the module that defines it
_WHERE = {
    "AdaptiveFairOBD": "policies.adaptive",
    "RecedingHorizon": "policies.receding",
    "Allocation": "allocation.answer",
    "AlphaFair": "utilities.alpha_fair",
    "BASELINES": "allocation.baselines",
    "Blocks": "fairness.blocks",
    "Box": "sets",
    "Budget": "sets",
    "CobbDouglas": "utilities.cobb_douglas",
    "Convex": "costs.convex",
    "CostBreakdown": "core",
    "Custom": "utilities.custom",
    "DMD": "policies.dmd",
    "Dense": "impacts",
    "DenseQuadratic": "costs.quadratic",
    "Diagonal": "impacts",
    "Entropy": "mirror",
    "Euclidean": "mirror",
    "EvenhandError": "errors",
    "Exponential": "utilities.exponential",
    "Fair": "utilities.fair",
    "FairOBD": "policies.fair_obd",
    "Fleet": "allocation.fleet",
    "Greedy": "policies.greedy",
    "Guarantee": "theory.guarantees",
    "HitMin": "policies.hitmin",
    "InfeasibleError": "errors",
    "Log": "utilities.log",
    "Mixed": "utilities.mixed",
    "LowerBound": "offline.bound",
    "Norm": "fairness.norm",
    "ParameterError": "errors",
    "PiecewiseLinear": "utilities.piecewise",
    "Polytope": "sets",
    "Power": "utilities.power",
    "Pooled": "costs.unserved",
    "Problem": "core",
    "ProblemError": "errors",
    "Quadratic": "costs.quadratic",
    "ROBD": "policies.robd",
    "Round": "core",
    "Saturating": "utilities.saturating",
    "RunningBound": "offline.bound",
    "Setting": "core",
    "Shortfall": "fairness.shortfall",
    "SolverError": "errors",
    "Stacked": "impacts",
    "Target": "fairness.target",
    "Trajectory": "trajectory",
    "UnknownNameError": "errors",
    "UtilityCost": "costs.utility",
    "allocate": "allocation.solve",
    "certify": "allocation.certificate",
    "Unserved": "costs.unserved",
    "compare": "experiment",
    "compare_allocators": "one_shot",
    "dual_gradient": "allocation.network",
    "adversaries": "theory",
    "attained_deviation": "offline.frames",
    "balanced_ratio": "theory.guarantees",
    "cube_root_rate": "theory.guarantees",
    "evaluate": "trajectory",
    "fair_optimum": "offline.optimum",
    "fit": "allocation.fitting",
    "fit_groups": "allocation.fitting",
    "fleet_from_table": "allocation.table",
    "fleet_of": "allocation.fitting",
    "from_plain": "registry",
    "guarantee": "theory.guarantees",
    "load": "experiment",
    "load_own": "experiment",
    "lower_bound": "offline.bound",
    "lower_bound_at": "offline.optimum",
    "optimum": "offline.optimum",
    "periodicity": "offline.frames",
    "play": "simulation",
    "robd_ratio": "theory.guarantees",
    "simulate": "simulation",
    "solve_network": "allocation.network",
    "sweep": "allocation.solve",
    "sweep_policies": "sweeps.run",
    "tally": "simulation",
    "to_plain": "registry",
    "worst_robd_ratio": "theory.search",
}

__all__ = ["__version__", *_WHERE]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'evenhand' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"evenhand.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
