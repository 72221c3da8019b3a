"""Allocators side by side on the cases of a one-shot scenario: what `evenhand compare fleet` computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.allocators import Allocator
from evenhand.allocation.answer import Allocation
from evenhand.allocation.fleet import Fleet
from evenhand.columns import offers, same
from evenhand.errors import ParameterError, called, expect, shown
from evenhand.interchange import from_pandas, to_polars
from evenhand.notebook import glance
from evenhand.registry import parse, split_items
from evenhand.utilities.cobb_douglas import CobbDouglas

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AllocatorRow", "Gain", "OneShot", "OneShotCase", "SplitComparison", "compare_allocators", "pick_allocators"]

#: relative amount by which ours may be below a rule and still count as at least as good: rounding
ROUNDING = 1e-9


class OneShotCase(Protocol):
    """One split to make."""

    @property
    def group(self) -> str:
        """The group it is reported in."""
        ...

    @property
    def fleet(self) -> Fleet:
        """The agents."""
        ...

    @property
    def capacity(self) -> Any:
        """What there is to split, as `allocate` takes it."""
        ...


@runtime_checkable
class OneShot(Protocol):
    """A scenario whose episodes are single splits: it is compared by allocators instead of policies."""

    def fleets(self) -> Iterable[OneShotCase]:
        """The cases."""
        ...

    def line_up(self) -> Mapping[str, Allocator]:
        """The allocators compared when none are named; the first is what ratios are taken to."""
        ...


@final
@dataclass(frozen=True, slots=True)
class AllocatorRow:
    """One allocator on one group of cases.

    utility: mean over cases of the sum of utilities; ratio: to the reference's; least: mean over cases of the least
    advantaged agent's utility; reference_wins: share of cases where the reference's sum is at least as large (to
    1e-9 relative); certified: share of its answers proved optimal; swapped: the mean sum with the two exponents
    swapped in the evaluation, the error of the published baselines (nan where it does not apply).
    """

    group: str
    allocator: str
    cases: int
    utility: float
    ratio: float
    least: float
    reference_wins: float
    certified: float
    swapped: float


@final
@dataclass(frozen=True, slots=True)
class Gain:
    """Gain over uniform in one group: in the mean sum of utilities, the same with uniform's exponents swapped in the
    evaluation as in the published code (nan for one resource), and the median and largest gain of one case.
    """

    group: str
    mean: float
    median: float
    published: float
    largest: float


@final
@dataclass(frozen=True, slots=True)
class SplitComparison:
    """Rows by group and allocator, and every case's sum of utilities (allocator, case) behind them."""

    name: str
    scenario: OneShot
    reference: str
    rows: tuple[AllocatorRow, ...]
    groups: tuple[str, ...]
    sums: Mapping[str, NDArray[np.float64]]

    __eq__ = same

    def to_frame(self) -> pd.DataFrame:
        """One row an allocator and group."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])

    def to_arrow(self) -> Any:
        """`to_frame` as an Arrow table."""
        return from_pandas(self.to_frame())

    def to_polars(self) -> Any:
        """`to_frame` as a polars frame (extra ``frames``)."""
        return to_polars(self.to_arrow())

    def cases_frame(self) -> pd.DataFrame:
        """One row a case: group, and the sum of utilities under each allocator."""
        import pandas as pd

        return pd.DataFrame({"group": list(self.groups), **self.sums})

    def _repr_html_(self) -> str:
        head = ("group", "allocator", "cases", "utility", "ratio", "least", "reference_wins", "certified")
        rows = [[getattr(row, name) for name in head] for row in self.rows]
        return glance("SplitComparison", {"scenario": self.name, "reference": self.reference}, head, rows)

    def gains(self) -> list[Gain]:
        """The reference's gain over uniform, by group; empty where uniform was not compared."""
        found: list[Gain] = []
        labels = np.array(self.groups)
        for row in self.rows:
            if row.allocator == "uniform":
                mine = labels == row.group
                ours, theirs = self.sums[self.reference][mine], self.sums["uniform"][mine]
                mean, each = float(ours.mean()), ours / theirs - 1.0
                gain = Gain(
                    row.group,
                    mean / row.utility - 1.0,
                    float(np.median(each)),
                    mean / row.swapped - 1.0,
                    float(np.max(each)),
                )
                found.append(gain)
        return found


def compare_allocators(
    name: str,
    scenario: OneShot,
    allocators: Mapping[str, Allocator] | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> SplitComparison:
    """Split every case by every allocator. allocators: by label, default the scenario's line-up; ratios are taken to
    the line-up's first, which is always computed. progress is called with (label, cases done).
    """
    expect("name", name, str, "what the scenario is called in messages")
    if isinstance(scenario, type) or not offers(type(scenario), OneShot):
        raise ParameterError(f"scenario is {shown(scenario)}: give a one-shot scenario, with fleets() and line_up()")
    expect("allocators", allocators, (Mapping, type(None)), "allocators by label, or None for the scenario's")
    called("progress", progress, "a function of a label and cases done, or None")
    line_up = scenario.line_up()
    reference = next(iter(line_up))
    chosen = {reference: line_up[reference], **(line_up if allocators is None else allocators)}
    cases = list(scenario.fleets())
    if not cases:
        raise ParameterError(f"{name} has no cases; raise draws or sizes")
    groups = tuple(case.group for case in cases)
    sums, least, proved, swapped = (dict[str, NDArray[np.float64]]() for _ in range(4))
    for label, allocator in chosen.items():
        found = np.array([_measures(allocator.split(case.fleet, case.capacity)) for case in cases])
        sums[label], least[label], proved[label], swapped[label] = found.T
        if progress is not None:
            progress(label, len(cases))
    rows: list[AllocatorRow] = []
    for group in dict.fromkeys(groups):
        mine = np.array([g == group for g in groups])
        best = sums[reference][mine]
        for label in chosen:
            own = sums[label][mine]
            rows.append(
                AllocatorRow(
                    group,
                    label,
                    int(mine.sum()),
                    float(own.mean()),
                    float(own.mean() / best.mean()),
                    float(least[label][mine].mean()),
                    float(np.mean(best >= own * (1.0 - ROUNDING))),
                    float(proved[label][mine].mean()),
                    float(swapped[label][mine].mean()),
                )
            )
    return SplitComparison(name, scenario, reference, tuple(rows), groups, sums)


def _measures(answer: Allocation) -> tuple[float, float, float, float]:
    """Sum of utilities, the least, whether it is proved, and the sum with swapped exponents."""
    utility, fleet = answer.utility, answer.fleet
    wrong = np.nan
    if isinstance(fleet.utility, CobbDouglas) and answer.method in ("uniform", "random"):
        swapped = CobbDouglas(fleet.utility.exponents[:, ::-1], fleet.utility.scale)
        wrong = float(np.sum(swapped.value(fleet.onboard + answer.x)))
    return float(np.sum(utility)), float(np.min(utility)), float(answer.status == "certified"), wrong


def pick_allocators(scenario: OneShot, text: str) -> dict[str, Allocator]:
    """Read ``ours,uniform,Proportional(to=need)``: labels of the line-up, or allocators with parameters."""
    line_up = scenario.line_up()
    chosen: dict[str, Allocator] = {}
    for item in split_items(text):
        label = next((known for known in line_up if known.lower() == item.lower()), None)
        chosen[label or item] = line_up[label] if label else parse("allocators", item)
    if not chosen:
        raise ParameterError(f"policies is {text!r}: name at least one of {', '.join(line_up)}")
    return chosen
