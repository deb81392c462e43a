"""
What is let go of, so that the database does not grow for ever: accepted versions never are.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from proxyfeed.model import Status
from proxyfeed.store.bodies import prune_bodies
from proxyfeed.store.schema import fetches, held_contents, versions

# Of each feed. A nightly run fills the first in almost three years, one every five minutes in four
# days; upstream could fill a disk with the second.
KEPT_ATTEMPTS = 1_000
KEPT_HELD = 30
# So that not every run has to look.
_SLACK = 100


def prune(connection: Connection, number: int) -> None:
    """
    Let go of the oldest attempts, bodies and contents of a feed that were never accepted.
    """
    _prune_held(connection, number)
    _prune_attempts(connection, number)
    prune_bodies(connection, number)


def _prune_held(connection: Connection, number: int) -> None:
    """
    Keep the contents of the last versions beside the chain; an older one can no longer be approved.
    """
    beside = select(versions.c.id).where(
        versions.c.feed_id == number,
        versions.c.status.in_([Status.HELD, Status.REJECTED]),
    )
    old = beside.order_by(versions.c.id.desc()).offset(KEPT_HELD)
    connection.execute(
        update(versions)
        .where(versions.c.id.in_(old), versions.c.status == Status.HELD)
        .values(status=Status.REJECTED, reason=f"overtaken by {KEPT_HELD} held after it")
    )
    connection.execute(delete(held_contents).where(held_contents.c.version_id.in_(old)))


def _prune_attempts(connection: Connection, number: int) -> None:
    """
    Of the attempts before the last *KEPT_ATTEMPTS*, keep the last of each day, URL, outcome,
    version and body.

    Whatever is asked of old attempts is about the newest of a kind, or, for the time that a feed
    has been dead, about days.
    """
    mine = fetches.c.feed_id == number
    count = connection.execute(select(func.count()).select_from(fetches).where(mine)).scalar_one()
    if count <= KEPT_ATTEMPTS + _SLACK:
        return
    newest = select(fetches.c.id).where(mine).order_by(fetches.c.id.desc())
    limit = connection.execute(newest.offset(KEPT_ATTEMPTS - 1).limit(1)).scalar_one()
    query = select(fetches).where(mine, fetches.c.id < limit).order_by(fetches.c.id)
    kept: dict[object, int] = {}
    stamped: dict[object, Row[Any]] = {}
    old = connection.execute(query).all()
    for row in old:
        kept[row.at.date(), row.url, row.outcome, row.version_id, row.body] = row.id
        kind = (row.outcome, row.version_id)
        if row.stamp is not None and (kind not in stamped or row.stamp >= stamped[kind].stamp):
            stamped[kind] = row
    keep = {*kept.values(), *(row.id for row in stamped.values())}
    gone = [row.id for row in old if row.id not in keep]
    for start in range(0, len(gone), _SLACK):
        connection.execute(delete(fetches).where(fetches.c.id.in_(gone[start : start + _SLACK])))
