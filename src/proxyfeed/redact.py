"""
Texts without secrets: URLs as they may be printed, and messages that others wrote about them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"

# A shorter part stands in too many innocent words: a password of "to" would blot out "stop".
_SHORTEST_SECRET = 4

# What follows the authority; every part may be missing, so that it matches any text at all.
_SCHEME = re.compile(r"(?:[^:/?#@]*:)?(?://)?")
_REST = re.compile(r"([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)

_HOST_AND_PORT = re.compile(r"(?:\[[^\]]*\]|[^:\[\]]+)(?::[0-9]*)?")

# In `slack://tokenA/tokenB/tokenC` the host is a token; in these schemes, or with a name such as
# `chat.example.net`, it is a machine, and a message about it should name it.
_SCHEMES_WITH_HOST = frozenset(
    ["http", "https", "json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos"]
)
_MACHINE = re.compile(r"localhost|\[.*\]|[a-z0-9-]+(?:\.[a-z0-9-]+)+\.?")


class _Parts(NamedTuple):
    """
    A URL in pieces, as text: *prefix* is like ``https://``; None is for what is not there.
    """

    prefix: str
    userinfo: str | None
    authority: str
    path: str
    query: str | None
    fragment: str | None


def redact(url: str) -> str:
    """
    Return *url* without userinfo, query values and fragment: ``https://***@host/list?key=***``.

    It never raises: what is no URL comes back as it is, less what looks like a secret in it.
    """
    parts = _split(url)
    userinfo = "" if parts.userinfo is None else f"{MASK}@"
    query = "" if parts.query is None else f"?{_masked_query(parts.query)}"
    return f"{parts.prefix}{userinfo}{parts.authority}{parts.path}{query}"


def scrub(text: str, secrets: Iterable[str]) -> str:
    """
    Return *text* with a mask over every part of the URLs in *secrets* that may be a secret.

    These are the URL itself, user and password, the path and its segments (a webhook carries its
    token there), query values, and a host that is a token; each as it stands, decoded and encoded.
    """
    parts = {form for url in secrets for part in _secret_parts(url) for form in _forms(part)}
    longest_first = sorted(
        (part for part in parts if len(part) >= _SHORTEST_SECRET), key=len, reverse=True
    )
    if not longest_first:
        return text
    # A look-ahead finds overlapping parts too: neither of `abcdef` and `defghi` is left half
    # readable in `abcdefghi`. Case is ignored, because libraries print hosts in lower case.
    pattern = re.compile(f"(?=({'|'.join(map(re.escape, longest_first))}))", re.IGNORECASE)
    scrubbed, done = [], 0
    for start, end in _joined(match.span(1) for match in pattern.finditer(text)):
        scrubbed += [text[done:start], MASK]
        done = end
    return "".join([*scrubbed, text[done:]])


def _split(url: str) -> _Parts:
    scheme = _SCHEME.match(url)
    prefix = scheme.group() if scheme else ""
    rest = url[len(prefix) :]
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    is_host = prefix.endswith("//") and _HOST_AND_PORT.fullmatch(host)
    if is_host or prefix.lower().startswith("file:"):
        end_of_userinfo = authority.rfind("@")
    else:
        # `http://user:pa/ss@host/`: somebody forgot to write the slash as %2F; and in
        # `htp//user:pass@host/` the colon.
        end_of_userinfo = rest.rfind("@")
    userinfo = rest[:end_of_userinfo] if end_of_userinfo >= 0 else None
    pieces = _REST.match(rest, end_of_userinfo + 1)
    return _Parts(prefix, userinfo, *(pieces.groups() if pieces else ("", "", None, None)))


def _masked_query(query: str) -> str:
    def mask(pair: str) -> str:
        name, equals, _ = pair.partition("=")
        return f"{name}={MASK}" if equals else MASK

    return "&".join(mask(pair) for pair in query.split("&") if pair)


def _secret_parts(url: str) -> Iterator[str]:
    parts = _split(url)
    yield from (url, url.strip())
    if parts.userinfo is not None:
        yield from (parts.userinfo, _basic_credentials(parts.userinfo))
        yield from parts.userinfo.split(":", maxsplit=1)
        yield from re.split("[:/?#]", parts.userinfo)
    yield from _secrets_in_authority(parts.prefix, parts.authority)
    yield parts.path
    yield from parts.path.split("/")
    if parts.query is not None:
        yield parts.query
        yield from (pair.partition("=")[2] or pair for pair in parts.query.split("&"))
    yield parts.fragment or ""


def _secrets_in_authority(prefix: str, authority: str) -> Iterator[str]:
    if not _HOST_AND_PORT.fullmatch(authority):
        yield authority
        yield from authority.split(":")
        return
    host = re.sub(r":[0-9]*\Z", "", authority)
    scheme = prefix.partition(":")[0].lower()
    if scheme not in _SCHEMES_WITH_HOST and not _MACHINE.fullmatch(host):
        yield host


def _basic_credentials(userinfo: str) -> str:
    """
    Return *userinfo* as it stands in an ``Authorization: Basic`` header.
    """
    return base64.b64encode(unquote(userinfo).encode("utf-8", "replace")).decode("ascii")


def _forms(part: str) -> Iterator[str]:
    for decoded in (part, unquote(part), unquote_plus(part)):
        yield decoded
        yield quote(decoded, safe="", errors="replace")
        yield quote_plus(decoded, errors="replace")


def _joined(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """
    Join spans that overlap or touch; they come sorted by their start.
    """
    current: tuple[int, int] | None = None
    for start, end in spans:
        if current and start <= current[1]:
            current = (current[0], max(current[1], end))
            continue
        if current:
            yield current
        current = (start, end)
    if current:
        yield current
