"""
The ``html`` format: the ranges of one section of a page, or an error.

A page may list more than the ranges that are wanted, and an error page may list anything. So this
reads a page as a person would, by its headings, and where a person would hesitate it refuses:

- `HtmlRules.selector` is a CSS selector of the part of the page to read; without it, all is read.
- `HtmlRules.heading` holds titles of the wanted section. A title must be one of them in full:
  "AOL Proxy Info" is not "proxies". Without any, the whole part is wanted.
- `HtmlRules.exclude` holds phrases that a title of the wanted section never has, such as "client".
- `HtmlRules.ignore` holds phrases of lines that are not to be read, such as "last updated".

What was removed by mistake is missed by few; a wrong range gets a mark that is not its own. That
is why a text between two lists, or an address in a sentence, is an error and never a guess.
"""

from __future__ import annotations

from proxyfeed.model import HtmlRules
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.html.markup import read_markup
from proxyfeed.sources.html.outline import Outline
from proxyfeed.sources.html.table import read_blocks


def read_html(content: bytes, content_type: str, rules: HtmlRules) -> PrefixSet:
    """
    Read the ranges of the wanted section of a page.

    Raises:
        EmptyList: the section is there, and is empty.
        ReadError: the page cannot be read with certainty.
    """
    markup = read_markup(content, content_type)
    from proxyfeed.sources.html.page import read_page
    from proxyfeed.sources.html.soup import parse, select

    outline = Outline(rules)
    for part in select(parse(markup), rules.selector):
        outline.start(rules.selector or "the page")
        read_blocks(read_page(part), outline)
    return outline.prefixes()
