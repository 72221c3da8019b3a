"""Guarantees with every term, and the adversaries that no policy beats. Source: spec/online.md §5, §6."""
