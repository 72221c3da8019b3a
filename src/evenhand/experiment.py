"""Scenarios, policies and windows together: load a scenario, compare policies on it, write what came out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np

from evenhand.columns import lacks, offers
from evenhand.core import Fairness, FairnessMemory, Policy, Problem
from evenhand.errors import (
    InfeasibleError,
    ParameterError,
    ProblemError,
    SolverError,
    UnknownNameError,
    called,
    expect,
    listed,
    shown,
)
from evenhand.interchange import dataset, from_pandas, to_polars
from evenhand.notebook import glance
from evenhand.offline.optimum import Optimum, fair_optimum, optimum
from evenhand.own import SUFFIXES
from evenhand.registry import construct, lookup, parse, split_items
from evenhand.simulation import simulate
from evenhand.trajectory import Trajectory

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Comparison",
    "Episodes",
    "Row",
    "Scenario",
    "compare",
    "load",
    "load_own",
    "pick_policies",
    "pick_windows",
    "windows_of",
]

#: benchmarks that see all rounds; every comparison has OPT, its cost is what ratios are taken to
HINDSIGHT: Mapping[str, Callable[..., Optimum]] = {"OPT": optimum, "FairOPT": fair_optimum}


class Scenario(Protocol):
    """A frozen dataclass: settings as fields, data and default policies by method.

    If it has a ``note``, that is printed below tables; ``units``, of ``cost`` and of each kind of burden (``burden``
    where there is one alone), stand on the axes of figures.
    """

    @property
    def length(self) -> int:
        """Rounds in a window."""
        ...

    def problem(self) -> Problem:
        """All rounds."""
        ...

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """The policies that `compare` plays when none are named."""
        ...

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """Published (hitting, switching, fairness, total) by policy; empty where nothing was published."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Episodes:
    """A loaded scenario: its whole problem, and the windows that are its episodes.

    ``starts``: the windows that `compare` takes when none are named; None means all. changed: fairness
    is not the scenario's own, so that what was published is about another problem.
    """

    name: str
    scenario: Scenario
    problem: Problem
    starts: tuple[int, ...] | None = None
    changed: bool = False

    def __len__(self) -> int:
        return self.problem.horizon - self.scenario.length + 1

    def window(self, k: int) -> Problem:
        """Window k: rounds k .. k + length - 1. Raises ParameterError outside [0, len - 1]."""
        return self.problem.window(k, self.scenario.length)

    def windows(self) -> Problem:
        """All windows as one problem with a leading axis, without a copy."""
        return self.problem.windows(self.scenario.length)

    def _repr_html_(self) -> str:
        told = glance("Episodes", {"scenario": self.name, "windows": len(self), "length": self.scenario.length})
        return told + self.problem._repr_html_()  # pyright: ignore[reportPrivateUsage]


def names_own(name: str) -> bool:
    """Whether a scenario's name is the path of a user's own data: a YAML or TOML file, or a folder."""
    return name.lower().endswith(SUFFIXES) or ((name.startswith(".") or "/" in name) and os.path.isdir(name))


def scenario_named(name: str) -> type:
    """The class of a scenario. Raises UnknownNameError with the nearest known name, or with a file that is meant."""
    try:
        return lookup("scenarios", name)
    except UnknownNameError:
        meant = [file for file in (f"{name}{suffix}" for suffix in SUFFIXES) if os.path.isfile(file)]
        if meant:
            raise UnknownNameError("scenario", name, meant[:1]) from None
        if os.path.isfile(name):
            raise ParameterError(
                f"{name!r} is a file, but no .yaml or .toml: write a configuration that names it "
                "(`evenhand new-scenario` makes one)"
            ) from None
        if os.path.isdir(name):
            raise ParameterError(f"{name!r} is a folder: write {os.path.join('.', name)!r}, or name the file") from None
        raise


def load(name: str, **settings: Any) -> Episodes:
    """Load a scenario by name, any setting by keyword; unknown names are rejected with the nearest known one.

    The path of a YAML or TOML file, or of a folder with one, loads a user's own data (`load_own`). ``memory``, such as
    HalfLife(24), is what fairness remembers, in any scenario; its windows begin with an empty memory each.
    ``fairness``, such as Norm(2.0, p=2.0), takes the place of the scenario's own.
    """
    expect("name", name, str, "the name of a scenario, or the path of a configuration")
    if "fairness" in settings:
        fairness = settings.pop("fairness")
        if isinstance(fairness, type) or not offers(type(fairness), Fairness):
            told = f"{shown(fairness)}{lacks(fairness, Fairness)}"
            raise ParameterError(f"fairness is {told}: give a fairness cost such as Norm(mu=1.0)")
        plain = load(name, **settings)
        setting = replace(plain.problem.setting, fairness=fairness)
        return replace(plain, problem=replace(plain.problem, setting=setting), changed=True)
    if "memory" in settings and not isinstance(settings["memory"], Mapping):
        memory = settings.pop("memory")
        if memory is not None and not isinstance(memory, FairnessMemory):
            raise ParameterError(f"memory is {memory!r:.60}: give HalfLife(24), Window(168), another memory, or None")
        plain = load(name, **settings)
        return replace(plain, problem=remembering(plain.problem, memory))
    if names_own(name):
        return load_own(name, **settings)
    scenario_named(name)
    scenario = construct("scenarios", name, settings)
    if not hasattr(scenario, "problem"):
        raise ParameterError(f"{name} is one-shot, it has no rounds: use compare_allocators, or allocate its fleets()")
    return Episodes(name, scenario, scenario.problem())


def remembering(problem: Problem, memory: FairnessMemory | None) -> Problem:
    """The problem with that memory of its fairness, None for none."""
    return replace(problem, setting=replace(problem.setting, memory=memory))


def load_own(
    config: str | Path | Mapping[str, Any],
    *,
    frames: Mapping[str, Any] | None = None,
    folder: str | Path = "",
    **changes: Any,
) -> Episodes:
    """Load a user's own data: a YAML or TOML file, a folder with one, or a mapping of the same keys.

    frames: tables of any dataframe library (pandas, polars, Arrow, …) by the file name they stand for; folder: where
    the files of a mapping are, by default the working folder; changes replace top-level keys.
    Raises ProblemError naming file, row, column, value and remedy, UnknownNameError for an unknown key.
    """
    from evenhand.own.episodes import Own

    own = Own(config, frames, changes, folder)
    count = own.loaded.horizon - own.length + 1
    return Episodes(own.name, own, own.loaded, tuple(range(0, count, own.step)))


@final
@dataclass(frozen=True, slots=True)
class Row:
    """Mean costs of one policy over windows, the ratio of its mean total to OPT's, and the published parts if any."""

    policy: str
    hitting: float
    switching: float
    fairness: float
    total: float
    ratio: float
    published: tuple[float, float, float, float] | None
    published_ratio: float | None

    def flat(self) -> dict[str, Any]:
        """One CSV row: policy, hitting, switching, fairness, total,
        ratio and published_* (None where not published).
        """
        parts = self.published or (None, None, None, None)
        return {
            "policy": self.policy,
            "hitting": self.hitting,
            "switching": self.switching,
            "fairness": self.fairness,
            "total": self.total,
            "ratio": self.ratio,
            "published_hitting": parts[0],
            "published_switching": parts[1],
            "published_fairness": parts[2],
            "published_total": parts[3],
            "published_ratio": self.published_ratio,
        }


@final
@dataclass(frozen=True, slots=True)
class Comparison:
    """Policies side by side on the same windows: rows in order, trajectories by policy, OPT's proved gap (its worst
    window). missing: hindsight benchmarks that could not be had, and why; without OPT ratios and gap are nan.
    """

    episodes: Episodes
    windows: tuple[int, ...]
    rows: tuple[Row, ...]
    trajectories: Mapping[str, Trajectory]
    gap: float
    missing: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def no_opt(self) -> str:
        """Why there is no OPT; empty where there is one."""
        return self.missing.get("OPT", "")

    def to_frame(self) -> pd.DataFrame:
        """The rows as a pandas frame."""
        import pandas as pd

        return pd.DataFrame([row.flat() for row in self.rows])

    def to_arrow(self) -> Any:
        """`to_frame` as an Arrow table."""
        return from_pandas(self.to_frame())

    def to_polars(self) -> Any:
        """`to_frame` as a polars frame (extra ``frames``)."""
        return to_polars(self.to_arrow())

    def to_xarray(self) -> Any:
        """Cost of every policy in every window, in parts and in all: an xarray Dataset (extra ``frames``)."""
        costs, axes = [run.cost for run in self.trajectories.values()], ("policy", "window")
        parts = ("hitting", "switching", "fairness", "total")
        values = {name: (axes, np.array([getattr(cost, name) for cost in costs])) for name in parts}
        along = {"policy": list(self.trajectories), "window": list(self.windows)}
        return dataset(values, along, {"scenario": self.episodes.name, "gap": self.gap})

    def _repr_html_(self) -> str:
        head = ("policy", "hitting", "switching", "fairness", "total", "ratio")
        facts = {"scenario": self.episodes.name, "windows": len(self.windows), "OPT's proved gap": self.gap}
        facts |= {f"no {name}:": why for name, why in self.missing.items()}
        return glance("Comparison", facts, head, [[getattr(row, name) for name in head] for row in self.rows])


def compare(
    episodes: Episodes,
    policies: Mapping[str, Policy[Any]] | None = None,
    windows: Sequence[int] | None = None,
    hindsight: Sequence[str] = ("OPT", "FairOPT"),
    progress: Callable[[str, int], None] | None = None,
) -> Comparison:
    """Play policies on windows and set them beside OPT (and FairOPT): means over windows, ratio of mean totals.

    policies: by label, default the scenario's line-up; windows: starts, default those of the episodes; progress is
    called with (label, windows done). OPT is always computed, it is what ratios are taken to. Where OPT or FairOPT
    cannot be had (a cost without conic form, a window without a proved answer), its row is left out, `missing` says
    why, and the comparison goes on. Raises the reason only where nothing else was asked for.
    """
    expect("episodes", episodes, Episodes, 'what load("geo7") gives')
    if policies is not None:
        expect("policies", policies, Mapping, 'policies by label, such as {"mine": FairOBD()}')
    hindsight = listed("hindsight", hindsight, 'benchmarks in a list, such as ["OPT"]')
    called("progress", progress, "a function of a label and windows done, or None")
    for name in hindsight:
        expect("hindsight", name, str, "names, such as OPT")
        if name not in HINDSIGHT:
            raise UnknownNameError("hindsight benchmark", name, HINDSIGHT)
    windows = episodes.starts if windows is None else windows
    chosen = tuple(range(len(episodes))) if windows is None else listed("windows", windows, "starts in a list, or None")
    batch = episodes.windows() if windows is None else episodes.windows().select(chosen)
    tell = progress or (lambda label, done: None)
    played: dict[str, Trajectory] = {}
    missing: dict[str, str] = {}
    solved: dict[str, Optimum] = {}
    for name in ("OPT", *(n for n in hindsight if n != "OPT")):
        try:
            solved[name] = HINDSIGHT[name](batch, progress=lambda label=name: tell(label, 1))
        except (ProblemError, InfeasibleError, SolverError) as error:
            missing[name] = str(error)
    best = solved.get("OPT")
    played.update({name: solved[name].trajectory for name in hindsight if name in solved})
    for label, policy in (policies if policies is not None else episodes.scenario.line_up()).items():
        played[label] = simulate(batch, policy)
        tell(label, len(chosen))
    if not played:
        raise SolverError("; ".join(f"no {name}: {why}" for name, why in missing.items()))
    # what was published is about the average of the whole episode
    own = episodes.problem.setting.memory is None and not episodes.changed
    published = episodes.scenario.published() if own else {}
    reference = float(best.cost.mean().total) if best is not None else 0.0
    published_best = published["OPT"][3] if "OPT" in published else None
    rows: list[Row] = []
    for label, run in played.items():
        mean = run.cost.mean()
        paper = published.get(label)
        rows.append(
            Row(
                label,
                float(mean.hitting),
                float(mean.switching),
                float(mean.fairness),
                float(mean.total),
                float(mean.total) / reference if reference else np.nan,
                paper,
                paper[3] / published_best if paper is not None and published_best else None,
            )
        )
    return Comparison(
        episodes, chosen, tuple(rows), played, float(best.gap.max()) if best is not None else np.nan, missing
    )


def pick_policies(episodes: Episodes, text: str) -> tuple[dict[str, Policy[Any]], list[str]]:
    """Read ``OPT,FairOBD,ROBD(lambda1=0.5)``: a label or prefix of the line-up, or a policy with parameters.

    Gives the online policies by label and the hindsight benchmarks asked for.
    """
    line_up = episodes.scenario.line_up()
    policies: dict[str, Policy[Any]] = {}
    hindsight: list[str] = []
    for item in split_items(text):
        reference = next((name for name in HINDSIGHT if name.lower() == item.lower()), None)
        if reference is not None:
            hindsight.append(reference)
            continue
        same = {
            k: v for k, v in line_up.items() if k.lower() == item.lower() or k.lower().startswith(item.lower() + "(")
        }
        if same:
            policies.update(same)
            continue
        try:
            policies[item] = parse("policies", item)
        except UnknownNameError as error:
            if "policy" in str(error):
                from evenhand.registry import catalogue

                raise UnknownNameError("policy", item, [*HINDSIGHT, *line_up, *catalogue("policies")]) from None
            raise
    if not policies and not hindsight:
        raise ParameterError(f"policies is {text!r}: name at least one, such as OPT,FairOBD")
    return policies, hindsight


def windows_of(episodes: Episodes, text: str) -> tuple[int, ...]:
    """The windows asked for by `pick_windows`; ``all`` are those that the episodes take, such as every
    ``windows.step`` rounds of a user's own data.
    """
    chosen = pick_windows(text, len(episodes))
    if chosen is None:
        chosen = episodes.starts
    return tuple(range(len(episodes))) if chosen is None else tuple(chosen)


def pick_windows(text: str, count: int) -> list[int] | None:
    """Read ``all``, ``12``, ``0,24,48`` or ``0:48:6`` into window starts; None means all."""
    text = text.strip()
    if text == "all":
        return None
    picked: list[int] = []
    try:
        for item in text.split(","):
            if ":" in item:
                picked.extend(range(count)[slice(*(int(p) if p else None for p in item.split(":")))])
            else:
                picked.append(int(item))
    except (TypeError, ValueError):
        raise ParameterError(f"windows is {text!r}: write all, 12, 0,24,48 or 0:48:6") from None
    bad = [k for k in picked if not 0 <= k < count]
    if bad or not picked:
        raise ParameterError(
            f"windows is {text!r}: starts must lie in [0, {count - 1}], and there must be at least one"
        )
    return picked
