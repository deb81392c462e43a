"""
Bytes to text: decoded, and known to be neither a page nor binary data.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from proxyfeed.errors import ReadError
from proxyfeed.sources.charset import named_charset, trusted_codec
from proxyfeed.sources.stamps import parse_stamp

_FOREIGN = {
    b"\xff\xfe": "UTF-16 or UTF-32",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip data",
    b"PK\x03\x04": "a zip archive",
}
_MARKUP = re.compile(rb"\s*<")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title)[\s/>]", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\s", re.IGNORECASE)
_JSON = re.compile(r"\s*[\[{]")
# All but tab and the two that end a line. The last four end one for some programs and not for us,
# so that a comment could hide a row.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]|\r(?!\n)")
_BLOCK = 64 * 1024  # characters
_PLAIN = bytes([*b"\t\n", *range(0x20, 0x7F)])
_CONTROL_NAMES = {
    "\0": "a NUL, as binary data and UTF-16 do",
    "\r": "a carriage return that ends no line",
}


def read_text_body(content: bytes, content_type: str) -> str:
    """
    Decode the body of a list: UTF-8, with or without a byte order mark, or else the encoding of
    one byte a character that *content_type* names.

    What the bytes are decides, never what the server calls them: lists come as text/html, and
    UTF-8 as ISO 8859-1.

    Raises:
        ReadError: it is a page, text of another encoding, or binary data.
    """
    for start, kind in _FOREIGN.items():
        if content.startswith(start):
            raise ReadError(f"the body is {kind}, and a list is text in UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    if _MARKUP.match(content):
        start_of_page = content.lstrip()[:40].decode("ascii", "replace")
        raise ReadError(
            f"the body is {_kind_of_markup(content)} where a list is due: "
            f"it starts with {start_of_page!r}"
        )
    text = _decode(content, content_type)
    # What is left of most lists here is nothing, and that is seen in a tenth of the time.
    if content.translate(None, _PLAIN) and (found := _CONTROL.search(text)):
        line = text.count("\n", 0, found.start()) + 1
        what = _CONTROL_NAMES.get(found[0], repr(found[0]))
        raise ReadError(f"the body is no plain text: line {line} holds {what}")
    return text


def read_lines_body(content: bytes, content_type: str) -> str:
    """
    Decode the body of a list with one row a line: as `read_text_body`, and it is no JSON either.

    Most lines of a printed JSON array are ``"192.0.2.0/24",``, which is a row of CSV as well.
    """
    text = read_text_body(content, content_type)
    if _JSON.match(text):
        raise ReadError(
            f"the body is JSON where lines are due: it starts with {text.lstrip()[:40]!r}"
        )
    return text


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """
    Some thousand lines at a time, with the number of the first from 1 on. Lines are divided by
    ``\\n``, and have lost the ``\\r`` before it; nothing else ends one, so that no comment goes on
    as a row. None comes of the end of the last line.
    """
    number, start = 1, 0
    # One after the other: thirty million lines at once would take gigabytes.
    while start < len(text):
        end = text.find("\n", start + _BLOCK) + 1 or len(text)
        block = text[start:end].removesuffix("\n").removesuffix("\r")
        yield number, block.replace("\r\n", "\n")
        number += text.count("\n", start, end)
        start = end


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """
    Each line of `blocks` and its number.
    """
    for number, block in blocks(text):
        yield from enumerate(block.split("\n"), number)


def find_stamp(text: str, marks: str, phrase: str) -> datetime | None:
    """
    Return the time that stands after *phrase* in the first comment that holds it, in any case.

    Comments are the lines that begin with one of *marks*. ``last_update:`` finds the time in
    ``# Last_Update: 2025-07-03T01:25:10``. None without a phrase, or where no time stands there.
    """
    if not phrase:
        return None
    comment = re.compile(
        rf"^[^\S\n]*[{re.escape(marks)}].*?{re.escape(phrase)}(.*)", re.IGNORECASE | re.MULTILINE
    )
    found = comment.search(text)
    return parse_stamp(found[1].strip()) if found else None


def _decode(content: bytes, content_type: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        trouble = f"the body is not UTF-8: line {line} holds the byte {content[exc.start]:#04x}"
    charset = named_charset(content_type)
    if not charset:
        raise ReadError(f"{trouble}, and the server names no other encoding")
    if codec := trusted_codec(charset):
        with suppress(UnicodeDecodeError):
            return content.decode(codec)
    raise ReadError(f"{trouble}, and as {charset!r}, which the server names, it cannot be read")


def _kind_of_markup(content: bytes) -> str:
    if _HTML.search(content[:2048]):
        return "HTML"
    return "XML" if _XML.match(content) else "markup"
