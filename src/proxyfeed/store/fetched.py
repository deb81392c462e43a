"""
Every attempt at every URL, and the raw bodies that are worth keeping.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from proxyfeed.model import Attempt, Body, FetchOutcome, FetchRow, Reading, Status, Version
from proxyfeed.store.schema import bodies, fetches, versions

# Bodies of so many accepted versions of a feed are kept; those that failed or were held all are.
KEPT_BODIES = 10
_BODY_KEPT_FOR = frozenset(FetchOutcome) - {FetchOutcome.SAME, FetchOutcome.NOT_MODIFIED}


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
                body=_keep_body(connection, attempt, now),
            )
        )


def prune_bodies(connection: Connection, number: int) -> None:
    """
    Let go of the bodies of accepted versions that are no longer among the last few.
    """
    old = (
        select(versions.c.id)
        .where(versions.c.feed_id == number, versions.c.status == Status.ACCEPTED)
        .order_by(versions.c.id.desc())
        .offset(KEPT_BODIES)
    )
    connection.execute(
        update(fetches)
        .where(
            fetches.c.version_id.in_(old),
            fetches.c.body.is_not(None),
            fetches.c.outcome == FetchOutcome.NEW,
        )
        .values(body=None)
    )
    used = select(fetches.c.body).where(fetches.c.body.is_not(None))
    connection.execute(delete(bodies).where(bodies.c.sha256.not_in(used)))


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


def read_attempts(connection: Connection, number: int, name: str, limit: int) -> list[FetchRow]:
    query = select(fetches).where(fetches.c.feed_id == number).order_by(fetches.c.id.desc())
    return [_to_row(row, name) for row in connection.execute(query.limit(limit))]


def read_fetched_body(connection: Connection, fetch: int) -> Body | None:
    query = select(bodies.c.content, bodies.c.content_type).join(
        fetches, fetches.c.body == bodies.c.sha256
    )
    row = connection.execute(query.where(fetches.c.id == fetch)).first()
    return Body(zlib.decompress(row.content), row.content_type) if row else None


def read_body(connection: Connection, version: int) -> Body | None:
    row = connection.execute(
        select(bodies.c.content, bodies.c.content_type)
        .join(fetches, fetches.c.body == bodies.c.sha256)
        .where(fetches.c.version_id == version)
        .order_by(fetches.c.id)
        .limit(1)
    ).first()
    return Body(zlib.decompress(row.content), row.content_type) if row else None


def _keep_body(connection: Connection, attempt: Attempt, now: datetime) -> str | None:
    if attempt.body is None or attempt.outcome not in _BODY_KEPT_FOR:
        return None
    content = attempt.body.content
    name = hashlib.sha256(content).hexdigest()
    known = connection.execute(select(bodies.c.sha256).where(bodies.c.sha256 == name)).scalar()
    if known is None:
        connection.execute(
            insert(bodies).values(
                sha256=name,
                content=zlib.compress(content),
                size=len(content),
                content_type=attempt.body.content_type,
                first_seen=now,
            )
        )
    return name


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
    )
