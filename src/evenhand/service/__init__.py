"""The web around `evenhand.live`: a durable store, an API, a page."""
