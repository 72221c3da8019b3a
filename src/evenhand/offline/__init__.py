"""Hindsight benchmarks: all rounds known."""
