"""
How long a feed has been silent, unchanged, or dead.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from proxyfeed.model import Feed, FeedState


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
    is_first = state.baseline is None or state.baseline.id == state.latest.id
    changes = [stamp if stamp and is_first else state.latest.fetched_at]
    changes += [version.fetched_at for version in state.waiting]
    age = now - max(changes)
    return age if age > limit else None


def dead_for(feed: Feed, state: FeedState) -> timedelta | None:
    """
    The time of nothing but failures, where that is past ``expire_after``: the feed has expired.

    A pinned feed does not, because a pin means exactly that version.
    """
    limit = feed.timing.expire_after
    if limit is None or state.pin:
        return None
    return state.failing_for if state.failing_for > limit else None
