"""
Markup to a tree, in time that grows with the length of the page and no faster.
"""

from __future__ import annotations

import warnings
from typing import Any

from bs4 import BeautifulSoup, Tag, XMLParsedAsHTMLWarning
from bs4.exceptions import ParserRejectedMarkup
from soupsieve import SelectorSyntaxError

from proxyfeed.errors import ReadError

# Far more than a page needs, even where every <li> and <td> is left open and so holds the next.
_DEEPEST = 200


def parse(markup: str) -> BeautifulSoup:
    """
    Parse *markup* with the parser of the standard library.

    Raises:
        ReadError: it cannot be parsed, or is nested too deep.
    """
    with warnings.catch_warnings():
        # XHTML may begin with <?xml.
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        try:
            return _Soup(markup, "html.parser")
        except ParserRejectedMarkup as exc:
            raise ReadError(f"the page cannot be parsed: {exc}") from exc


def select(soup: BeautifulSoup, selector: str | None) -> list[Tag]:
    """
    Return the elements that *selector* matches; without one, the whole page.
    """
    if selector is None:
        return [soup]
    try:
        found = list(soup.select(selector))
    except SelectorSyntaxError as exc:
        reason = str(exc).partition("\n")[0]
        raise ReadError(f"{selector!r} is not a CSS selector: {reason}") from exc
    if not found:
        raise ReadError(f"the page has no element that the selector {selector!r} matches")
    return found


class _Soup(BeautifulSoup):
    def handle_starttag(self, name: str, *args: Any, **kwargs: Any) -> Tag | None:
        tag = super().handle_starttag(name, *args, **kwargs)
        if len(self.tagStack) > _DEEPEST:
            raise ReadError(f"the page nests elements more than {_DEEPEST} deep")
        if tag is not None and tag.is_empty_element:
            # Close <br> here. The parser would keep a list of all that were ever closed, and look
            # through it at every end tag: minutes for a page of 5 MB.
            self.handle_endtag(name)
            return None
        return tag
