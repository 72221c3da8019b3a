"""Hitting costs, one family a file."""
