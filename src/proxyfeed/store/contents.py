"""
What versions hold: accepted ones as rows that live from version to version, others whole.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, groupby, pairwise
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from proxyfeed.errors import OperatorMistake, StoreError
from proxyfeed.model import Labels, Status, Version
from proxyfeed.notation import BITS, make_key
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.store import bulk, labelled, lives
from proxyfeed.store.schema import held_contents, prefixes, versions

# One life of an address in a feed: the version that brought it, and the one that dropped it.
Life = tuple[int, int | None]


def read_content(connection: Connection, version: Version) -> PrefixSet:
    """
    Raises:
        StoreError: what is there is not what was recorded: a kernel set must not be made of it.
    """
    if version.status is Status.ACCEPTED:
        content = _read_accepted(connection, _feed_id(connection, version), version.id)
    else:
        content = unpack(zlib.decompress(_read_held(connection, version).content).decode())
    with suppress(OverflowError):  # a key of IPv4 that is longer than five bytes
        if content.digest == version.digest:
            return content
    raise damaged(version, "does not read back as it was recorded")


def read_labels(connection: Connection, version: Version) -> Labels:
    """
    Raises:
        StoreError: what is there is not what was recorded.
    """
    if not version.label:
        found = Labels()
    elif version.status is Status.ACCEPTED:
        number = _feed_id(connection, version)
        found = labelled.read_accepted(connection, number, version.id, version.label)
    else:
        parts = json.loads(zlib.decompress(_read_held(connection, version).labels or b""))
        found = Labels.of(version.label, ((text, unpack(part)) for text, part in parts.items()))
    if found.digest != version.labels_digest:
        raise damaged(version, "has labels that do not read back as they were recorded")
    return found


def _read_held(connection: Connection, version: Version) -> Row[Any]:
    query = select(held_contents).where(held_contents.c.version_id == version.id)
    row = connection.execute(query).first()
    if row is None:
        # Not that of a rejected one among many: see `proxyfeed.store.pruning`.
        raise OperatorMistake(
            f"version {version.id} of feed {version.feed} was {version.status} long ago, and what "
            "it held is no longer kept",
            hint=f"proxyfeed history {version.feed}",
        )
    return row


def damaged(version: Version, what: str) -> StoreError:
    return StoreError(
        f"version {version.id} of feed {version.feed} {what}: the database is damaged",
        hint="restore it from a backup",
    )


def write_accepted(
    connection: Connection, feed_id: int, version: int, *, old: PrefixSet, new: PrefixSet
) -> None:
    """
    Make *new* the content of *version*, the newest of the chain; before it was *old*.
    """
    dropped, brought = lives.changes(old, new)
    lives.change(
        connection,
        prefixes,
        version,
        gone=lives.to_rows(dropped, feed_id),
        come=lives.to_rows(brought, feed_id),
    )
    noted = update(versions).where(versions.c.id == version)
    connection.execute(noted.values(dropped_digest=dropped.digest))


def write_held(connection: Connection, version: int, content: PrefixSet, labels: Labels) -> None:
    parts = json.dumps({text: pack(part) for text, part in labels.parts})
    connection.execute(
        insert(held_contents).values(
            version_id=version,
            content=zlib.compress(pack(content).encode()),
            labels=zlib.compress(parts.encode()) if labels else None,
        )
    )


def drop_held(connection: Connection, version: int) -> None:
    connection.execute(delete(held_contents).where(held_contents.c.version_id == version))


def read_dropped(
    connection: Connection, feed_id: int, numbers: Iterable[int]
) -> dict[int, PrefixSet]:
    """
    The rows that ended with each of the versions *numbers*, for those that ended any.
    """
    until = prefixes.c.until_version
    query = select(until, prefixes.c.family, prefixes.c.key).where(
        prefixes.c.feed_id == feed_id, prefixes.c.family.in_(FAMILIES), until.in_(numbers)
    )
    rows = bulk.read(connection, query.order_by(until, prefixes.c.family, prefixes.c.key))
    return {
        number: lives.to_set(row[1:] for row in ended)
        for number, ended in groupby(rows, key=itemgetter(0))
    }


def read_lives(connection: Connection, feed_id: int, family: int, number: int) -> list[Life]:
    """
    When one address was in the accepted versions of a feed, oldest first.

    Every prefix that could hold the address is looked up by key, 33 or 129 of them. An address
    that stays while its prefix is cut anew lives on: lives that touch are joined.
    """
    keys = [make_key(family, number, length) for length in range(BITS[family] + 1)]
    rows = connection.execute(
        select(prefixes.c.since_version, prefixes.c.until_version)
        .where(
            prefixes.c.feed_id == feed_id,
            prefixes.c.family == family,
            prefixes.c.key.in_([lives.to_blob(family, key) for key in keys]),
        )
        .order_by(prefixes.c.since_version)
    )
    return _join((row[0], row[1]) for row in rows)


def _read_accepted(connection: Connection, feed_id: int, version: int) -> PrefixSet:
    return PrefixSet(*(_read_keys(connection, feed_id, version, family) for family in FAMILIES))


def _read_keys(connection: Connection, feed_id: int, version: int, family: int) -> tuple[int, ...]:
    of_feed = select(prefixes.c.key).where(
        prefixes.c.feed_id == feed_id, prefixes.c.family == family
    )
    rows = bulk.read(connection, lives.select_alive(of_feed, prefixes, version))
    return tuple(sorted(map(int.from_bytes, chain.from_iterable(rows))))


def _feed_id(connection: Connection, version: Version) -> int:
    query = select(versions.c.feed_id).where(versions.c.id == version.id)
    return int(connection.execute(query).scalar_one())


def _join(found: Iterable[Life]) -> list[Life]:
    joined: list[Life] = []
    for since, until in found:
        if joined and joined[-1][1] == since:
            joined[-1] = (joined[-1][0], until)
        else:
            joined.append((since, until))
    assert all(a[1] is not None and a[1] < b[0] for a, b in pairwise(joined))  # noqa: S101
    return joined


def pack(content: PrefixSet) -> str:
    """
    Write a set as ``1400000018 1400010018/2a00...20``: its keys, the families apart.
    """
    return "/".join(" ".join(f"{key:x}" for key in content.keys(family)) for family in FAMILIES)


def unpack(packed: str) -> PrefixSet:
    ipv4, ipv6 = packed.split("/")
    return PrefixSet(*(tuple(int(key, 16) for key in keys.split()) for keys in (ipv4, ipv6)))
