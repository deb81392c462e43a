"""
Bytes to markup: decoded, known to be a whole HTML page, and tamed for the parser.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from proxyfeed.errors import ReadError
from proxyfeed.sources.charset import named_charset, trusted_codec

_ELEMENT = re.compile(
    r"<(?:a|b|body|center|div|dl|font|h[1-6]|html|ol|p|pre|span|table|td|ul)[\s/>]|<[bh]r\b",
    re.IGNORECASE,
)
# Comments, scripts and styles, up to the end of the page where they are left open, as in browsers.
# The parser of the standard library reads on from <!--> to the next -->, and takes quadratic time
# for comments that are left open.
_UNSEEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<(script|style)(?=[\t\n\f\r />]).*?(?:</\1(?=[\t\n\f\r />])[^>]*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
# Seen by nobody and dropped with the other such characters, it keeps "<!-<!-- -->-" from becoming
# the start of a comment.
_NOTHING = "\u2060"
# At "&#;" or "&#12ab;" the parser gives up, and takes the markup after it for text.
_BROKEN_REFERENCE = re.compile(r"&#(?![0-9]{1,7}[^0-9a-f]|x[0-9a-f]{1,6}[^0-9a-f])", re.IGNORECASE)
_CONTAINER = re.compile(r"<(/?)(body|table|ul|ol|dl|pre|div)(?=[\s/>])", re.IGNORECASE)
_START = re.compile(r"<html[\s/>]", re.IGNORECASE)
_END = re.compile(rf"</html\s*>[\s{_NOTHING}]*\Z", re.IGNORECASE)


def read_markup(content: bytes, content_type: str) -> str:
    """
    Decode a page and return its markup without comments, scripts and styles.

    Raises:
        ReadError: it is not HTML, or not all of it.
    """
    if not content.strip():
        raise ReadError("the body is empty")
    if b"\0" in content:
        raise ReadError("the body is not HTML but binary data")
    text = _decode(content, content_type)
    if text.rfind("<") > text.rfind(">"):
        raise ReadError(f"the page is truncated: it ends with {text[-40:]!r}")
    seen = _UNSEEN.sub(lambda match: " " if match[1] else _NOTHING, text)
    _check_is_html(seen)
    _check_is_whole(seen)
    # A browser takes "<![CDATA[" for a comment up to the next ">", the parser for much more.
    return _BROKEN_REFERENCE.sub("&amp;#", seen.replace("<![", "<!x["))


def _decode(content: bytes, content_type: str) -> str:
    for charset in _named_charsets(content, content_type):
        if codec := trusted_codec(charset):
            return content.decode(codec, "replace").removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _named_charsets(content: bytes, content_type: str) -> Iterator[str]:
    if named := named_charset(content_type):
        yield named
    from bs4.dammit import EncodingDetector

    # Not the whole page: its pattern has quadratic time for "<meta<meta<meta".
    if declared := EncodingDetector.find_declared_encoding(content[:2048], is_html=True):
        yield declared


def _check_is_html(text: str) -> None:
    visible = text.strip(f" \t\r\n{_NOTHING}")
    if visible[:1] in ("{", "[") and visible[-1:] in ("}", "]"):
        raise ReadError(f"the body is not HTML but looks like JSON: {visible[:40]!r}")
    if not _ELEMENT.search(text):
        raise ReadError(f"the body is not HTML, it has none of its elements: {visible[:40]!r}")


def _check_is_whole(text: str) -> None:
    """
    Refuse a page that was cut: of 205.188.112.0/20 it may have kept 205.188.112.0/2.
    """
    if _START.search(text):
        if not _END.search(text):
            raise ReadError(f"the page is truncated: no </html> at its end, but {text[-40:]!r}")
        return
    balance: Counter[str] = Counter()
    for slash, name in _CONTAINER.findall(text):
        balance[name.lower()] += -1 if slash else 1
    if open_ones := [name for name, count in balance.items() if count > 0]:
        raise ReadError(f"the page is truncated: <{open_ones[0]}> has no end")
    if re.search(r"[\w.:/-]\Z", text) and re.search(r"\d", text[-20:].split()[-1]):
        raise ReadError(f"the page is truncated or has no last tag: it ends with {text[-40:]!r}")
