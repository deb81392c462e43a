"""
Where a feed stands.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, select

from proxyfeed.model import FeedState, Status, Version
from proxyfeed.store import fetched
from proxyfeed.store import versions as chain
from proxyfeed.store.schema import versions

_BASELINE_AGE = timedelta(days=30)


def read_state(connection: Connection, name: str, now: datetime) -> FeedState:
    number = chain.feed_id(connection, name)
    if number is None:
        return FeedState(name)
    of_feed = (
        chain.select_versions().where(versions.c.feed_id == number).order_by(versions.c.id.desc())
    )
    accepted = of_feed.where(versions.c.status == Status.ACCEPTED)
    latest = chain.first_version(connection, accepted)
    newer = of_feed.where(
        versions.c.status.in_([Status.HELD, Status.REJECTED]),
        versions.c.id > (latest.id if latest else 0),
    )
    beside = [chain.to_version(row) for row in connection.execute(newer)]
    pin = chain.read_pin(connection, number, name)
    first = chain.first_version(connection, accepted.order_by(None).order_by(versions.c.id))
    approved = chain.first_version(connection, accepted.where(versions.c.decided_at.is_not(None)))
    last, last_good, validated = fetched.read_newest(connection, number, name, latest)
    return FeedState(
        feed=name,
        latest=latest,
        active=chain.first_version(connection, of_feed.where(versions.c.id == pin.version))
        if pin
        else latest,
        pin=pin,
        waiting=tuple(version for version in beside if version.status is Status.HELD),
        refused=tuple(version for version in beside if version.status is Status.REJECTED),
        is_first=latest is not None and latest == first,
        baseline=_baseline(connection, accepted, first, approved, _not_before(latest, now)),
        last=last,
        last_good=last_good,
        validated=validated,
        seen=_seen(connection, number, approved),
        failing_gaps=fetched.read_failing_gaps(connection, number, last, approved),
        pauses=fetched.read_pauses(connection, number, now),
    )


def _not_before(latest: Version | None, now: datetime) -> datetime:
    """
    The time, as far as versions tell it: a clock that was set back makes none of them younger.
    """
    accepted_at = latest.accepted_at if latest else None
    return max(now, accepted_at) if accepted_at else now


def _seen(connection: Connection, number: int, approved: Version | None) -> datetime | None:
    """
    The newest stamp of what was accepted, counted anew from what an operator *approved*.

    What came before an approval is told by its version and not by its time: two directors' clocks
    may differ, and one may record after an approval what it fetched before.
    """
    first = approved.id if approved else 0
    of_versions = select(versions.c.upstream_stamp).where(
        versions.c.feed_id == number,
        versions.c.upstream_stamp.is_not(None),
        versions.c.status == Status.ACCEPTED,
        versions.c.id >= first,
    )
    newest = of_versions.order_by(versions.c.upstream_stamp.desc()).limit(1)
    stamps = (
        connection.execute(newest).scalar(),
        fetched.read_newest_stamp(connection, number, first),
    )
    return max((stamp for stamp in stamps if stamp), default=None)


def _baseline(
    connection: Connection,
    accepted: Select[Any],
    first: Version | None,
    approved: Version | None,
    now: datetime,
) -> Version | None:
    """
    What was accepted 30 days ago, so that 9 % a night is seen as the bleed that it is.

    A younger feed is held against its first version; an operator's approval since then is a new
    beginning, or each night after it would be held again.
    """
    old = chain.first_version(
        connection, accepted.where(versions.c.accepted_at <= now - _BASELINE_AGE)
    )
    known = [version for version in (old, approved) if version]
    return max(known, key=lambda version: version.id) if known else first
