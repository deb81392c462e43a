"""
Bytes to text: decoded, and known to be neither a page nor binary data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxyfeed.errors import ReadError

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE | re.ASCII)
# Each leaves ASCII as it is. In UTF-7, "+ADE-" would be "1".
_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-15": "iso8859-15",
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
# All but tab and the two that end a line.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")


def read_text_body(content: bytes, content_type: str) -> str:
    """
    Decode the body of a list: UTF-8, with or without a byte order mark, or what *content_type*
    names.

    What the bytes are decides, never what the server calls them: many serve lists as text/html.

    Raises:
        ReadError: it is a page, another text encoding, or binary data.
    """
    if content.startswith(_UTF_16):
        raise ReadError("the body is UTF-16, and a list is UTF-8")
    content = content.removeprefix(_BOM)
    if content.lstrip()[:1] == b"<":
        kind = _kind_of_markup(content)
        start = content.lstrip()[:40].decode("ascii", "replace")
        raise ReadError(f"the body is {kind} where a list is due: it starts with {start!r}")
    named = _CHARSET.search(content_type)
    charset = named[1].lower() if named else "utf-8"
    if charset not in _CODECS:
        raise ReadError(f"the body is in {charset!r}, and a list is UTF-8")
    try:
        text = content.decode(_CODECS[charset])
    except UnicodeDecodeError as exc:
        raise ReadError(
            f"the body is not {charset}: byte {exc.start} is {content[exc.start]:#04x}"
        ) from exc
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ReadError(f"the body is no text: line {line} holds {found[0]!r}")
    return text


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """
    Each line and its number from 1 on, without its end: ``\\n`` or ``\\r\\n`` and nothing else, so
    that no comment goes on as a row.
    """
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line.removesuffix("\r")


def _kind_of_markup(content: bytes) -> str:
    start = content[:2048].lower()
    return "XML" if b"<?xml" in start and b"<html" not in start else "HTML"
