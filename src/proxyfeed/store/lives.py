"""
Rows that live from the version that brought them to before the one that dropped them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Select,
    Table,
    bindparam,
    insert,
    union_all,
    update,
)

from proxyfeed.prefixes import FAMILIES, PrefixSet, differing
from proxyfeed.store import bulk

_KEY_BYTES = {4: 5, 6: 17}


def select_alive(query: Select[Any], table: Table, version: int) -> CompoundSelect[Any]:
    """
    Narrow *query* to the rows that are alive in *version*, in any order.

    Those that still are and those that ended later, each by the index: in one condition they would
    have SQLite look at every row that ever was.
    """
    until = table.c.until_version
    begun = query.where(table.c.since_version <= version)
    return union_all(begun.where(until.is_(None)), begun.where(until > version))


def changes(old: PrefixSet, new: PrefixSet) -> tuple[PrefixSet, PrefixSet]:
    """
    The prefixes that only *old* has, and those that only *new* has. A part of a minimal cover is a
    minimal cover too.
    """
    gone, come = zip(
        *(map(tuple, differing(old.keys(f), new.keys(f))) for f in FAMILIES), strict=True
    )
    return PrefixSet(*gone), PrefixSet(*come)


def to_rows(content: PrefixSet, *owner: int) -> Iterator[bulk.Row]:
    """
    Each prefix as a row of *owner*, family and key.
    """
    for family in FAMILIES:
        for key in content.keys(family):
            yield (*owner, family, to_blob(family, key))


def change(
    connection: Connection,
    table: Table,
    version: int,
    *,
    gone: Iterable[bulk.Row],
    come: Iterable[bulk.Row],
) -> None:
    """
    End the lives of *gone* and begin those of *come* with *version*: rows of all columns of the
    primary key but the version.
    """
    names = [column.name for column in table.primary_key if column.name != "since_version"]
    if ended := [(version, *row) for row in gone]:
        of_names = [f"of_{name}" for name in names]
        is_one = [table.c[name] == bindparam(of) for name, of in zip(names, of_names, strict=True)]
        end = update(table).where(*is_one, table.c.until_version.is_(None))
        bulk.write(connection, end, ["until_version", *of_names], ended)
    if begun := [(*row, version) for row in come]:
        bulk.write(connection, insert(table), [*names, "since_version"], begun)


def to_set(rows: Iterable[tuple[int, bytes]]) -> PrefixSet:
    """
    The set whose rows, of family and key, are read in order.

    Rows were written from a canonical set, so the order is all that it takes; whatever else a
    damaged file holds, the digest will not match.
    """
    keys = _by_family(rows)
    return PrefixSet(tuple(keys[4]), tuple(keys[6]))


def to_union(rows: Iterable[tuple[int, bytes]]) -> PrefixSet:
    """
    The set of all addresses of rows that no digest vouches for, in any order.
    """
    keys = _by_family(rows)
    return PrefixSet.from_keys(keys[4], keys[6])


def to_blob(family: int, key: int) -> bytes:
    return key.to_bytes(_KEY_BYTES[family], "big")


def _by_family(rows: Iterable[tuple[int, bytes]]) -> defaultdict[int, list[int]]:
    keys: defaultdict[int, list[int]] = defaultdict(list)
    for family, key in rows:
        keys[family].append(int.from_bytes(key, "big"))
    return keys
