"""A user's own data: configuration, sources, reading, times, template."""
