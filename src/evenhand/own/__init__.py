"""A user's own data: configuration, sources, reading, times, template."""

#: how the name of a configuration may end
SUFFIXES = (".yaml", ".yml", ".toml")
