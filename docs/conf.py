"""Sphinx configuration."""

project = "evenhand"
author = "The evenhand authors"
copyright = "The evenhand authors, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "evenhand"
autodoc_typehints = "description"
exclude_patterns = ["_build"]
suppress_warnings = ["myst.xref_missing", "ref.python"]
