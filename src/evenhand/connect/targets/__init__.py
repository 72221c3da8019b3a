"""Where decisions go: one kind a file, found by itself."""
