"""A network from two tables: one row a flow with its path, one row a link with its capacity.

Flows: flow, path (names of links, separated by ; or >, or else by spaces), and optionally weight, onboard, lower,
upper, and a utility as in `evenhand.allocation.table`: family, its parameters, scale. Without a family a flow's share
is its own utility, which a fairness level transforms. Links: link, capacity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from evenhand.allocation.files import row_of
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.network.answer import Array
from evenhand.allocation.network.problem import csr
from evenhand.allocation.table import FAMILIES, fleet_from_table
from evenhand.columns import same
from evenhand.errors import ProblemError, UnknownNameError, shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NetworkTable", "network_from_tables"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class NetworkTable:
    """A fleet of flows, the links' names and capacities (L,), and the routing (L, n), sparse.

    utilities: whether the flows' table has any; else the fleet's is the logarithm of the share.
    """

    fleet: Fleet
    links: tuple[str, ...]
    capacity: Array
    routing: Any
    utilities: bool

    __eq__ = same


def network_from_tables(
    flows: pd.DataFrame, links: pd.DataFrame, flows_name: str = "flows", links_name: str = "links"
) -> NetworkTable:
    """The network that two tables describe; the names stand in messages.

    Raises ProblemError and UnknownNameError naming table, row, column, value and remedy.
    """
    names, capacity = _links(links, links_name)
    for column in ("flow", "path"):
        if column not in flows.columns:
            raise ProblemError(f"{flows_name}: column {column!r} is missing; the table needs flow and path")
    if "agent" in flows.columns or any(str(c).startswith("gamma_") for c in flows.columns):
        raise ProblemError(f"{flows_name}: a flow has one utility of its share: no columns agent or gamma_...")
    agents = flows.drop(columns="path").rename(columns={"flow": "agent"})
    parameters = {p for family, _ in FAMILIES.values() for p in family}
    utilities = bool({"family", "utility", *parameters} & set(agents.columns))
    if not utilities:
        agents = agents.assign(family="log")
    fleet = fleet_from_table(agents, "share", flows_name)
    rows, columns = _paths(flows, {name: k for k, name in enumerate(names)}, flows_name, links_name)
    from scipy import sparse

    routing = csr(sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(names), fleet.n)))
    return NetworkTable(fleet, tuple(names), capacity, routing, utilities)


def _links(frame: pd.DataFrame, source: str) -> tuple[list[str], Array]:
    import pandas as pd

    for column in frame.columns:
        if column not in ("link", "capacity"):
            raise UnknownNameError(f"column in {source}:", str(column), ("link", "capacity"))
    for column in ("link", "capacity"):
        if column not in frame.columns:
            raise ProblemError(f"{source}: column {column!r} is missing; the table needs link and capacity")
    if len(frame) == 0:
        raise ProblemError(f"{source}: no links; give at least one row under the header")
    names, seen = [str(v) for v in frame["link"]], dict[str, int]()
    for row, name in enumerate(names):
        if pd.isna(frame["link"].iloc[row]):
            raise ProblemError(f"{source}: {row_of(frame, row)}, column 'link' is empty; name the link")
        if name in seen:
            told = f"in {row_of(frame, seen[name])} and in {row_of(frame, row)}"
            raise ProblemError(f"{source}: link {name!r} is {told}; merge or rename")
        seen[name] = row
    capacity = np.array(pd.to_numeric(frame["capacity"], errors="coerce"), dtype=np.float64)
    bad = ~((capacity >= 0.0) & (capacity < np.inf))
    if bad.any():
        row = int(bad.argmax())
        value = shown(frame["capacity"].iloc[row])
        raise ProblemError(f"{source}: {row_of(frame, row)}, column 'capacity' = {value}; give a number, 0 or more")
    return names, capacity


def _paths(
    flows: pd.DataFrame, number: dict[str, int], flows_name: str, links_name: str
) -> tuple[list[int], list[int]]:
    import pandas as pd

    rows: list[int] = []
    columns: list[int] = []
    for i, told in enumerate(flows["path"]):
        text = "" if pd.isna(told) else str(told)
        path = [part.strip() for part in (re.split("[;>]", text) if re.search("[;>]", text) else text.split())]
        where = f"{flows_name}: {row_of(flows, i)}, column 'path'"
        if not all(path):
            raise ProblemError(f"{where} = {shown(told)}: a name is empty; separate links by one ; or > or by spaces")
        if not path:
            raise ProblemError(f"{where} is empty; name the links that the flow crosses, such as 'a;b'")
        if len(set(path)) < len(path):
            raise ProblemError(f"{where} = {shown(told)} crosses a link twice; name each link once")
        for name in path:
            if name not in number:
                raise UnknownNameError(f"{where}: link of {links_name}", name, number)
        rows += [number[name] for name in path]
        columns += [i] * len(path)
    return rows, columns
