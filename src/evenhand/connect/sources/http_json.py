"""Any HTTP address that answers in JSON: one number, an object by site, a list with a label, or one request a site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as given
from typing import Any, ClassVar, final

from pydantic import ConfigDict

from evenhand.connect.link import At, Link
from evenhand.connect.records import Reading
from evenhand.errors import ProblemError, shown
from evenhand.live.observation import seconds

__all__ = ["HttpJson"]


@final
@dataclass(frozen=True, slots=True)
class HttpJson:
    """``path`` and ``query`` of ``server``; places in the answer are written ``data.0.intensity``, "" is the whole.

    value: where the number is. With {site} in path or query there is one request a site. items: where a list is; value,
    time and label are then places in each of its items. Without both, an object at ``value`` holds a number by site.
    sites: the server's name -> site. scale: what numbers are multiplied by. time: when it was measured.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)
    known_as: ClassVar[str] = "http"
    field: str
    server: At
    value: str
    path: str = ""
    query: Mapping[str, str] = given(default_factory=dict)
    items: str | None = None
    label: str | None = None
    time: str | None = None
    sites: Mapping[str, str] = given(default_factory=dict)
    scale: float = 1.0

    def __post_init__(self) -> None:
        if (self.items is None) != (self.label is None):
            raise ValueError("items and label belong together: a list, and the place of the site in its items")
        if self.items is not None and self._each:
            raise ValueError("give items, or {site} in the path, not both")

    @property
    def _each(self) -> bool:
        return any("{site}" in text for text in (self.path, *self.query.values()))

    def gather(self, link: Link, sites: tuple[str, ...], now: float) -> list[Reading]:
        """The newest readings. Raises EvenhandError naming the place that is not there or holds no number."""
        names = {site: name for name, site in self.sites.items()} or {site: site for site in sites}
        if self._each:
            return [r for site in sites if site in names for r in self._read(self._ask(link, names[site]), site)]
        answer = self._ask(link, "")
        if self.items is not None:
            assert self.label is not None
            found = _at(answer, self.items, list)
            by_name = {str(_at(item, self.label)): item for item in found}
            return [r for site, name in names.items() if name in by_name for r in self._read(by_name[name], site)]
        value = _at(answer, self.value)
        if not isinstance(value, Mapping):
            return self._read(answer, None)
        at = self._when(answer)
        return [self._reading(value[n], site, at) for site, n in names.items() if value.get(n) is not None]

    def _ask(self, link: Link, name: str) -> Any:
        from urllib.parse import quote

        query = {key: text.replace("{site}", name) for key, text in self.query.items()}
        return link.ask(self.server, "GET", self.path.replace("{site}", quote(name, safe="")), query or None)

    def _read(self, found: Any, site: str | None) -> list[Reading]:
        value = _at(found, self.value)
        return [] if value is None else [self._reading(value, site, self._when(found))]

    def _when(self, found: Any) -> float | None:
        return None if self.time is None else seconds(f"time at {self.time!r}", _at(found, self.time))

    def _reading(self, value: Any, site: str | None, at: float | None) -> Reading:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ProblemError(f"{self.value!r} holds {shown(value)}: name the place of a number")
        return Reading(value * self.scale, site, at)


def _at(found: Any, place: str, kind: type = object) -> Any:
    """What stands at a place such as ``data.0.value``. Raises ProblemError naming the part that is not there."""
    for part in place.split(".") if place else ():
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise ProblemError(f"the answer has no {part!r} of {place!r}: look at it with curl") from None
    if not isinstance(found, kind):
        raise ProblemError(f"{place!r} holds {shown(found)}: it must be a {kind.__name__}")
    return found
