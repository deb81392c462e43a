"""
How long a feed has been silent, unchanged, or dead.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from proxyfeed.model import Feed, FeedState

_LONGEST_GAP = timedelta(days=3)


def stale_for(feed: Feed, state: FeedState, now: datetime) -> timedelta | None:
    """
    The time since the last good fetch, where that is past ``max_age``.
    """
    limit = feed.timing.max_age
    if limit is None or state.last_good is None:
        return None
    age = now - state.last_good.at
    return age if age > limit else None


def unchanged_for(feed: Feed, state: FeedState, now: datetime) -> timedelta | None:
    """
    The time since upstream changed, by its own stamp if it gives one, where that is past
    ``max_unchanged``.

    A list may be served every night for months after its maker has left it.
    """
    limit = feed.timing.max_unchanged
    if limit is None or state.latest is None:
        return None
    stamp = state.latest.upstream_stamp
    # When we first saw the only version is not when upstream made it; of a later one it is. That
    # the same list came with a newer time says nothing: a server may stamp whatever it sends.
    changes = [stamp if stamp and state.is_first else state.latest.fetched_at]
    changes += [version.fetched_at for version in (*state.waiting, *state.refused)]
    age = now - max(changes)
    return age if age > limit else None


def dead_for(feed: Feed, state: FeedState) -> timedelta | None:
    """
    The time of nothing but failures, where that is past ``expire_after``: the feed has expired.

    Of each gap between two failures only a part counts, because a director that was switched off
    for a year, or whose clock was wrong, has not seen a feed die: a third of ``expire_after``, but
    three days at most, and no less than the feed is asked in. A pinned feed does not expire,
    because a pin means exactly that version.
    """
    limit = feed.timing.expire_after
    if limit is None or state.pin:
        return None
    longest = max(min(_LONGEST_GAP, limit / 3), 1.5 * feed.timing.min_interval)
    span = sum((min(gap, longest) for gap in state.failing_gaps), timedelta(0))
    return span if span > limit else None
