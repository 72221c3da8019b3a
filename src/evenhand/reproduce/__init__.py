"""The papers' tables again, ours beside the published values: what `evenhand reproduce` computes."""
