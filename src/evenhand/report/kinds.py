"""The kinds of burden in a problem, such as carbon and water: which entities bear each, and in what unit.

Kinds have units of their own, so they share no axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from evenhand.columns import same
from evenhand.fairness.blocks import Blocks

if TYPE_CHECKING:
    from evenhand.core import Setting

__all__ = ["Kind", "kinds_in", "with_unit"]


@final
@dataclass(frozen=True, slots=True)
class Kind:
    """One block of entities: what it is called (``burden`` where there is one alone), where it lies among the entities,
    and what each entity is called inside it: its site, where the block has one for each action.
    """

    name: str
    at: slice
    entities: tuple[str, ...]

    __eq__ = same


def kinds_in(setting: Setting) -> tuple[Kind, ...]:
    """The blocks of a problem's fairness, in order; one kind for all where there are none."""
    if not isinstance(setting.fairness, Blocks):
        return (Kind("burden", slice(0, len(setting.entities)), setting.entities),)
    return tuple(_kind(k, at, setting) for k, at in enumerate(setting.fairness.slices))


def _kind(k: int, at: slice, setting: Setting) -> Kind:
    names, sites = setting.entities[at], setting.actions
    if len(names) == len(sites):
        told = {name.removeprefix(f"{site} ") for name, site in zip(names, sites, strict=True)}
        if len(told) == 1 and names[0] != (name := told.pop()):
            return Kind(name, at, sites)
    return Kind(f"burden {k + 1}", at, names)


def with_unit(text: str, units: Mapping[str, str], name: str) -> str:
    """``text`` and the unit of what is called ``name``, where it is known."""
    return f"{text} ({units[name]})" if units.get(name) else text
