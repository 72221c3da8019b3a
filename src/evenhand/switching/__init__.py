"""Switching costs s(x, x_prev), one family a file. Source: spec/online.md §9."""
