"""
The encodings that a server or a page may name, and that are believed.
"""

from __future__ import annotations

import codecs
import re

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE | re.ASCII)
# Each leaves ASCII as it is. In UTF-7, "+ADw-" would be "<", and "+ADE-" "1".
TRUSTED_CODECS = frozenset(
    [
        *("utf-8", "koi8-r", "koi8-u"),
        *(f"iso8859-{part}" for part in range(1, 17) if part != 12),  # which was never made
        *(f"cp{page}" for page in range(1250, 1259)),
    ]
)


def named_charset(content_type: str) -> str:
    """
    The charset that a Content-Type names, "" for none.
    """
    named = _CHARSET.search(content_type)
    return named[1] if named else ""


def trusted_codec(charset: str) -> str | None:
    """
    The codec for *charset*, None for one that nobody knows or that could hide something.
    """
    try:
        codec = codecs.lookup(charset).name
    except LookupError:
        return None
    # As browsers do: what calls itself ISO 8859-1 has en dashes of Windows all the same.
    codec = "cp1252" if codec in ("iso8859-1", "ascii") else codec
    return codec if codec in TRUSTED_CODECS else None
