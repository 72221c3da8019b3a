"""Long-term fairness costs, one family a file."""
