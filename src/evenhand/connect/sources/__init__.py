"""Where measurements come from: one kind a file, found by itself."""
