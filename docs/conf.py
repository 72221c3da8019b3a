"""Sphinx configuration: `make docs`. Warnings are errors; nothing here needs a network."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import inventories  # noqa: E402

project = "evenhand"
author = "The evenhand authors"
copyright = "The evenhand authors, Apache-2.0"
extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "docstrings",
    "catalogue",
    "mathml",
]
exclude_patterns = ["_build", "_ext", "_static"]
suppress_warnings = ["myst.xref_missing", "ref.python"]
#: a name in backquotes is a link where the reference knows it, and code where not
default_role = "py:obj"

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
intersphinx_mapping = inventories.reachable(
    HERE / "_build" / "inventories",
    {
        "python": "https://docs.python.org/3/",
        "numpy": "https://numpy.org/doc/stable/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "pandas": "https://pandas.pydata.org/docs/",
    },
)

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "evenhand"
PAGE = "../src/evenhand/service/page"
html_favicon = f"{PAGE}/icon.svg"
html_static_path = ["_static", f"{PAGE}/icon.svg", f"{PAGE}/vendor/inter-latin.woff2"]
html_css_files = ["evenhand.css"]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
html_theme_options = {
    "light_logo": "icon.svg",
    "dark_logo": "icon.svg",
    "navigation_with_keys": True,
    "light_css_variables": {
        "font-stack": FONT,
        "color-brand-primary": "#2b4f9e",
        "color-brand-content": "#2b4f9e",
        "color-brand-visited": "#2b4f9e",
        "color-background-secondary": "#f6f5f1",
        "color-background-border": "#e4e2da",
    },
    "dark_css_variables": {
        "color-brand-primary": "#9db7f2",
        "color-brand-content": "#9db7f2",
        "color-brand-visited": "#9db7f2",
    },
}
