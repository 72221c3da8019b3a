"""The HTTP API: routes, models, limits, tokens. It decides nothing itself."""
