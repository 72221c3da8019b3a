"""One-shot allocation: network utility maximisation."""
