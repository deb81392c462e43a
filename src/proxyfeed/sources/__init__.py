"""
Bytes in: one feed's URLs are tried in order, and what comes is read by the feed's format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

import proxyfeed
from proxyfeed.errors import CutShort, EmptyList, FetchError, ReadError
from proxyfeed.model import (
    Attempt,
    Body,
    CsvRules,
    Feed,
    FetchLimits,
    FetchOutcome,
    HtmlRules,
    InlineRules,
    JsonRules,
    Listing,
    TextRules,
    Validators,
)
from proxyfeed.prefixes import PrefixSet

Fetch = Callable[[str, FetchLimits, Validators | None], tuple[Attempt, ...]]
Read = Callable[[Feed, Body], Listing]

# What a list that stands in the configuration has in the place of a URL.
INLINE = "inline"
# In these a body of no bytes at all is a list of no rows, if the feed may be empty.
_BARE_FORMATS = (TextRules, CsvRules)


@dataclass(frozen=True, slots=True)
class Intake:
    """
    What the URLs of a feed gave: every attempt, the *source* of the last one in full, and the
    *listing* if there was any to read. `FetchOutcome.NEW` says that it was read.
    """

    attempts: tuple[Attempt, ...]
    source: str
    listing: Listing | None = None

    @property
    def verdict(self) -> Attempt:
        return self.attempts[-1]


TakeIn = Callable[[Feed, Sequence[str], Validators | None], Intake]


def take_in(
    feed: Feed, urls: Sequence[str], validators: Validators | None, fetch: Fetch, read: Read
) -> Intake:
    """
    Try *urls* in order until one is read with certainty, or is known to be unchanged.
    """
    if isinstance(feed.rules, InlineRules):
        return _take_in_inline(feed.rules)
    attempts: list[Attempt] = []
    for url in urls:
        known = validators if validators and validators.url == url else None
        attempts += fetch(url, feed.fetch, known)
        last = attempts[-1]
        if last.outcome is FetchOutcome.NOT_MODIFIED:
            return Intake(tuple(attempts), url)
        if last.body is not None and _is_readable(feed, last):
            attempts[-1], listing = _read_attempt(feed, last, last.body, read)
            if listing is not None:
                return Intake(tuple(attempts), url, listing)
    return Intake(tuple(attempts), urls[-1])


def _read_attempt(
    feed: Feed, attempt: Attempt, body: Body, read: Read
) -> tuple[Attempt, Listing | None]:
    """
    Read *body*, and return what *attempt* comes to by that.
    """
    try:
        listing = read(feed, body)
    except EmptyList as exc:
        outcome, detail = FetchOutcome.EMPTY, exc.message
    except CutShort as exc:
        outcome, detail = FetchOutcome.TRUNCATED, exc.message
    except ReadError as exc:
        outcome, detail = FetchOutcome.NOT_A_LIST, exc.message
    except FetchError as exc:
        outcome, detail = FetchOutcome(exc.outcome), exc.message
    except MemoryError:
        # The other feeds have their night all the same.
        outcome = FetchOutcome.TOO_LARGE
        detail = "it cannot be read in the memory that there is: lower max_bytes"
    else:
        return replace(attempt, outcome=FetchOutcome.NEW), listing
    return replace(attempt, outcome=outcome, detail=detail), None


def read(feed: Feed, body: Body) -> Listing:
    """
    Read a body in the feed's format.

    Raises:
        ReadError: it is not, with certainty, the list that it should be.
    """
    try:
        listing = _read(feed, body)
    except EmptyList:
        if not feed.limits.may_be_empty:
            raise
        listing = Listing(PrefixSet())
    if feed.rules.stamp:
        return listing  # the time of a header is of another clock
    return replace(listing, stamp=_header_stamp(feed, body.validators))


def _read(feed: Feed, body: Body) -> Listing:
    match feed.rules:
        case HtmlRules() as rules:
            from proxyfeed.sources.html import read_html

            return Listing(read_html(body.content, body.content_type, rules))
        case TextRules() as rules:
            from proxyfeed.sources.lists.text import read_text

            return read_text(body.content, body.content_type, rules)
        case CsvRules() as rules:
            from proxyfeed.sources.lists.csv_rows import read_csv

            return read_csv(body.content, body.content_type, rules)
        case JsonRules() as rules:
            from proxyfeed.sources.lists.json_rows import read_json

            return read_json(body.content, body.content_type, rules)
        case InlineRules() as rules:
            return _read_inline(rules)


def reader_digest(feed: Feed) -> str:
    """
    Tell the rules that a body is read by: with other rules, "not modified" means nothing.
    """
    rules = (proxyfeed.__version__, feed.rules, feed.limits.may_be_empty)
    return hashlib.sha256(repr(rules).encode()).hexdigest()


def _take_in_inline(rules: InlineRules) -> Intake:
    listing = _read_inline(rules)
    attempt = Attempt(INLINE, FetchOutcome.NEW, status=None, size=0, seconds=0.0)
    return Intake((attempt,), INLINE, listing)


def _read_inline(rules: InlineRules) -> Listing:
    stamp = datetime.combine(rules.dated, time(), UTC) if rules.dated else None
    from proxyfeed.sources.lists.rows import Rows

    rows = Rows("row", max_rejected=0)
    for number, row in enumerate(rules.prefixes, 1):
        rows.take(number, row)
    return rows.listing(stamp)


def _is_readable(feed: Feed, attempt: Attempt) -> bool:
    if attempt.outcome is FetchOutcome.EMPTY:
        return feed.limits.may_be_empty and isinstance(feed.rules, _BARE_FORMATS)
    return attempt.outcome is FetchOutcome.NEW


def _header_stamp(feed: Feed, validators: Validators | None) -> datetime | None:
    """
    How old the body is by the server's word. A saved file only says when it was saved.
    """
    from proxyfeed.sources.stamps import etag_stamp, parse_stamp

    if validators is None or validators.url.lower().startswith("file:"):
        return None
    match feed.timing.stamp:
        case "last-modified":
            return parse_stamp(validators.last_modified)
        case "etag":
            return etag_stamp(validators.etag or "")
    return None
