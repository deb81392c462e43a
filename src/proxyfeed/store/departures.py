"""
What the versions of the last days dropped: prefixes, and labels of prefixes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from proxyfeed.model import Status, Version
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import contents, labelled
from proxyfeed.store import versions as chain
from proxyfeed.store.schema import versions


def read_labels(
    connection: Connection, name: str, since: datetime
) -> tuple[labelled.Departed, ...]:
    """
    What labels each of the versions accepted after *since* ended, and of which prefixes, the newest
    first.
    """
    number = chain.feed_id(connection, name)
    if number is None:
        return ()
    young = _accepted_since(connection, number, since)
    return labelled.read_departed(connection, number, [row.id for row in young])


def read(
    connection: Connection, name: str, since: datetime
) -> tuple[tuple[Version, PrefixSet], ...]:
    """
    What each version accepted after *since* dropped, the newest first.

    Raises:
        StoreError: it is not what was recorded.
    """
    number = chain.feed_id(connection, name)
    if number is None:
        return ()
    young = _accepted_since(connection, number, since)
    dropped = contents.read_dropped(connection, number, [row.id for row in young])
    found = []
    for row in young:
        version, gone = chain.to_version(row), dropped.get(row.id, PrefixSet())
        if not _is_proven(connection, number, row, gone):
            raise contents.damaged(version, "did not drop what was recorded")
        if gone:
            found.append((version, gone))
    return tuple(found)


def _is_proven(connection: Connection, number: int, row: Row[Any], gone: PrefixSet) -> bool:
    if row.dropped_digest is not None:
        return bool(gone.digest == row.dropped_digest)
    # From before schema 0005: what it dropped was in the content before it, whose digest is known.
    before = chain.read_before(connection, number, row.id)
    return not gone or (before is not None and gone in contents.read_content(connection, before))


def _accepted_since(connection: Connection, number: int, since: datetime) -> Sequence[Row[Any]]:
    query = chain.select_versions().where(
        versions.c.feed_id == number,
        versions.c.status == Status.ACCEPTED,
        versions.c.accepted_at > since,
    )
    return connection.execute(query.order_by(versions.c.id.desc())).all()
