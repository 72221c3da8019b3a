"""run.json: what a comparison was, as plain data, so that it can be played again to the identical numbers."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from evenhand.columns import same
from evenhand.core import Policy, Problem
from evenhand.errors import EvenhandError, ParameterError, UnknownNameError, shown
from evenhand.experiment import HINDSIGHT, Comparison, Episodes, pick_policies, remembering
from evenhand.own.episodes import Own
from evenhand.own.template import sample
from evenhand.registry import from_plain, to_plain
from evenhand.simulation import simulate
from evenhand.trajectory import Trajectory

__all__ = ["Replay", "as_run", "play_again", "read_run"]

_FORMAT = 1


def as_run(comparison: Comparison, folder: Path) -> str:
    """The scenario with its settings, the windows, and every policy with its parameters, as JSON.

    A policy that is not plain data (it holds a function, say) is written as null and cannot be replayed. A user's own
    data are written as their checked configuration and the folder of their files, seen from ``folder``.
    """
    policies: dict[str, Any] = {}
    for label, run in comparison.trajectories.items():
        if label not in HINDSIGHT:
            policies[label] = _plain(run.policy)
    return json.dumps(
        {
            "format": _FORMAT,
            "name": comparison.episodes.name,
            "scenario": _scenario(comparison.episodes.scenario, folder),
            "memory": _plain(comparison.episodes.problem.setting.memory),
            "fairness": _plain(comparison.episodes.problem.setting.fairness) if comparison.episodes.changed else None,
            "windows": list(comparison.windows),
            "hindsight": [label for label in comparison.trajectories if label in HINDSIGHT],
            "policies": policies,
        },
        indent=1,
    )


def _scenario(scenario: Any, folder: Path) -> Any:
    if not isinstance(scenario, Own):
        return _plain(scenario)
    if scenario.config is not None and scenario.frames:
        return None
    config = scenario.settings.model_dump(mode="json", exclude_defaults=True)
    if scenario.config is None:
        return {"type": "Own", "config": config, "sample": True}
    try:
        place = os.path.relpath(scenario.place, folder)
    except ValueError:  # another drive
        place = str(scenario.place.resolve())
    return {"type": "Own", "config": config, "folder": place}


def _own(plain: Mapping[str, Any], where: Path) -> Own:
    if plain.get("sample"):
        return Own(plain["config"], sample()[1])
    return Own(plain["config"], folder=where / plain["folder"])


def _plain(value: Any) -> Any:
    try:
        return to_plain(value)
    except ParameterError:
        return None


@final
@dataclass(frozen=True, slots=True)
class Replay:
    """What is played to be certified: episodes, windows and policies; totals are the mean costs that a run reported."""

    folder: Path
    episodes: Episodes
    windows: tuple[int, ...]
    policies: Mapping[str, Policy[Any] | None]
    hindsight: tuple[str, ...]
    totals: Mapping[str, float]

    __eq__ = same

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
            if policy is None or not hasattr(policy, "decide"):
                raise ParameterError(f"{label} was not written as plain data: certify it in Python with lower_bound")
            run = simulate(self.problem, policy)
        total, reported = float(run.cost.mean().total), self.totals.get(label)
        if reported is not None and abs(total - reported) > 1e-6 * max(1.0, abs(reported)):
            raise ParameterError(
                f"{label} now costs {total:.6f}, {str(self.folder)!r} reports {reported:.6f}: "
                "the data or the version changed; run `evenhand compare` again"
            )
        return run


def play_again(episodes: Episodes, policy: str, windows: Sequence[int]) -> Replay:
    """Policies of a scenario or of a user's own data as a run that was never written: its line-up for ``all``.

    Raises UnknownNameError for a policy that is none.
    """
    if policy == "all":
        chosen, hindsight = dict(episodes.scenario.line_up()), list[str]()
    else:
        chosen, hindsight = pick_policies(episodes, policy)
    return Replay(Path(episodes.name), episodes, tuple(windows), chosen, tuple(hindsight), {})


def read_run(folder: str | Path) -> Replay:
    """Read a folder that `compare` wrote. Raises ParameterError where there is no run.json or it cannot be replayed."""
    where = Path(folder)
    again = f"run `evenhand compare SCENARIO --out {folder}` first"
    try:
        data = json.loads((where / "run.json").read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ParameterError(f"{str(where)!r} holds a run of another version: {again}")
        plain = data["scenario"]
        if plain is None:
            raise ParameterError("it was made from tables in memory: certify it in Python with lower_bound")
        scenario = _own(plain, where) if plain["type"] == "Own" else from_plain(plain)
        policies = {label: from_plain(plain) for label, plain in data["policies"].items()}
        problem = remembering(scenario.problem(), from_plain(data.get("memory")))
        if data.get("fairness") is not None:
            problem = replace(problem, setting=replace(problem.setting, fairness=from_plain(data["fairness"])))
        episodes = Episodes(data["name"], scenario, problem)
        with (where / "comparison.csv").open(encoding="utf-8", newline="") as file:
            totals = {row["policy"]: float(row["total"]) for row in csv.DictReader(file)}
        windows = tuple(data["windows"])
        if not windows or any(type(k) is not int or not 0 <= k < len(episodes) for k in windows):
            raise ParameterError(f"its windows are {shown(windows)}, the data have {len(episodes)}: {again}")
        for name in data["hindsight"]:
            if name not in HINDSIGHT:
                raise UnknownNameError("hindsight benchmark", str(name), HINDSIGHT)
        return Replay(where, episodes, windows, policies, tuple(data["hindsight"]), totals)
    except OSError as error:
        raise ParameterError(f"{str(where)!r} has no readable run.json ({error.strerror}): {again}") from None
    except EvenhandError as error:
        raise ParameterError(f"{str(where / 'run.json')!r} cannot be replayed: {error}") from None
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ParameterError(f"{str(where / 'run.json')!r} is not a run ({type(error).__name__}): {again}") from None
