"""
Text from outside, made fit for a terminal, a mail header or a log.
"""

from __future__ import annotations


def plain(text: str, keep: str = "\n\t") -> str:
    r"""
    Print every character that is not printable as its escape, ``\x1b`` for one.

    Upstream text may carry terminal escapes, line ends, text that runs backwards, or halves of
    surrogate pairs, which no mail can be encoded with. *keep* is what may stay.
    """
    if text.isprintable():
        return text
    # As `ascii` escapes it: a codec would be looked up, which a child without rights cannot do.
    return "".join(
        char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text
    )
