"""
How a piece of text looks, by the elements around it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bs4 import Tag

_INLINE_NAMES = """
    a abbr acronym b bdi bdo big blink cite code data del dfn em font i ins kbd label mark nobr q s
    samp small span strike strong time tt u var wbr
"""
INLINE = frozenset(_INLINE_NAMES.split())
# Inline as well, yet "64.12.96.5<sup>1</sup>" is not 64.12.96.51.
APART = frozenset({"sub", "sup"})
_MARKING = frozenset({"caption", "dt", "figcaption", "legend", "summary", "th"})
_BOLD = frozenset({"b", "strong", "u"})
_PREFORMATTED = frozenset({"listing", "plaintext", "pre", "textarea", "xmp"})
_STRUCK = frozenset({"del", "s", "strike"})
_HIDDEN = frozenset({"iframe", "noembed", "noframes", "noscript", "template"})
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Look:
    """
    *flaw* says why an address that looks so proves nothing.
    """

    is_marked: bool = False
    is_bold: bool = False
    is_link: bool = False
    is_preformatted: bool = False
    flaw: str = ""

    def within(self, tag: Tag) -> Look:
        name = tag.name
        return Look(
            is_marked=self.is_marked if name in INLINE else name in _MARKING,
            is_bold=self.is_bold or name in _BOLD,
            is_link=self.is_link or tag.has_attr("href"),
            is_preformatted=self.is_preformatted or name in _PREFORMATTED,
            flaw=self.flaw or _flaw_of(tag),
        )


def _flaw_of(tag: Tag) -> str:
    style = str(tag.get("style", ""))
    if tag.name in _STRUCK or "line-through" in style.lower():
        return "is struck out"
    if tag.name in _HIDDEN or tag.has_attr("hidden") or _HIDING.search(style):
        return "is hidden"
    return ""
