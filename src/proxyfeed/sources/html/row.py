"""
One line of a page: written prefixes, something that looks like an address, or words.

The three are kept apart strictly. ``64.12.96.0/19, 149.174.160.0/20`` is a row of prefixes.
``64.12.96.0/19 and more`` holds something like an address, and nobody may guess what it means.
``Velocity/3.1.1.5`` is a product with its version, so that line is words.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from proxyfeed.notation import is_prefix

_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D], "-")
# Soft hyphen, zero-width characters and direction marks: nobody sees them, all break a comparison.
_UNSEEN = dict.fromkeys([0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF])
_BULLET = re.compile(r"[-*+>•·‣▪▫◦●○■□►»]\s")
# As in "64.12.96.0/19 (Dulles)".
_NOTE = re.compile(r"\s\(([^()]*)\)$")
_ADDRESS = re.compile(
    r"""
    (?<![\w./-]) \d+ (?:\.\d+){3,} (?!\d) (?![.-]?[^\W\d])  # 64.12.96.5, not cache-64.12.96.5.aol
    | (?<![\w.]) \d+ (?:\.\d+){2,} \.? \s? / \s? \d          # 64.12.96.0/19, or 208.54.144/32
    | (?<![\w.]) \d+ \.\d+ / (?:[89]|[12]\d|3[012]) (?!\d)   # 172.128/9, not Windows 3.1/95
    | ^ \W* \d+ (?:\.\d+){2,} (?![^\W\d])                    # 64.12.9 where a line begins
    """,
    re.VERBOSE,
)
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,}(?:/\d+)?")
# A piece of an address on a line without a word: "205.188.1", ".96", "64.", "64.12.96.0/", "/19".
_FRAGMENT = re.compile(r"\.\d|\d\.$|\d\s?/$|^\W*/\s?\d")


def fold(text: str) -> str:
    """
    Return *text* as one line: white space folded, every dash ``-``, nothing that is not seen.
    """
    return " ".join(text.translate(_UNSEEN).translate(_DASHES).split())


def words(text: str) -> str:
    """
    Return only the words of *text*, for comparison: ``AOL Dial-Up:`` becomes ``aol dial up``.
    """
    return " ".join(re.findall(r"\w+", text.casefold()))


def read_row(text: str) -> tuple[str, ...]:
    """
    Return the prefixes of a folded line that holds them and nothing else, or nothing at all.

    They are divided by white space, commas or semicolons. A bullet may stand before them, a note
    in parentheses after them. White space also divides an address from its netmask, as in
    ``64.12.96.0 255.255.224.0``.
    """
    body = _without_note(text)
    bullet = _BULLET.match(body)
    if bullet:
        body = body[bullet.end() :]
        # "- 64.12.0.1 - 64.12.0.9" may be a range, or two addresses with a bullet each.
        if bullet[0].startswith("-") and " - " in body:
            return ()
    found: list[str] = []
    for group in re.split("[,;]", body.replace(" - ", "-")):
        for prefix in _read_group(group.split()):
            if not is_prefix(prefix):
                return ()
            found.append(prefix)
    return tuple(found)


def find_address(text: str) -> str:
    """
    Return the first thing in a folded line that looks like an address, whole or cut, or ``""``.
    """
    if address := _ADDRESS.search(text):
        return address[0].strip()
    for candidate in _IPV6.finditer(text):
        if _looks_like_ipv6(candidate[0]):
            return candidate[0]
    has_word = any(map(str.isalpha, text))
    return text if _FRAGMENT.search(text) and not has_word else ""


def has_address(text: str) -> bool:
    """
    Tell whether a folded line holds prefixes, or anything that looks like an address.
    """
    return bool(read_row(text) or find_address(text))


def is_bare(text: str) -> bool:
    """
    Tell whether *text* is one bare address, whose width may stand elsewhere.
    """
    return is_prefix(text) and not any(mark in text for mark in "/-*")


def is_netmask(text: str) -> bool:
    """
    Tell whether *text* is a mask such as ``255.255.224.0``, which is no address to be listed.
    """
    return text.startswith("255.") and is_prefix(f"0.0.0.0/{text}")


def _without_note(text: str) -> str:
    note = _NOTE.search(text)
    if note is None or find_address(note[1]) or re.search(r"\d\.\d", note[1]):
        return text
    return text[: note.start()]


def _read_group(tokens: list[str]) -> Iterator[str]:
    """
    Join addresses with their netmasks, and spoil a group that may mean something else.

    ``64.12.0.0 64.12.255.255`` may well be the first and the last of a range, so that addresses
    without a length stand alone or with commas.
    """
    if len(tokens) % 2 == 0 and all(map(is_netmask, tokens[1::2])):
        for address, mask in zip(tokens[::2], tokens[1::2], strict=True):
            yield f"{address}/{mask}"
        return
    for token in tokens:
        is_alone = len(tokens) == 1 and not is_netmask(token)
        yield token if is_alone or not is_bare(token) else ""


def _looks_like_ipv6(text: str) -> bool:
    """
    Take ``2001:db8::``, and ``2607:fb90:c00:/44`` which is none; leave ``12:30:00`` alone.
    """
    if not any(map(str.isdigit, text)):
        return False
    if "/" in text or any(len(group) > 2 for group in text.split(":")):
        return True
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        return False
    return True
