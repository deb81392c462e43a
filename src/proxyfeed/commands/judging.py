"""
One feed's night: is it due, what do its URLs give, and may that replace what counts?
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from proxyfeed.commands.doors import Doors
from proxyfeed.config import Config
from proxyfeed.guard import believed_stamp, judge, judge_stamp, notes_on
from proxyfeed.model import (
    Diff,
    Feed,
    FeedState,
    FetchOutcome,
    Finding,
    Labels,
    Listing,
    Reading,
    Status,
    Validators,
    Version,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.redact import redact
from proxyfeed.shipped import shipped
from proxyfeed.sources import reader_digest
from proxyfeed.store import url_digest

# The fetch believes no Retry-After beyond it; later pauses come of a clock that was set back.
_LONGEST_PAUSE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Judged:
    """
    A reading and what it changes: *diff* is None where the content is known already, *due_at* is
    when the feed may be asked again, where it was not asked.
    """

    reading: Reading
    diff: Diff | None = None
    due_at: datetime | None = None
    relabelled: tuple[str, ...] = ()


def judge_feed(
    config: Config, doors: Doors, feed: Feed, state: FeedState, *, force_fetch: bool = False
) -> Judged:
    """
    Ask *feed* if it is due (or *force_fetch*), and settle what comes of it.
    """
    urls = _open_urls(feed, state)
    if not force_fetch:
        waits_until = due_at(feed, state, doors.now)
        if waits_until is not None:
            number = state.latest.id if state.latest else None
            return Judged(Reading(feed.name, (), "", "", version=number), due_at=waits_until)
        paused = _paused(state, doors.now)
        urls = tuple(url for url in urls if redact(url) not in paused)
    doors.progress(f"fetching {feed.name}")
    intake = doors.take_in(feed, urls, _validators(feed, state))
    base = Reading(feed.name, intake.attempts, _identity(intake.source), reader_digest(feed))
    if intake.verdict.outcome is FetchOutcome.NOT_MODIFIED and state.latest:
        return Judged(replace(base, version=state.latest.id))
    if intake.listing is None:
        return Judged(base)
    return _settle(config, doors, feed, state, base, intake.listing)


def findings_for(
    config: Config, doors: Doors, feed: Feed, state: FeedState, content: PrefixSet
) -> tuple[Finding, ...]:
    """
    What the guard says of *content* where *feed* stands now.
    """
    earlier: dict[int, Version] = {
        version.id: version for version in (state.latest, state.baseline) if version
    }
    contents = tuple(
        (f"version {number}", doors.store.content(version)) for number, version in earlier.items()
    )
    return judge(content, feed.limits, config.protected(feed.name), contents)


def _settle(
    config: Config,
    doors: Doors,
    feed: Feed,
    state: FeedState,
    reading: Reading,
    listing: Listing,
) -> Judged:
    """
    Decide what a listing is: known already, held, or new.
    """
    content = listing.prefixes
    notes = notes_on(listing, doors.now, has_stamp=bool(feed.rules.stamp))
    stamp = believed_stamp(listing.stamp, doors.now)
    reading = replace(reading, content=content, labels=listing.labels, stamp=stamp, findings=notes)
    latest = state.latest
    if latest and _is_of(latest, reading):
        return Judged(_settled(reading, FetchOutcome.SAME, latest))
    for version in state.refused:
        if _is_of(version, reading):
            return Judged(_settled(reading, FetchOutcome.REJECTED, version))
    findings = (
        *findings_for(config, doors, feed, state, content),
        # An inline list is the operator's own word, whatever its date.
        *(judge_stamp(stamp, state.seen) if feed.urls else ()),
    )
    diff = Diff.between(doors.store.content(latest) if latest else PrefixSet(), content)
    reading = replace(reading, findings=(*findings, *notes))
    if not findings:
        new = replace(reading, status=Status.ACCEPTED)
        return Judged(new, diff, relabelled=_relabelled(doors, latest, listing.labels))
    for version in state.waiting:
        if _is_of(version, reading):
            return Judged(_settled(reading, FetchOutcome.HELD, version), diff)
    return Judged(replace(_settled(reading, FetchOutcome.HELD), status=Status.HELD), diff)


def _relabelled(doors: Doors, latest: Version | None, labels: Labels) -> tuple[str, ...]:
    if latest is None or latest.labels_digest == labels.digest:
        return ()
    return doors.store.labels(latest).changed(labels)


def _is_of(version: Version, reading: Reading) -> bool:
    """
    Whether *reading* brought what *version* holds, to the last address and label.
    """
    assert reading.content is not None  # noqa: S101 - it was read
    found = (reading.content.digest, reading.labels.digest)
    return (version.digest, version.labels_digest) == found


def _settled(reading: Reading, outcome: FetchOutcome, version: Version | None = None) -> Reading:
    verdict = replace(reading.attempts[-1], outcome=outcome)
    return replace(
        reading,
        attempts=(*reading.attempts[:-1], verdict),
        version=version.id if version else None,
    )


def due_at(feed: Feed, state: FeedState, now: datetime) -> datetime | None:
    """
    When the feed may be asked, None for now. A last attempt in the future is of a clock that was
    set back, and says nothing.
    """
    if state.last is not None and state.last.at <= now < state.last.at + feed.timing.min_interval:
        return state.last.at + feed.timing.min_interval
    urls, paused = _open_urls(feed, state), _paused(state, now)
    if urls and all(redact(url) in paused for url in urls):
        return min(paused[redact(url)] for url in urls)
    return None


def _paused(state: FeedState, now: datetime) -> dict[str, datetime]:
    return {url: until for url, until in state.pauses if until <= now + _LONGEST_PAUSE}


def _open_urls(feed: Feed, state: FeedState) -> tuple[str, ...]:
    """
    The URLs that may still be tried: up to the one that gave the last good list.

    Those after it are older copies. Once the live page was read, its archived copy must not
    replace what it gave.
    """
    if not (state.latest and state.last_good):
        return feed.urls
    for rank, url in enumerate(feed.urls, 1):
        if url_digest(_identity(url)) == state.last_good.url_digest:
            return feed.urls[:rank]
    # The one that gave the last good list is no longer among them: nobody knows how old they are.
    return feed.urls[:1]


def _identity(url: str) -> str:
    """
    The URL, but for a saved page that is shipped: that moves with each new installation.
    """
    place = shipped("fixtures").as_uri()
    return f"shipped:{url.removeprefix(place)}" if url.startswith(place) else url


def _validators(feed: Feed, state: FeedState) -> Validators | None:
    known = state.validated
    if known is None or known.reader != reader_digest(feed):
        return None
    for url in feed.urls:
        if url_digest(_identity(url)) == known.url_digest and (known.etag or known.last_modified):
            return Validators(url, known.etag, known.last_modified)
    return None
