"""A network's shares as text and as files: flows, links, and the proof in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evenhand.allocation.network.answer import NetworkAllocation, NetworkStatus
from evenhand.allocation.network.max_min import NetworkMaxMin
from evenhand.allocation.network.table import NetworkTable
from evenhand.report.allocate import ENDS, SHOWN
from evenhand.report.compare import write_files
from evenhand.report.text import add, plain, table

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["as_json", "describe", "flows_frame", "links_frame", "rich_table", "write_network"]

Answer = NetworkAllocation | NetworkMaxMin


def flows_frame(network: NetworkTable, answer: Answer) -> pd.DataFrame:
    """One row a flow: flow, x, path_price or level, and the link (or upper, lower) that stops it.

    At a finite fairness level that is the dearest link of its path.
    """
    import pandas as pd

    fleet, names = network.fleet, np.array([*network.links, ""], dtype=object)
    if isinstance(answer, NetworkMaxMin):
        stopped = np.where(answer.stopped_by >= 0, names[answer.stopped_by], "upper")
        told = ("level", answer.level)
    else:
        dearest = np.full(fleet.n, -1)
        price, by_link = np.zeros(fleet.n), network.routing
        for link in np.flatnonzero(answer.price > 0.0):
            through = by_link.indices[by_link.indptr[link] : by_link.indptr[link + 1]]
            more = through[answer.price[link] > price[through]]
            price[more], dearest[more] = answer.price[link], link
        high = answer.x >= fleet.upper * (1.0 - 1e-6)  # the solver's tolerance
        bound = np.where(high, "upper", np.where(answer.x <= fleet.lower, "lower", ""))
        stopped = np.where(bound != "", bound, names[dearest])
        told = ("path_price", answer.path_price)
    flows = list(fleet.names) if fleet.names is not None else list(range(fleet.n))
    columns: dict[str, Any] = {"flow": flows, "x": answer.x, told[0]: told[1]}
    if network.utilities:
        columns["utility"] = np.broadcast_to(fleet.utility.value(fleet.onboard + answer.x), (fleet.n,))
    return pd.DataFrame({**columns, "stopped_by": stopped})


def links_frame(network: NetworkTable, answer: Answer) -> pd.DataFrame:
    """One row a link: link, capacity, load, and at a finite fairness level its price."""
    import pandas as pd

    columns: dict[str, Any] = {"link": list(network.links), "capacity": network.capacity}
    columns["load"] = network.routing @ answer.x
    if isinstance(answer, NetworkAllocation):
        columns["price"] = answer.price
    return pd.DataFrame(columns)


def rich_table(frame: pd.DataFrame, title: str) -> Table:
    """A frame of flows or links for the terminal, the first and last few of a big one."""
    import pandas as pd

    head = [str(name) for name in frame.columns]
    shown = table(title, head, left=[name for name in head if name in ("flow", "link", "stopped_by")])
    skipped = len(frame) - 2 * ENDS if len(frame) > SHOWN else 0
    rows = pd.concat([frame.iloc[:ENDS], frame.iloc[-ENDS:]]) if skipped else frame
    for at, row in enumerate(rows.itertuples(index=False, name=None)):
        add(shown, tuple(f"{v:.6g}" if isinstance(v, float) else plain(v) for v in row))
        if skipped and at == ENDS - 1:
            add(shown, (f"... {skipped} more", *([""] * (len(head) - 1))), "dim")
    return shown


def describe(answer: Answer) -> str:
    """What is proved, in a line or two."""
    if isinstance(answer, NetworkMaxMin):
        return (
            "max-min   no flow can have more unless one that has no more gets less: each is stopped by a full link on "
            f"which nobody has a higher level, or by its upper bound (to {max(answer.overload, answer.above):.0e})"
        )
    kind = "certified" if answer.status is NetworkStatus.SOLVED else "unsettled"
    r = answer.residuals
    return (
        f"{kind} {answer.status}: no allocation is better by more than {max(answer.gap, 0.0):.0e}, relative\n"
        f"residuals links and bounds {r.primal:.0e}, slackness {r.slackness:.0e}, marginal against path price "
        f"{r.stationarity:.0e}"
    )


def as_json(network: NetworkTable, answer: Answer) -> str:
    """Shares by flow, prices by link, and the proof."""
    fleet = network.fleet
    flows = [str(v) for v in fleet.names] if fleet.names is not None else [str(i) for i in range(fleet.n)]
    told: dict[str, Any] = {"x": dict(zip(flows, answer.x.tolist(), strict=True))}
    if isinstance(answer, NetworkMaxMin):
        frame = flows_frame(network, answer)
        told |= {"stopped_by": dict(zip(flows, frame["stopped_by"], strict=True)), "rounds": answer.rounds}
        told |= {"overload": answer.overload, "above": answer.above}
    else:
        told |= {"prices": dict(zip(network.links, answer.price.tolist(), strict=True)), "status": answer.status.name}
        told |= {"objective": answer.objective, "dual_objective": answer.dual_objective, "gap": answer.gap}
        told |= {"iterations": answer.iterations}
        told["residuals"] = {k: getattr(answer.residuals, k) for k in ("primal", "dual", "slackness", "stationarity")}
    return json.dumps(told, indent=2) + "\n"


def write_network(network: NetworkTable, answer: Answer, folder: Path) -> list[Path]:
    """Write flows.csv, links.csv and network.json; the paths."""
    return write_files(
        folder,
        {
            "flows.csv": lambda p: flows_frame(network, answer).to_csv(p, index=False),
            "links.csv": lambda p: links_frame(network, answer).to_csv(p, index=False),
            "network.json": lambda p: p.write_text(as_json(network, answer), encoding="utf-8"),
        },
    )
