"""The one oracle: the tilted proximal step, dispatched on structure; one route a file."""

from evenhand.proximal.move import moved
from evenhand.proximal.oracle import proximal, register

__all__ = ["moved", "proximal", "register"]
