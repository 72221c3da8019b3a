"""Choose a policy's parameters on some windows: `tune`, and the same by hand, ask and tell (Optuna, extra ``tune``).

A study lives in a file. What is tried next depends on the seed and on the trials in it alone, so a study that was
stopped and taken up again gives the same answer as one that was not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from evenhand import __version__
from evenhand.columns import number, same
from evenhand.core import Policy, Problem
from evenhand.errors import MissingExtraError, ParameterError, SolverError, UnknownNameError, expect, listed, shown
from evenhand.experiment import Episodes
from evenhand.files import folder_for
from evenhand.registry import to_plain
from evenhand.simulation import tally
from evenhand.sweeps.grid import count
from evenhand.sweeps.plan import fingerprint, parameters_of

__all__ = ["Trial", "Tuned", "Tuner", "tune"]

#: trials of one study
MOST = 100_000
_RANGE = "a list of values, (low, high), or (low, high, 'log')"


@final
@dataclass(frozen=True, slots=True)
class Trial:
    """One try: its number in the study, the parameters, and the policy with them."""

    number: int
    parameters: Mapping[str, Any]
    policy: Policy[Any]

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Tuned:
    """The best policy found, its parameters, its mean cost over the windows, and how many trials there were."""

    policy: Policy[Any]
    parameters: Mapping[str, Any]
    cost: float
    trials: int

    __eq__ = same


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tuner:
    """A study of a policy's parameters on windows of a scenario.

    policy: what stays as it is; space: by parameter, a list of values, (low, high) of numbers (whole ones where both
    are), or (low, high, "log"). windows: starts, default those of the episodes. path: the study's file, made when
    missing and taken up when there; None keeps it in memory. Raises ParameterError, also where the file holds another
    study, UnknownNameError for a parameter that the policy does not have, MissingExtraError without Optuna.
    """

    problem: Problem
    policy: Policy[Any]
    space: Mapping[str, Any]
    seed: int
    study: Any

    def __init__(
        self,
        episodes: Episodes,
        policy: Policy[Any],
        space: Mapping[str, Any],
        *,
        windows: Sequence[int] | None = None,
        seed: int = 0,
        path: str | Path | None = None,
    ) -> None:
        expect("episodes", episodes, Episodes, 'what load("geo7") gives')
        expect("space", space, Mapping, "what to choose from by parameter, such as {'eta': (1e-4, 1.0, 'log')}")
        expect("path", path, (str, Path, type(None)), "a file, or None")
        if not space:
            raise ParameterError("space is empty: name at least one parameter, such as {'eta': (1e-4, 1.0, 'log')}")
        known = parameters_of(type(policy))
        for name, choice in space.items():
            if name not in known:
                raise UnknownNameError(f"parameter of {type(policy).__name__}", str(name), known)
            for value in _ends(name, choice):
                replace(policy, **{name: value})  # pyright: ignore[reportArgumentType]
        starts = episodes.starts if windows is None else listed("windows", windows, "starts in a list, or None")
        chosen = tuple(range(len(episodes))) if starts is None else starts
        seed = int(number("seed", seed, low=0, high=2**63))
        question = [__version__, to_plain(policy), {k: repr(v) for k, v in space.items()}, list(map(int, chosen)), seed]
        text = json.dumps([*question, fingerprint(episodes)], sort_keys=True)
        for name, value in (
            ("problem", episodes.windows().select(chosen)),
            ("policy", policy),
            ("space", dict(space)),
            ("seed", seed),
            ("study", _opened(None if path is None else Path(path), text)),
        ):
            object.__setattr__(self, name, value)

    @property
    def finished(self) -> int:
        """Trials that were told."""
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    def ask(self) -> Trial:
        """What to try next. What was asked and never told is asked again, after a crash too."""
        import optuna

        trials = self.study.get_trials(deepcopy=False)
        open_ = [trial for trial in trials if not trial.state.is_finished()]
        if open_:
            one = optuna.trial.Trial(self.study, open_[0]._trial_id)
        else:
            seed = np.random.SeedSequence([self.seed, len(trials)]).generate_state(1)[0]
            self.study.sampler = optuna.samplers.TPESampler(seed=int(seed))
            one = self.study.ask()
        found = {name: _suggested(one, name, choice) for name, choice in self.space.items()}
        return Trial(one.number, found, replace(self.policy, **found))  # pyright: ignore[reportArgumentType]

    def cost(self, policy: Policy[Any]) -> float:
        """The mean total cost (1) of a policy over the windows."""
        return float(tally(self.problem, policy).cost.mean().total)

    def tell(self, trial: Trial, cost: float | None) -> None:
        """What it cost; None, nan and inf for a trial that failed, which is not tried again."""
        from optuna.trial import TrialState

        worth = math.nan if cost is None else float(cost)
        told: dict[str, Any] = {"values": worth} if math.isfinite(worth) else {"state": TrialState.FAIL}
        self.study.tell(trial.number, **told)

    def best(self) -> Tuned:
        """The best so far. Raises ParameterError before any trial was told."""
        try:
            best = self.study.best_trial
        except ValueError:
            raise ParameterError("no trial of this study has a cost yet: ask and tell first") from None
        found = {name: _meant(choice, best.params[name]) for name, choice in self.space.items()}
        return Tuned(replace(self.policy, **found), found, best.value, self.finished)  # pyright: ignore[reportArgumentType]


def tune(
    episodes: Episodes,
    policy: Policy[Any],
    space: Mapping[str, Any],
    *,
    trials: int = 40,
    windows: Sequence[int] | None = None,
    seed: int = 0,
    path: str | Path | None = None,
) -> Tuned:
    """The parameters of least mean cost over windows, found in so many trials; with ``path`` a study that resumes.

    Trials in the file count, so the same call goes on where it stopped, and gives the same answer. Arguments and
    errors are those of `Tuner`; a trial whose solver fails counts as failed. How well the choice does elsewhere,
    `compare` on other windows says.
    """
    count("trials", trials, MOST)
    tuner = Tuner(episodes, policy, space, windows=windows, seed=seed, path=path)
    while tuner.finished < trials:
        trial = tuner.ask()
        try:
            cost = tuner.cost(trial.policy)
        except SolverError:
            cost = None
        tuner.tell(trial, cost)
    return tuner.best()


def _ends(name: str, choice: Any) -> Sequence[Any]:
    """The values to check now: all of a list, both ends of a range."""
    if isinstance(choice, list) and choice:
        return choice  # pyright: ignore[reportUnknownVariableType]
    if isinstance(choice, tuple) and len(choice) in (2, 3) and choice[2:] in ((), ("log",)):  # pyright: ignore[reportUnknownArgumentType]
        low, high = (number(f"space[{name!r}]", end) for end in choice[:2])
        if low < high and (len(choice) == 2 or low > 0.0):  # pyright: ignore[reportUnknownArgumentType]
            return choice[:2]  # pyright: ignore[reportUnknownVariableType]
    raise ParameterError(f"space[{name!r}] is {shown(choice)}: give {_RANGE}, low < high, positive for 'log'")


def _suggested(trial: Any, name: str, choice: Any) -> Any:
    if isinstance(choice, list):
        return _meant(choice, trial.suggest_categorical(name, [_label(value) for value in choice]))
    low, high, *log = choice
    whole = isinstance(low, int) and isinstance(high, int)
    return (trial.suggest_int if whole else trial.suggest_float)(name, low, high, log=bool(log))


def _label(value: Any) -> Any:
    """A choice as a study keeps it: records by their text."""
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _meant(choice: Any, label: Any) -> Any:
    return next(value for value in choice if _label(value) == label) if isinstance(choice, list) else label


def _opened(path: Path | None, question: str) -> Any:
    """The study in a file, made or taken up, or one in memory."""
    try:
        import optuna
        from optuna.storages import InMemoryStorage, JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise MissingExtraError("tuning needs Optuna: pip install 'evenhand[tune]'") from None
    if path is not None:
        folder_for(path.parent, "path")
    told = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = InMemoryStorage() if path is None else JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(storage=storage, study_name="evenhand", load_if_exists=True)
        before = study.user_attrs.get("question")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ParameterError(f"{str(path)!r} is no study: {error}; choose another path") from None
    finally:
        optuna.logging.set_verbosity(told)
    if before is None and not study.get_trials(deepcopy=False):
        study.set_user_attr("question", question)
    elif before != question:
        raise ParameterError(f"{str(path)!r} holds another study: choose another path, or remove that file")
    return study
