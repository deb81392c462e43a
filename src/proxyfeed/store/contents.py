"""
What versions hold: accepted ones as rows that live from version to version, others whole.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update
from sqlalchemy.sql import bindparam

from proxyfeed.notation import BITS, make_key
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.store.schema import held_contents, prefixes

_KEY_BYTES = {4: 5, 6: 17}
# One life of an address in a feed: the version that brought it, and the one that dropped it.
Life = tuple[int, int | None]


def read_accepted(connection: Connection, feed_id: int, version: int) -> PrefixSet:
    rows = connection.execute(
        select(prefixes.c.family, prefixes.c.key)
        .where(prefixes.c.feed_id == feed_id, _alive_at(version))
        .order_by(prefixes.c.family, prefixes.c.key)
    )
    keys: defaultdict[int, list[int]] = defaultdict(list)
    for family, key in rows:
        keys[family].append(int.from_bytes(key, "big"))
    # Rows were written from a canonical set, so the order is all that it takes; whatever else a
    # damaged file holds, the digest will not match.
    return PrefixSet(tuple(keys[4]), tuple(keys[6]))


def write_accepted(
    connection: Connection, feed_id: int, version: int, old: PrefixSet, new: PrefixSet
) -> None:
    """
    Make *new* the content of *version*, *old* being that of the version before it.
    """
    for family in FAMILIES:
        before, after = set(old.keys(family)), set(new.keys(family))
        gone = [{"gone": _blob(family, key)} for key in sorted(before - after)]
        come = [
            {
                "feed_id": feed_id,
                "family": family,
                "key": _blob(family, key),
                "since_version": version,
            }
            for key in sorted(after - before)
        ]
        if gone:
            connection.execute(
                update(prefixes)
                .where(
                    prefixes.c.feed_id == feed_id,
                    prefixes.c.family == family,
                    prefixes.c.key == bindparam("gone"),
                    prefixes.c.until_version.is_(None),
                )
                .values(until_version=version),
                gone,
            )
        if come:
            connection.execute(insert(prefixes), come)


def read_held(connection: Connection, version: int) -> PrefixSet:
    content = connection.execute(
        select(held_contents.c.content).where(held_contents.c.version_id == version)
    ).scalar_one()
    ipv4, ipv6 = zlib.decompress(content).decode().split("/")
    return PrefixSet(tuple(_unpack(ipv4)), tuple(_unpack(ipv6)))


def write_held(connection: Connection, version: int, content: PrefixSet) -> None:
    packed = "/".join(
        " ".join(f"{key:x}" for key in content.keys(family)) for family in FAMILIES
    ).encode()
    connection.execute(
        insert(held_contents).values(version_id=version, content=zlib.compress(packed))
    )


def drop_held(connection: Connection, version: int) -> None:
    connection.execute(delete(held_contents).where(held_contents.c.version_id == version))


def read_lives(connection: Connection, feed_id: int, family: int, number: int) -> list[Life]:
    """
    When one address was in the accepted versions of a feed, oldest first.

    Every prefix that could hold the address is looked up by key, 33 or 129 of them. An address
    that stays while its prefix is cut anew lives on: lives that touch are joined.
    """
    keys = [_blob(family, make_key(family, number, length)) for length in range(BITS[family] + 1)]
    rows = connection.execute(
        select(prefixes.c.since_version, prefixes.c.until_version)
        .where(
            prefixes.c.feed_id == feed_id,
            prefixes.c.family == family,
            prefixes.c.key.in_(keys),
        )
        .order_by(prefixes.c.since_version)
    )
    return _join((row[0], row[1]) for row in rows)


def _join(lives: Iterable[Life]) -> list[Life]:
    joined: list[Life] = []
    for since, until in lives:
        if joined and joined[-1][1] == since:
            joined[-1] = (joined[-1][0], until)
        else:
            joined.append((since, until))
    assert all(a[1] is not None and a[1] < b[0] for a, b in pairwise(joined))  # noqa: S101
    return joined


def _alive_at(version: int) -> ColumnElement[bool]:
    return and_(
        prefixes.c.since_version <= version,
        or_(prefixes.c.until_version.is_(None), prefixes.c.until_version > version),
    )


def _blob(family: int, key: int) -> bytes:
    return key.to_bytes(_KEY_BYTES[family], "big")


def _unpack(text: str) -> Iterable[int]:
    return (int(key, 16) for key in text.split())
