"""What fairness remembers of past burdens, one family a file. Source: spec/online.md §10."""
