"""A horizon ahead: the chain split, forecasts, memories of what was seen."""
