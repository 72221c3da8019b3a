"""Utilities of agents, one family a file."""
