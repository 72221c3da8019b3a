"""Formulas as MathML, made when the pages are built: browsers draw it, so a page loads nothing from elsewhere."""

from __future__ import annotations

import html
import re
import unicodedata

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

LOG = logging.getLogger(__name__)
#: what the converter does not know, in words that it does
WORDS = {r"\arg": r"\operatorname{arg}", r"\Bigl\lVert": r"\Bigl\|", r"\Bigr\rVert": r"\Bigr\|"}
#: browsers know no variant of a letter but the upright one: the letters themselves
ALPHABETS = {"script": "SCRIPT CAPITAL", "double-struck": "DOUBLE-STRUCK CAPITAL", "bold": "MATHEMATICAL BOLD DIGIT"}
DIGITS = {"1": "ONE", "0": "ZERO"}
VARIANT = re.compile(r'<(m[in]) mathvariant="(script|double-struck|bold)">(\w)</\1>')
#: a prime of its own size, not a prime made small twice
PRIME = re.compile(r"<msup>(<mi>\w+</mi>)<mi>&#x02032;</mi></msup>")
TAG = re.compile(r"\\tag\{(\w+)\}")


def letter(found: re.Match[str]) -> str:
    """One letter of another alphabet as the character it is."""
    tag, variant, text = found.groups()
    name = f"{ALPHABETS[variant]} {DIGITS.get(text, text)}"
    for title in (name, f"MATHEMATICAL {name}"):
        try:
            return f"<{tag}>{unicodedata.lookup(title)}</{tag}>"
        except KeyError:
            continue
    return f'<{tag} style="font-weight: bold">{text}</{tag}>'


def mathml(text: str, node: nodes.Node, display: str) -> str:
    """A formula of TeX as MathML; a command that is not known is a warning."""
    for word, known in WORDS.items():
        text = text.replace(word, known)
    made = PRIME.sub(r"<mrow>\1<mtext>′</mtext></mrow>", VARIANT.sub(letter, convert(text.strip(), display=display)))
    if left := re.findall(r"\\\w+", made):
        LOG.warning("formula with %s, which is not known: %s", ", ".join(left), text, location=node)
    return made.replace('<mtext mathvariant="monospace">', '<mtext class="mono">')


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """A formula in a sentence."""
    self.body.append(mathml(node.astext(), node, "inline"))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on a line of its own, with its number beside it."""
    text = node.astext()
    tag = TAG.search(text)
    self.body.append(f'<div class="formula">{mathml(TAG.sub("", text), node, "block")}')
    self.body.append(f'<span class="number">({html.escape(tag[1])})</span></div>' if tag else "</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
