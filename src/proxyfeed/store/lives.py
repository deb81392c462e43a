"""
Rows that live from the version that brought them to before the one that dropped them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, insert, or_, update

from proxyfeed.prefixes import FAMILIES, PrefixSet

_KEY_BYTES = {4: 5, 6: 17}
# The columns of one prefix that lives: whose it is, its family and its key.
LivingRow = dict[str, int | bytes]


def are_alive(table: Table, feed_id: int, version: int) -> ColumnElement[bool]:
    return and_(
        table.c.feed_id == feed_id,
        table.c.since_version <= version,
        or_(table.c.until_version.is_(None), table.c.until_version > version),
    )


def rows_only_in(one: PrefixSet, other: PrefixSet, **owner: int) -> Iterator[LivingRow]:
    """
    The prefixes of *one* that *other* does not have, each as a row of *owner*.
    """
    for family in FAMILIES:
        for key in sorted(set(one.keys(family)) - set(other.keys(family))):
            yield {**owner, "family": family, "key": to_blob(family, key)}


def change(
    connection: Connection,
    table: Table,
    version: int,
    *,
    gone: list[LivingRow],
    come: list[LivingRow],
) -> None:
    """
    End the lives of *gone* and begin those of *come* with *version*.
    """
    if gone:
        is_gone = [table.c[column] == bindparam(f"gone_{column}") for column in gone[0]]
        connection.execute(
            update(table)
            .where(*is_gone, table.c.until_version.is_(None))
            .values(until_version=version),
            [{f"gone_{column}": value for column, value in row.items()} for row in gone],
        )
    if come:
        connection.execute(insert(table), [{**row, "since_version": version} for row in come])


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
