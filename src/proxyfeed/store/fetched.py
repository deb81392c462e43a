"""
Every attempt at every URL, and what they say of where a feed stands.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, insert, select

from proxyfeed.model import Attempt, FetchOutcome, FetchRow, Reading, Version
from proxyfeed.store.bodies import keep_body
from proxyfeed.store.schema import fetches

# No server is left alone for longer, whatever it asks for: years that the calendar does not have
# are in no header that is meant well.
_LONGEST_PAUSE = timedelta(days=366)


def url_digest(url: str) -> str:
    """
    Tell one URL from another without keeping its secrets.
    """
    return hashlib.sha256(url.encode()).hexdigest()


def write_reading(
    connection: Connection,
    number: int,
    reading: Reading,
    version: int | None,
    *,
    host: str,
    now: datetime,
) -> None:
    for attempt in reading.attempts:
        is_verdict = attempt is reading.attempts[-1]
        validators = attempt.body.validators if attempt.body else None
        connection.execute(
            insert(fetches).values(
                feed_id=number,
                host=host,
                at=now,
                url=attempt.url,
                url_digest=url_digest(reading.source) if is_verdict else "",
                reader=reading.reader,
                outcome=attempt.outcome,
                status=attempt.status,
                size=attempt.size,
                seconds=attempt.seconds,
                detail=attempt.detail,
                etag=validators.etag if validators else None,
                last_modified=validators.last_modified if validators else None,
                version_id=version if is_verdict else None,
                body=keep_body(connection, attempt, now),
                stamp=reading.stamp if is_verdict else None,
                retry_at=_retry_at(attempt, now),
            )
        )


def read_newest(
    connection: Connection, number: int, name: str, latest: Version | None
) -> tuple[FetchRow | None, FetchRow | None, FetchRow | None]:
    """
    The newest attempt, the newest good one, and the newest GET that gave *latest*.
    """
    newest = select(fetches).where(fetches.c.feed_id == number).order_by(fetches.c.id.desc())
    good = [outcome for outcome in FetchOutcome if outcome.is_good]
    with_body = newest.where(
        fetches.c.version_id == (latest.id if latest else 0),
        fetches.c.outcome != FetchOutcome.NOT_MODIFIED,
    )
    return (
        _first(connection, newest, name),
        _first(connection, newest.where(fetches.c.outcome.in_(good)), name),
        _first(connection, with_body, name),
    )


def read_failing_gaps(
    connection: Connection, number: int, last: FetchRow | None, approved: Version | None
) -> tuple[timedelta, ...]:
    """
    The times from one failure to the next since a fetch last confirmed what counts, or an operator
    *approved* it.

    A list that is held heals nothing: it may be of a stranger who took over a dead site.
    """
    if last is None or last.outcome.confirms:
        return ()
    confirming = [outcome for outcome in FetchOutcome if outcome.confirms]
    of_feed = fetches.c.feed_id == number
    newest = select(func.max(fetches.c.id)).where(of_feed, fetches.c.outcome.in_(confirming))
    query = select(fetches.c.at, fetches.c.outcome).where(
        of_feed, fetches.c.id > func.coalesce(newest.scalar_subquery(), 0)
    )
    if approved and approved.decided_at:
        query = query.where(fetches.c.at > approved.decided_at)
    gaps = []
    before: datetime | None = None
    for at, outcome in connection.execute(query.order_by(fetches.c.id)):
        has_failed = not FetchOutcome(outcome).is_good
        # Several attempts of one run have one time; and a clock may be set back.
        if has_failed and before is not None and at > before:
            gaps.append(at - before)
        before = at if has_failed else None
    return tuple(gaps)


def read_newest_stamp(connection: Connection, number: int, version: int) -> datetime | None:
    """
    The newest stamp of a fetch that gave an accepted version, *version* or a newer one.
    """
    query = select(fetches.c.stamp).where(
        fetches.c.feed_id == number,
        fetches.c.stamp.is_not(None),
        fetches.c.outcome.in_([FetchOutcome.NEW, FetchOutcome.SAME]),
        fetches.c.version_id >= version,
    )
    return connection.execute(query.order_by(fetches.c.stamp.desc()).limit(1)).scalar()


def read_pauses(
    connection: Connection, number: int, now: datetime
) -> tuple[tuple[str, datetime], ...]:
    """
    The URLs whose newest attempt was answered with a time still to come.
    """
    later = fetches.alias()
    tried_since = exists().where(
        later.c.feed_id == fetches.c.feed_id,
        later.c.id > fetches.c.id,
        later.c.url == fetches.c.url,
    )
    query = select(fetches.c.url, fetches.c.retry_at).where(
        fetches.c.feed_id == number, fetches.c.retry_at > now, ~tried_since
    )
    rows = connection.execute(query.order_by(fetches.c.id))
    return tuple((row.url, row.retry_at) for row in rows)


def read_attempts(connection: Connection, number: int, name: str, limit: int) -> list[FetchRow]:
    query = select(fetches).where(fetches.c.feed_id == number).order_by(fetches.c.id.desc())
    return [_to_row(row, name) for row in connection.execute(query.limit(limit))]


def _retry_at(attempt: Attempt, now: datetime) -> datetime | None:
    if not attempt.retry_after > 0:
        return None
    return now + timedelta(seconds=min(attempt.retry_after, _LONGEST_PAUSE.total_seconds()))


def _first(connection: Connection, query: Select[Any], name: str) -> FetchRow | None:
    row = connection.execute(query.limit(1)).first()
    return _to_row(row, name) if row else None


def _to_row(row: Row[Any], name: str) -> FetchRow:
    return FetchRow(
        id=row.id,
        feed=name,
        at=row.at,
        url=row.url,
        url_digest=row.url_digest,
        reader=row.reader,
        outcome=FetchOutcome(row.outcome),
        status=row.status,
        size=row.size,
        seconds=row.seconds,
        detail=row.detail,
        etag=row.etag,
        last_modified=row.last_modified,
        version=row.version_id,
        stamp=row.stamp,
        retry_at=row.retry_at,
    )
