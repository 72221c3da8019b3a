"""What the Kueue connections share: ClusterQueues by site, and quantities as Kubernetes writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from evenhand.connect import kubernetes
from evenhand.connect.link import Link, Server
from evenhand.connect.records import Sending
from evenhand.errors import ProblemError, shown

__all__ = ["apply", "number", "one_each", "quantity", "queues", "send"]

#: a quantity: a number, then nothing, a decimal or binary prefix, or an exponent
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))((?:[KMGTPE]i)|[numkMGTPE]|(?:[eE][+-]?\d+))?")
_PREFIX = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def one_each(queues: Mapping[str, str]) -> None:
    """Raise ValueError for a queue that two sites share, or for none at all."""
    if len(set(queues.values())) < len(queues) or not queues:
        raise ValueError("queues name each site's ClusterQueue, and each once")


def queues(
    link: Link, server: Server, version: str, named: Mapping[str, str], sites: tuple[str, ...]
) -> dict[str, Mapping[str, Any]]:
    """The ClusterQueue of every site. Raises ProblemError for a site without one, and as `kubernetes.read`."""
    for site in sites:
        if site not in named:
            raise ProblemError(f"{site!r} has no ClusterQueue: name one for every site under queues")
    return {
        site: kubernetes.read(link, server, _path(version, named[site]), f"ClusterQueue {named[site]}")
        for site in sites
    }


def apply(
    version: str, manager: str, queue: Mapping[str, Any], spec: Mapping[str, Any], force: bool, told: str
) -> Sending:
    """The server-side apply of a part of a queue's spec."""
    return kubernetes.apply(_path(version, queue["metadata"]["name"]), manager, queue, spec, force, told)


def send(link: Link, server: Server, sending: Sending, what: str) -> None:
    """Send it. Raises as `kubernetes.send`."""
    kubernetes.send(link, server, sending, f"{what} ClusterQueue {sending.body['metadata']['name']}")


def number(value: Any) -> float:
    """A quantity as a number. Raises ProblemError for what is none."""
    found = _QUANTITY.fullmatch(str(value))
    if found is None or isinstance(value, bool):
        raise ProblemError(f"{shown(value)} is no quantity of Kubernetes")
    size, suffix = Decimal(found[1]), found[2] or ""
    if suffix.endswith("i"):
        return float(size * 1024 ** (1 + "KMGTPE".index(suffix[0])))
    power = _PREFIX[suffix] if suffix in _PREFIX else int(suffix[1:])
    return float(size.scaleb(power))


def quantity(thousandths: int) -> str:
    """So many thousandths as the API server writes them itself: 2 or 2500m."""
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def _path(version: str, name: str) -> str:
    return f"apis/kueue.x-k8s.io/{version}/clusterqueues/{quote(name, safe='')}"
