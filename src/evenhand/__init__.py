"""evenhand: allocate shared resources with an even hand (fair) and a steady one (smooth).

Names are resolved on first use, so that ``import evenhand`` is instant and compiles nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from evenhand.core import CostBreakdown as CostBreakdown
    from evenhand.core import Problem as Problem
    from evenhand.core import Round as Round
    from evenhand.core import Setting as Setting
    from evenhand.costs.convex import Convex as Convex
    from evenhand.costs.quadratic import DenseQuadratic as DenseQuadratic
    from evenhand.costs.quadratic import Quadratic as Quadratic
    from evenhand.errors import EvenhandError as EvenhandError
    from evenhand.errors import InfeasibleError as InfeasibleError
    from evenhand.errors import ParameterError as ParameterError
    from evenhand.errors import ProblemError as ProblemError
    from evenhand.errors import SolverError as SolverError
    from evenhand.errors import UnknownNameError as UnknownNameError
    from evenhand.experiment import compare as compare
    from evenhand.experiment import load as load
    from evenhand.fairness.norm import Norm as Norm
    from evenhand.impacts import Dense as Dense
    from evenhand.impacts import Diagonal as Diagonal
    from evenhand.mirror import Entropy as Entropy
    from evenhand.mirror import Euclidean as Euclidean
    from evenhand.offline.optimum import fair_optimum as fair_optimum
    from evenhand.offline.optimum import lower_bound_at as lower_bound_at
    from evenhand.offline.optimum import optimum as optimum
    from evenhand.policies.dmd import DMD as DMD
    from evenhand.policies.fair_obd import FairOBD as FairOBD
    from evenhand.policies.greedy import Greedy as Greedy
    from evenhand.policies.hitmin import HitMin as HitMin
    from evenhand.policies.robd import ROBD as ROBD
    from evenhand.registry import from_plain as from_plain
    from evenhand.registry import to_plain as to_plain
    from evenhand.sets import Box as Box
    from evenhand.sets import Budget as Budget
    from evenhand.sets import Polytope as Polytope
    from evenhand.simulation import play as play
    from evenhand.simulation import simulate as simulate
    from evenhand.sweeps.run import sweep as sweep
    from evenhand.trajectory import Trajectory as Trajectory
    from evenhand.trajectory import evaluate as evaluate

#: public name -> the module that defines it
_WHERE = {
    "Box": "sets",
    "Budget": "sets",
    "Convex": "costs.convex",
    "CostBreakdown": "core",
    "DMD": "policies.dmd",
    "Dense": "impacts",
    "DenseQuadratic": "costs.quadratic",
    "Diagonal": "impacts",
    "Entropy": "mirror",
    "Euclidean": "mirror",
    "EvenhandError": "errors",
    "FairOBD": "policies.fair_obd",
    "Greedy": "policies.greedy",
    "HitMin": "policies.hitmin",
    "InfeasibleError": "errors",
    "Norm": "fairness.norm",
    "ParameterError": "errors",
    "Polytope": "sets",
    "Problem": "core",
    "ProblemError": "errors",
    "Quadratic": "costs.quadratic",
    "ROBD": "policies.robd",
    "Round": "core",
    "Setting": "core",
    "SolverError": "errors",
    "Trajectory": "trajectory",
    "UnknownNameError": "errors",
    "compare": "experiment",
    "evaluate": "trajectory",
    "fair_optimum": "offline.optimum",
    "from_plain": "registry",
    "load": "experiment",
    "lower_bound_at": "offline.optimum",
    "optimum": "offline.optimum",
    "play": "simulation",
    "simulate": "simulation",
    "sweep": "sweeps.run",
    "to_plain": "registry",
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
