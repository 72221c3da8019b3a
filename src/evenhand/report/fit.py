"""Fitted utilities as text and as files: parameters with standard errors, warnings, and a table `allocate` takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.allocation.fitting import FAMILIES, Fit
from evenhand.report.compare import write_files
from evenhand.report.text import add, plain, table

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["PANELS", "agents_frame", "fits_frame", "fits_table", "warnings_of", "write_fits"]


#: panels in one figure, three in a row: 2,736 pixels high
PANELS = 24


def warnings_of(curve: Fit) -> list[str]:
    """What to distrust in a fit, in words; empty where nothing is."""
    told: list[str] = []
    if curve.at_bound:
        told.append(f"{' and '.join(curve.at_bound)} ended on the bound of the allowed range")
    if any(math.isinf(e) for e in curve.errors.values()):
        told.append("the points do not determine the parameters; measure more")
    if curve.r2 < 0.9:
        told.append(f"R² is {curve.r2:.2f}: the family does not follow the points well")
    return told


def fits_frame(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """One row a group: family, every parameter with its standard error (empty where the family has none), R², AIC,
    points, measured range, warning."""
    import pandas as pd

    names = list(dict.fromkeys(p for family in FAMILIES.values() for p in family.names))
    used = [p for p in names if any(p in curve.parameters for curve in fits.values())]
    rows: list[dict[str, Any]] = []
    for group, curve in fits.items():
        row: dict[str, Any] = {"group": group, "family": curve.family}
        for p in used:
            row[p] = curve.parameters.get(p, math.nan)
            row[f"{p}_error"] = curve.errors.get(p, math.nan)
        row |= {"r2": curve.r2, "aic": curve.aic, "points": curve.points}
        row |= {"measured_low": curve.low, "measured_high": curve.high, "warning": "; ".join(warnings_of(curve))}
        rows.append(row)
    return pd.DataFrame(rows)


def agents_frame(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """One agent a group, with the columns of `fleet_from_table`; parameters as they were fitted."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for group, curve in fits.items():
        rows.append({"agent": group, "family": curve.family, **curve.parameters})
        rows[-1] |= {"measured_low": curve.low, "measured_high": curve.high}
    frame = pd.DataFrame(rows)
    last = ["measured_low", "measured_high"]
    return frame.reindex(columns=[c for c in frame.columns if c not in last] + last)


def fits_table(fits: Mapping[str, Fit], title: str) -> Table:
    """A Rich table: family, parameters with standard errors, R², points and measured range (AIC is in fits.csv)."""
    head = ("group", "family", "parameters ± standard error", "R²", "points", "measured")
    shown = table(title, head, left=[name for name in head if name not in ("R²", "points")])
    for group, curve in fits.items():
        told = [f"{p}={v:.4g}±{curve.errors[p]:.1g}" for p, v in curve.parameters.items()]
        span = f"{curve.low:.4g} to {curve.high:.4g}"
        row = (" ".join(told), f"{curve.r2:.4f}", str(curve.points), span)
        add(shown, (plain(group), curve.family, *row))
    return shown


def write_fits(fits: Mapping[str, Fit], points: Mapping[str, tuple[Any, Any]], folder: Path) -> list[Path]:
    """Write fits.csv, agents.csv (which `allocate` takes as it is) and fits.png; the paths.

    More than PANELS groups are drawn on several pages, fits-01.png and on.
    """
    from evenhand.report import allocate_plots as plots

    def page(first: int) -> Callable[[Path], Any]:
        shown = dict(list(fits.items())[first : first + PANELS])
        return lambda p: plots.fits(shown, points, p)

    firsts = range(0, len(fits), PANELS)
    names = ["fits.png"] if len(firsts) == 1 else [f"fits-{k + 1:02d}.png" for k in range(len(firsts))]
    return write_files(
        folder,
        {
            "fits.csv": lambda p: fits_frame(fits).to_csv(p, index=False),
            "agents.csv": lambda p: agents_frame(fits).to_csv(p, index=False),
            **{name: page(first) for name, first in zip(names, firsts, strict=True)},
        },
    )
