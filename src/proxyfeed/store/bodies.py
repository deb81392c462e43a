"""
The raw bodies that are worth keeping, each kept once.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from proxyfeed.model import Attempt, Body, FetchOutcome, Status
from proxyfeed.store.schema import bodies, fetches, versions

# Of each feed, the bodies of so many accepted versions are kept, and of so many other attempts:
# those that failed, were held or rejected. What waits for a decision keeps its first.
KEPT_BODIES = 10
KEPT_OTHERS = 30
_BODY_KEPT_FOR = frozenset(FetchOutcome) - {FetchOutcome.SAME, FetchOutcome.NOT_MODIFIED}


def keep_body(connection: Connection, attempt: Attempt, now: datetime) -> str | None:
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


def prune_bodies(connection: Connection, number: int) -> None:
    """
    Let go of the bodies of a feed that are no longer among the last few of their kind.
    """
    of_feed = select(versions.c.id).where(versions.c.feed_id == number)
    accepted = of_feed.where(versions.c.status == Status.ACCEPTED).order_by(versions.c.id.desc())
    waiting = of_feed.where(versions.c.status == Status.HELD)
    mine = (fetches.c.feed_id == number) & fetches.c.body.is_not(None)
    is_new = fetches.c.outcome == FetchOutcome.NEW
    # What a version was first read from, however its fetch ended: a held one may be approved.
    protected = (
        select(func.min(fetches.c.id))
        .where(
            mine,
            fetches.c.version_id.in_(accepted.limit(KEPT_BODIES))
            | fetches.c.version_id.in_(waiting),
        )
        .group_by(fetches.c.version_id)
    )
    others = select(fetches.c.id).where(mine, ~is_new).order_by(fetches.c.id.desc())
    is_old = is_new | fetches.c.id.in_(others.offset(KEPT_OTHERS))
    connection.execute(
        update(fetches).where(mine, is_old, fetches.c.id.not_in(protected)).values(body=None)
    )
    used = select(fetches.c.body).where(fetches.c.body.is_not(None))
    connection.execute(delete(bodies).where(bodies.c.sha256.not_in(used)))


def read_body_of_version(connection: Connection, version: int) -> Body | None:
    return _read_first(connection, fetches.c.version_id == version)


def read_body_of_fetch(connection: Connection, fetch: int) -> Body | None:
    return _read_first(connection, fetches.c.id == fetch)


def _read_first(connection: Connection, which: ColumnElement[bool]) -> Body | None:
    row = connection.execute(
        select(bodies.c.content, bodies.c.content_type)
        .join(fetches, fetches.c.body == bodies.c.sha256)
        .where(which)
        .order_by(fetches.c.id)
        .limit(1)
    ).first()
    return Body(zlib.decompress(row.content), row.content_type) if row else None
