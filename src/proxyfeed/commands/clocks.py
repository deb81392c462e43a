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
    changes = [version.fetched_at for version in state.waiting]
    if state.seen is not None:
        changes.append(state.seen)
    if state.seen is None or state.baseline != state.latest:
        # When we first saw the only version is not when upstream made it; of a later one it is.
        changes.append(state.latest.fetched_at)
    age = now - max(changes)
    return age if age > limit else None


def dead_for(feed: Feed, state: FeedState) -> timedelta | None:
    """
    The time of nothing but failures, where that is past ``expire_after``: the feed has expired.

    Only attempts count: a director that was switched off for a year has not seen a feed die. A
    pinned feed does not expire, because a pin means exactly that version.
    """
    limit = feed.timing.expire_after
    if limit is None or state.pin or state.failing_since is None or state.last is None:
        return None
    span = state.last.at - state.failing_since
    return span if span > limit else None
