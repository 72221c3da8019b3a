"""An allocation as text and as files: the agents' table, prices in words, the proof, the fairness measures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from evenhand.allocation.answer import Allocation
from evenhand.allocation.certificate import Certificate
from evenhand.allocation.explain import rounded_up
from evenhand.allocation.measures import Fairness
from evenhand.allocation.substitutable.answer import JobsAllocation
from evenhand.report.compare import write_files
from evenhand.report.text import add, plain, table
from evenhand.utilities.cobb_douglas import CobbDouglas

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["Summary", "agents_table", "as_json", "describe", "summarise", "sweep_frame", "write_allocation"]

#: fleets up to this size are printed whole, of larger ones the first and the last few agents
SHOWN, ENDS = 20, 5


@final
@dataclass(frozen=True, slots=True)
class Summary:
    """An answer with what is dear to compute, computed once: frame, certificate, verdict, fairness measures."""

    answer: Allocation | JobsAllocation
    frame: pd.DataFrame
    certificate: Certificate
    status: str
    measures: Fairness


def summarise(answer: Allocation | JobsAllocation) -> Summary:
    """The record that all faces of an answer are made from."""
    proof = answer.certificate
    return Summary(answer, answer.to_frame(), proof, answer.verdict(proof), answer.fairness)


def agents_table(summary: Summary, title: str) -> Table:
    """A Rich table of the agents, the first and last few of a big fleet."""
    frame = summary.frame
    head = [str(name) for name in frame.columns]
    shown = table(title, head, left=[name for name in head if name in ("agent", "job") or name.startswith("binding")])
    rows = [tuple(_cell(v) for v in row) for row in _ends(frame)]
    skipped = len(frame) - len(rows)
    for at, row in enumerate(rows):
        add(shown, row)
        if skipped and at == ENDS - 1:
            add(shown, (f"... {skipped} more", *([""] * (len(head) - 1))), "dim")
    return shown


def _ends(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    import pandas as pd

    if len(frame) > SHOWN:
        frame = pd.concat([frame.iloc[:ENDS], frame.iloc[-ENDS:]])
    return list(frame.itertuples(index=False, name=None))


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else plain(value)


def describe(summary: Summary) -> str:
    """Price, proof, Slater's condition and fairness in a few lines of plain words."""
    answer, proof = summary.answer, summary.certificate
    fleet, lines = answer.fleet, list[tuple[str, str]]()
    names = [plain(name) for name in fleet.resources]
    used = answer.used
    for name, price, share, capacity in zip(names, answer.prices, used, answer.capacity, strict=True):
        said = f"{share:.6g} of {capacity:.6g} {name} given out; "
        if math.isnan(price):
            said += "max-min has no price"
        elif answer.level == np.inf:
            said += f"price {price:.6g}, where all capacities together are worth 1"
        elif price == 0.0 and share < capacity:
            said += "price 0: there is more than the agents can use"
        elif price == 0.0:
            said += "price 0 to rounding: one more unit would add next to nothing"
        else:
            said += f"price {price:.6g}: one more unit would add about that much to {_objective(answer)}"
        lines.append(("price" if fleet.k == 1 else f"price {name}", said))
    lines.append((summary.status, _verdict(summary)))
    lines.append(
        (
            "residuals",
            f"capacity and bounds {proof.primal:.0e}"
            + (
                f", slackness {proof.slackness:.0e}, marginal utility against price {proof.stationarity:.0e}"
                if answer.level < np.inf
                else ""
            )
            + " (relative)",
        )
    )
    lines.append(("slater", proof.slater_text.removeprefix("Slater's condition ")))
    lines.append(("fairness", _fairness(summary.measures)))
    width = max(len(head) for head, _ in lines)
    return "\n".join(f"{head:<{width}}  {text}" for head, text in lines)


def _objective(answer: Allocation | JobsAllocation) -> str:
    if answer.level == 0.0:
        return "the sum of weighted utilities"
    unit = "" if answer.unit == 1.0 else f", with utilities measured in units of {answer.unit:.6g}"
    return f"the objective at fairness level {answer.level:g}{unit}"


def _claim(proof: Certificate) -> str:
    return ", if every utility is concave and increasing, as whoever wrote it claims" if proof.claimed else ""


def _verdict(summary: Summary) -> str:
    answer, proof = summary.answer, summary.certificate
    if answer.level == np.inf:
        told = "the least advantaged agent cannot be better off (max-min, by construction of one common level)"
        return told + _claim(proof)
    if summary.status == "bounded":
        told = (
            f"no allocation is better by more than {rounded_up(proof.percent)} % (proved by the dual function, which "
            "needs no concavity); a stationary point, the best of several starts"
        )
        return f"{told}. {_concave_from(answer)}"
    if summary.status != "local":
        least = f"{proof.gap:.0e} of what the capacity is worth" if proof.gap > 1e-14 else "rounding"
        return f"the best possible: no allocation is better by more than {least} (proved by duality){_claim(proof)}"
    if proof.concave and proof.gap <= 1e-6:
        return (
            f"the gap is {proof.gap:.0e}, but a marginal utility is off its price by {proof.stationarity:.0e}: "
            "agents that weigh little in the objective may be far from their best shares"
        )
    if proof.concave:
        return f"stopped {proof.gap:.0e} from the proved bound: better allocations are not excluded"
    return f"nothing proves that no better split exists. {_concave_from(answer)}"


def _concave_from(answer: Allocation) -> str:
    u = answer.fleet.utility
    level = 1.0 - 1.0 / float(np.max(np.sum(u.exponents, axis=1))) if isinstance(u, CobbDouglas) else 1.0
    return (
        "The problem is not concave: (1 - level) x sum of exponents is above 1 for some agent; it is concave, and the "
        f"answer proved to be the best, from --fairness {np.ceil(100 * level) / 100:g} on"
    )


def _fairness(measures: Fairness) -> str:
    ratio = "unbounded" if math.isinf(measures.ratio) else f"{measures.ratio:.4g}"
    return (
        f"{measures.of} from {measures.lowest:.5g} (least) over {measures.mean:.5g} (mean) to {measures.highest:.5g} "
        f"(most), most/least {ratio}; Jain {measures.jain:.4f} (1 is equal), Gini {measures.gini:.4f} (0 is equal); "
        f"the least advantaged tenth holds {100 * measures.least:.2f} % (10 is equal)"
    )


def as_json(summary: Summary) -> str:
    """Prices, certificate and measures; nan is null, inf the text "inf"."""
    answer = summary.answer
    data = {
        "agents": answer.fleet.n,
        "fairness_level": answer.level,
        "method": answer.method,
        "steps": answer.steps,
        "status": summary.status,
        "capacity": dict(zip(answer.fleet.resources, answer.capacity.tolist(), strict=True)),
        "unit_of_utility": answer.unit,
        "prices": _by_resource(answer, answer.prices),
        "gap_percent": summary.certificate.percent if summary.status == "bounded" else math.nan,
        "bounding_prices": _by_resource(answer, answer.bounding),
        "certificate": {k: v for k, v in asdict(summary.certificate).items() if k != "prices"},
        "measures": asdict(summary.measures),
    }
    return json.dumps(_plain(data), indent=2, allow_nan=False) + "\n"


def _by_resource(answer: Allocation, prices: Any) -> dict[str, float] | None:
    return None if prices is None else dict(zip(answer.fleet.resources, prices.tolist(), strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else repr(value)
    return value


def sweep_frame(answers: Sequence[Allocation | JobsAllocation]) -> pd.DataFrame:
    """One row a fairness level: level, least, mean, most (utilities), jain, gini, of what, status, and the per cent by
    which no allocation is better where that is what is proved (else nan).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for answer in answers:
        m, proof = answer.fairness, answer.certificate
        status = answer.verdict(proof)
        rows.append(
            {
                "level": answer.level,
                "least": m.lowest,
                "mean": m.mean,
                "most": m.highest,
                "jain": m.jain,
                "gini": m.gini,
                "of": m.of,
                "status": status,
                "gap_percent": proof.percent if status == "bounded" else math.nan,
            }
        )
    return pd.DataFrame(rows)


def write_allocation(summary: Summary, folder: Path, sweep: Sequence[Allocation | JobsAllocation] = ()) -> list[Path]:
    """Write allocation.csv, .parquet, .json and .png, with a sweep also fairness_sweep.csv and .png; the paths."""
    from evenhand.report import allocate_plots as plots

    files: dict[str, Callable[[Path], Any]] = {
        "allocation.csv": lambda p: summary.frame.to_csv(p, index=False),
        "allocation.parquet": lambda p: summary.frame.to_parquet(p, index=False),
        "allocation.json": lambda p: p.write_text(as_json(summary), encoding="utf-8"),
        "allocation.png": lambda p: plots.allocation(summary.answer, p),
    }
    if sweep:
        levels = sweep_frame(sweep)
        files["fairness_sweep.csv"] = lambda p: levels.to_csv(p, index=False)
        files["fairness_sweep.png"] = lambda p: plots.fairness_sweep(levels, p)
    return write_files(folder, files)
