"""
Which prefixes of a version carry which label: rows that live, like those of the prefixes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, insert, select

from proxyfeed.model import Labels
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import bulk, lives
from proxyfeed.store.schema import labelled_prefixes, labels

# The labels that one version ended, each with the prefixes that had it.
Departed = tuple[tuple[str, PrefixSet], ...]


def read_accepted(connection: Connection, feed_id: int, version: int, name: str) -> Labels:
    of_feed = select(
        labelled_prefixes.c.label_id, labelled_prefixes.c.family, labelled_prefixes.c.key
    ).where(labelled_prefixes.c.feed_id == feed_id)
    rows = bulk.read(connection, lives.select_alive(of_feed, labelled_prefixes, version))
    texts = {number: text for text, number in _known(connection, feed_id).items()}
    parts = groupby(sorted(rows), key=itemgetter(0))
    return Labels.of(
        name,
        (
            (texts[number], lives.to_set(row[1:] for row in part))
            for number, part in parts
            if number in texts
        ),
    )


def read_departed(
    connection: Connection, feed_id: int, numbers: Iterable[int]
) -> tuple[Departed, ...]:
    """
    The rows that ended with each of the versions *numbers*, by label, those of the newest first.
    """
    until = labelled_prefixes.c.until_version
    rows = connection.execute(
        select(until, labels.c.text, labelled_prefixes.c.family, labelled_prefixes.c.key)
        .join(labels, labels.c.id == labelled_prefixes.c.label_id)
        .where(
            labelled_prefixes.c.feed_id == feed_id,
            until.in_(numbers),
        )
        .order_by(until.desc(), labels.c.text)
    )
    return tuple(
        tuple(
            (text, lives.to_union((row.family, row.key) for row in part))
            for text, part in groupby(ended, key=lambda row: str(row.text))
        )
        for _, ended in groupby(rows, key=lambda row: int(row.until_version))
    )


def write_accepted(
    connection: Connection, feed_id: int, version: int, *, old: Labels, new: Labels
) -> None:
    """
    Make *new* the labels of *version*, *old* being those of the version before it.
    """
    before, after = dict(old.parts), dict(new.parts)
    if not before and not after:
        return
    ids = _label_ids(connection, feed_id, after)
    gone: list[bulk.Row] = []
    come: list[bulk.Row] = []
    for text in sorted(before.keys() | after.keys()):
        was, now = before.get(text, PrefixSet()), after.get(text, PrefixSet())
        dropped, brought = lives.changes(was, now)
        gone += lives.to_rows(dropped, feed_id, ids[text])
        come += lives.to_rows(brought, feed_id, ids[text])
    lives.change(connection, labelled_prefixes, version, gone=gone, come=come)


def _label_ids(
    connection: Connection, feed_id: int, wanted: dict[str, PrefixSet]
) -> dict[str, int]:
    """
    The numbers of all labels that the feed ever had, those of *wanted* made where need be.
    """
    known = _known(connection, feed_id)
    missing = [{"feed_id": feed_id, "text": text} for text in wanted if text not in known]
    if not missing:
        return known
    connection.execute(insert(labels), missing)
    return _known(connection, feed_id)


def _known(connection: Connection, feed_id: int) -> dict[str, int]:
    query = select(labels.c.text, labels.c.id).where(labels.c.feed_id == feed_id)
    return {row.text: row.id for row in connection.execute(query)}
