"""The hashes in the page's index.html: a browser runs only files that have them. `python tests/seal.py` writes them."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "src/evenhand/service/page"
INDEX = FOLDER / "index.html"
HEAD = re.compile(r"(?<=<!-- sealed -->\n).*?(?=<!-- /sealed -->)", re.DOTALL)


def hash_of(path):
    """SHA-384 as Subresource Integrity writes it."""
    return "sha384-" + base64.b64encode(hashlib.sha384((FOLDER / path).read_bytes()).digest()).decode()


def sealed():
    """index.html with the hash of every style sheet, script and module as it is now."""
    modules = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.js") if path.parent.name != "vendor")
    lines = [
        f'<link rel="stylesheet" href="/page/{path}" integrity="{hash_of(path)}">'
        for path in ("vendor/uPlot.min.css", "style.css", "cards.css", "charts.css", "notices.css")
    ]
    lines += [f'<link rel="modulepreload" href="/page/{path}" integrity="{hash_of(path)}">' for path in modules]
    plot = "vendor/uPlot.iife.min.js"
    lines.append(f'<script src="/page/{plot}" integrity="{hash_of(plot)}" defer></script>')
    lines.append(f'<script src="/page/main.js" integrity="{hash_of("main.js")}" type="module"></script>')
    return HEAD.sub(lambda _: "".join(f"{line}\n" for line in lines), INDEX.read_text())


if __name__ == "__main__":
    INDEX.write_text(sealed())
