"""Scenarios, one a file, with the data they ship."""
