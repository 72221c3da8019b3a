"""run.json: what a comparison was, as plain data, so that it can be played again to the identical numbers."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from evenhand.core import Policy, Problem
from evenhand.errors import EvenhandError, ParameterError, UnknownNameError
from evenhand.experiment import HINDSIGHT, Comparison, Episodes
from evenhand.registry import from_plain, to_plain
from evenhand.simulation import simulate
from evenhand.trajectory import Trajectory

__all__ = ["Replay", "as_run", "read_run"]

_FORMAT = 1


def as_run(comparison: Comparison) -> str:
    """The scenario with its settings, the windows, and every policy with its parameters, as JSON.

    A policy that is not plain data (it holds a function, say) is written as null and cannot be replayed.
    """
    policies: dict[str, Any] = {}
    for label, run in comparison.trajectories.items():
        if label not in HINDSIGHT:
            policies[label] = _plain(run.policy)
    return json.dumps(
        {
            "format": _FORMAT,
            "name": comparison.episodes.name,
            "scenario": _plain(comparison.episodes.scenario),
            "windows": list(comparison.windows),
            "hindsight": [label for label in comparison.trajectories if label in HINDSIGHT],
            "policies": policies,
        },
        indent=1,
    )


def _plain(value: Any) -> Any:
    try:
        return to_plain(value)
    except ParameterError:
        return None


@final
@dataclass(frozen=True, slots=True)
class Replay:
    """A comparison read back: its episodes, windows and policies; totals are the mean costs it reported."""

    folder: Path
    episodes: Episodes
    windows: tuple[int, ...]
    policies: Mapping[str, Policy[Any] | None]
    hindsight: tuple[str, ...]
    totals: Mapping[str, float]

    @property
    def problem(self) -> Problem:
        """The windows as one problem with a leading axis."""
        return self.episodes.windows().select(self.windows)

    def labels(self, text: str) -> list[str]:
        """The runs that a name means: itself, or all that start with ``name(``. Raises UnknownNameError."""
        known = [*self.policies, *self.hindsight]
        if text == "all":
            return known
        low = text.strip().lower()
        same = [k for k in known if k.lower() == low] or [k for k in known if k.lower().startswith(low + "(")]
        if not same:
            raise UnknownNameError(f"policy of {str(self.folder)!r}", text, [*known, "all"])
        return same

    def play(self, label: str) -> Trajectory:
        """Play one of the runs again. Raises ParameterError where it cannot be, or its cost is not the one reported."""
        if label in HINDSIGHT:
            run = HINDSIGHT[label](self.problem).trajectory
        else:
            policy = self.policies[label]
            if policy is None:
                raise ParameterError(f"{label} was not written as plain data: certify it in Python with lower_bound")
            run = simulate(self.problem, policy)
        total, reported = float(run.cost.mean().total), self.totals.get(label)
        if reported is not None and abs(total - reported) > 1e-6 * max(1.0, abs(reported)):
            raise ParameterError(
                f"{label} now costs {total:.6f}, {str(self.folder)!r} reports {reported:.6f}: "
                "the data or the version changed; run `evenhand compare` again"
            )
        return run


def read_run(folder: str | Path) -> Replay:
    """Read a folder that `compare` wrote. Raises ParameterError where there is no run.json or it cannot be replayed."""
    where = Path(folder)
    again = f"run `evenhand compare SCENARIO --out {folder}` first"
    try:
        data = json.loads((where / "run.json").read_text(encoding="utf-8"))
        scenario = from_plain(data["scenario"])
        if data["format"] != _FORMAT or scenario is None:
            raise ParameterError(f"{str(where)!r} holds a run of another format, or a scenario of one's own: {again}")
        policies = {label: from_plain(plain) for label, plain in data["policies"].items()}
        episodes = Episodes(data["name"], scenario, scenario.problem())
        with (where / "comparison.csv").open(encoding="utf-8", newline="") as file:
            totals = {row["policy"]: float(row["total"]) for row in csv.DictReader(file)}
        return Replay(where, episodes, tuple(data["windows"]), policies, tuple(data["hindsight"]), totals)
    except OSError as error:
        raise ParameterError(f"{str(where)!r} has no readable run.json ({error.strerror}): {again}") from None
    except (json.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
        raise ParameterError(f"{str(where / 'run.json')!r} is not a run ({type(error).__name__}): {again}") from None
    except EvenhandError as error:
        raise ParameterError(f"{str(where / 'run.json')!r} cannot be replayed: {error}") from None
