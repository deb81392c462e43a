"""
Which label of a split set got which mark, kept with the version that it came with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager

from sqlalchemy import Connection, delete, func, insert, select

from proxyfeed.model import Status
from proxyfeed.store.schema import allotments, versions

Transaction = Callable[[], AbstractContextManager[Connection]]


class Allotments:
    """
    A part of `Store`, in its transactions. A version whose labels all kept their marks has no row:
    what was allotted with the version before it holds. Of no one host: directors that share a
    database send the same users the same way.
    """

    def __init__(self, reading: Transaction, writing: Transaction) -> None:
        self._reading = reading
        self._writing = writing

    def read(self, set_name: str, *versions: int) -> dict[str, int]:
        """
        The marks by label, as they were when *versions* were the newest of their feeds, or are now;
        also those of labels that have gone since, and may be back. Labels that came later have the
        mark that they have now.
        """
        with self._reading() as connection:
            return _read(connection, set_name, versions)

    def write(self, set_name: str, version: int, marks: Mapping[str, int]) -> None:
        """
        Note what was allotted with *version*, if that is news.
        """
        with self._writing() as connection:
            known = _read(connection, set_name, (version,))
            if {**known, **marks} == known:
                return
            at = (allotments.c.set_name == set_name) & (allotments.c.version_id == version)
            connection.execute(delete(allotments).where(at))
            text = json.dumps({**known, **marks}, sort_keys=True)
            connection.execute(
                insert(allotments).values(set_name=set_name, version_id=version, marks=text)
            )


def _read(connection: Connection, set_name: str, numbers: Collection[int]) -> dict[str, int]:
    rows = (
        select(allotments.c.marks)
        .where(allotments.c.set_name == set_name)
        .order_by(allotments.c.version_id.desc())
        .limit(1)
    )
    found: dict[str, int] = {}
    overtaken = _first_after(connection, numbers)
    then = () if overtaken is None else (rows.where(allotments.c.version_id < overtaken),)
    for query in (rows, *then):
        text = connection.execute(query).scalar()
        found |= json.loads(text) if text else {}
    return found


def _first_after(connection: Connection, numbers: Collection[int]) -> int | None:
    """
    The first version that took the place of one of *numbers*: it is of the same feed, where a set
    may have several, and what was allotted with it or later was not yet known.
    """
    later = versions.alias()
    query = select(func.min(later.c.id)).where(
        versions.c.id.in_(numbers),
        later.c.feed_id == versions.c.feed_id,
        later.c.status == Status.ACCEPTED,
        later.c.id > versions.c.id,
    )
    first = connection.execute(query).scalar()
    return None if first is None else int(first)
