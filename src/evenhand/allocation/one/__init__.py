"""One resource: water-filling on the price."""
