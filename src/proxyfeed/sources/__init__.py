"""
Bytes in: one feed's URLs are tried in order, and what comes is read by the feed's format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import proxyfeed
from proxyfeed.errors import EmptyList, ReadError
from proxyfeed.model import Attempt, Body, Feed, FetchLimits, FetchOutcome, Validators
from proxyfeed.prefixes import PrefixSet

Fetch = Callable[[str, FetchLimits, Validators | None], tuple[Attempt, ...]]


@dataclass(frozen=True, slots=True)
class Intake:
    """
    What the URLs of a feed gave: every attempt, the *source* of the last one in full, and the
    *content* if there was any to read. `FetchOutcome.NEW` says that it was read.
    """

    attempts: tuple[Attempt, ...]
    source: str
    content: PrefixSet | None = None

    @property
    def verdict(self) -> Attempt:
        return self.attempts[-1]


def take_in(feed: Feed, urls: Sequence[str], validators: Validators | None, fetch: Fetch) -> Intake:
    """
    Try *urls* in order until one is read with certainty, or is known to be unchanged.
    """
    attempts: list[Attempt] = []
    for url in urls:
        known = validators if validators and validators.url == url else None
        attempts += fetch(url, feed.fetch, known)
        last = attempts[-1]
        if last.outcome is FetchOutcome.NOT_MODIFIED:
            return Intake(tuple(attempts), url)
        if last.outcome is FetchOutcome.NEW and last.body is not None:
            try:
                return Intake(tuple(attempts), url, read(feed, last.body))
            except EmptyList as exc:
                attempts[-1] = replace(last, outcome=FetchOutcome.EMPTY, detail=exc.message)
            except ReadError as exc:
                attempts[-1] = replace(last, outcome=FetchOutcome.NOT_A_LIST, detail=exc.message)
    return Intake(tuple(attempts), urls[-1])


def read(feed: Feed, body: Body) -> PrefixSet:
    """
    Read a body in the feed's format.

    Raises:
        ReadError: it is not, with certainty, the list that it should be.
    """
    from proxyfeed.sources.html import read_html

    return read_html(body.content, body.content_type, feed.html)


def reader_digest(feed: Feed) -> str:
    """
    Tell the rules that a body is read by: with other rules, "not modified" means nothing.
    """
    rules = (proxyfeed.__version__, feed.format, feed.html)
    return hashlib.sha256(repr(rules).encode()).hexdigest()
