"""
What a child will need of Python's files, loaded before it is made: it may not be able to read them.
"""

from __future__ import annotations

import codecs
from contextlib import suppress
from functools import cache

from proxyfeed.errors import ReadError
from proxyfeed.model import Body, Feed, HtmlRules, JsonRules
from proxyfeed.notation import is_prefix
from proxyfeed.sources import read
from proxyfeed.sources.charset import TRUSTED_CODECS

# A wildcard is read by netaddr, as nothing else is.
_WILDCARD = "192.0.2.*"
_PAGE = f"<html><body><ul><li>{_WILDCARD}</li></ul></body></html>".encode()


class NothingMore:
    """
    A finder for a child: what is not imported by now is not there, on any machine.

    Python's own would find nothing where they may not look, and fall over their feet where they may
    open nothing: a page may name any encoding, and ``codecs`` imports what it names.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        raise ModuleNotFoundError(f"{name} was not imported before the rights were given up")


def provide_for_fetch(url: str) -> None:
    """
    Load what a fetch of *url* imports, and whom it trusts: http may be redirected to https.
    """
    if url.partition(":")[0].lower() in ("http", "https"):
        _provide_for_http()
        from proxyfeed.sources.fetch.wire import usual_authorities

        with suppress(OSError):  # the fetch itself fails over it, and says so
            usual_authorities()


@cache
def _provide_for_http() -> None:
    import anyio
    import httpcore  # noqa: F401 - httpx imports it with its first client

    from proxyfeed.sources.fetch.headers import seconds_asked_for
    from proxyfeed.sources.fetch.redirects import is_private

    seconds_asked_for("", 0.0)
    is_private("192.0.2.1")
    for codec in ("idna", "punycode"):
        codecs.lookup(codec)
    # Its parts for asyncio come with the first loop that it runs.
    anyio.run(anyio.sleep, 0)


def provide_for_reading(feed: Feed) -> None:
    """
    Load what *feed* is read by: read a small body of ours in the same way.
    """
    _provide_for_rows()
    match feed.rules:
        case HtmlRules():
            sample = _PAGE
        case JsonRules():
            sample = b"{}"
        case _:
            sample = f"{_WILDCARD}\n".encode()
    with suppress(ReadError):
        read(feed, Body(sample))


@cache
def _provide_for_rows() -> None:
    is_prefix(_WILDCARD)
    for codec in TRUSTED_CODECS:
        codecs.lookup(codec)
