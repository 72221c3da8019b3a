"""Guarantees with every term, and the adversaries that no policy beats. Source: spec/online.md §5, §6."""

from evenhand.theory import adversaries as adversaries

__all__ = ["adversaries"]
