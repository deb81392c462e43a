"""
The ``text`` format: one prefix a line, in any notation of `proxyfeed.notation.read_prefix`.

A comment runs from ``#`` or ``;`` to the end of its line, and blanks round a prefix mean nothing,
so that ``1.10.16.0/20 ; SBL256894`` is a row. Anything else is no row of a list: not
``1.2.3.0/24 US``, not ``deny 1.2.3.4``, not two prefixes on a line.

The last line needs no line end, Cloudflare's has none; so a text that was cut cannot be told from
a whole one by itself. What its last line has lost makes one address of a prefix, another address
of an address, or a prefix so wide that `proxyfeed.guard` holds it: of 205.188.112.0/20 it may have
kept 205.188.112.0/2.
"""

from __future__ import annotations

import re

from proxyfeed.model import Listing, TextRules
from proxyfeed.sources.lists.body import blocks, find_stamp, read_lines_body
from proxyfeed.sources.lists.rows import Rows

_MARKS = "#;"
_COMMENT = re.compile(f"[{_MARKS}].*")


def read_text(content: bytes, content_type: str, rules: TextRules) -> Listing:
    """
    Read a list of lines.

    Raises:
        EmptyList: there is no line but blank lines and comments.
        ReadError: it is not, with certainty, the list that it should be.
    """
    text = read_lines_body(content, content_type)
    rows = Rows("line", rules.max_rejected)
    for first, block in blocks(text):
        lines = block.split("\n")
        if rows.take_plain({"": lines}):
            continue
        for number, line in enumerate(lines, first):
            prefix = _COMMENT.sub("", line).strip()
            if prefix:
                rows.take(number, prefix, row=line)
    return rows.listing(find_stamp(text, _MARKS, rules.stamp))
