"""
What the versions of the last days dropped: prefixes, and labels of prefixes.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

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
    return labelled.read_departed(
        connection, number, [version.id for version in _accepted_since(connection, number, since)]
    )


def read(
    connection: Connection, name: str, since: datetime
) -> tuple[tuple[Version, PrefixSet], ...]:
    """
    What each version accepted after *since* dropped, the newest first.

    Raises:
        StoreError: a version dropped what the one before it did not hold.
    """
    number = chain.feed_id(connection, name)
    if number is None:
        return ()
    young = _accepted_since(connection, number, since)
    if not young:
        return ()
    departed = contents.read_departed(connection, number, [version.id for version in young])
    found = tuple((version, departed[version.id]) for version in young if version.id in departed)
    for version, gone in found:
        # No digest vouches for these rows alone; that of the content which they were in does.
        before = chain.read_before(connection, version)
        if before is None or gone not in contents.read_content(connection, before):
            raise contents.damaged(version, "dropped what was not in the version before it")
    return found


def _accepted_since(connection: Connection, number: int, since: datetime) -> list[Version]:
    query = chain.select_versions().where(
        versions.c.feed_id == number,
        versions.c.status == Status.ACCEPTED,
        versions.c.accepted_at > since,
    )
    rows = connection.execute(query.order_by(versions.c.id.desc()))
    return [chain.to_version(row) for row in rows]
