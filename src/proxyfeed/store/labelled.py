"""
Which prefixes of a version carry which label: rows that live, like those of the prefixes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from sqlalchemy import Connection, insert, select

from proxyfeed.model import Labels
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import lives
from proxyfeed.store.schema import labelled_prefixes, labels

# The labels that one version ended, each with the prefixes that had it.
Departed = tuple[tuple[str, PrefixSet], ...]


def read_accepted(connection: Connection, feed_id: int, version: int, name: str) -> Labels:
    rows = connection.execute(
        select(labels.c.text, labelled_prefixes.c.family, labelled_prefixes.c.key)
        .join(labels, labels.c.id == labelled_prefixes.c.label_id)
        .where(lives.are_alive(labelled_prefixes, feed_id, version))
        .order_by(labelled_prefixes.c.label_id, labelled_prefixes.c.family, labelled_prefixes.c.key)
    )
    parts = groupby(rows, key=lambda row: str(row.text))
    return Labels.of(
        name, ((text, lives.to_set((row.family, row.key) for row in part)) for text, part in parts)
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
    connection: Connection, feed_id: int, version: int, old: Labels, new: Labels
) -> None:
    """
    Make *new* the labels of *version*, *old* being what the version before it left.
    """
    before, after = dict(old.parts), dict(new.parts)
    if not before and not after:
        return
    ids = _label_ids(connection, feed_id, after)
    gone: list[lives.LivingRow] = []
    come: list[lives.LivingRow] = []
    for text in sorted(before.keys() | after.keys()):
        was, now = before.get(text, PrefixSet()), after.get(text, PrefixSet())
        owner = {"feed_id": feed_id, "label_id": ids[text]}
        gone += lives.rows_only_in(was, now, **owner)
        come += lives.rows_only_in(now, was, **owner)
    lives.change(connection, labelled_prefixes, version, gone=gone, come=come)


def _label_ids(
    connection: Connection, feed_id: int, wanted: dict[str, PrefixSet]
) -> dict[str, int]:
    """
    The numbers of all labels that the feed ever had, those of *wanted* made where need be.
    """
    query = select(labels.c.text, labels.c.id).where(labels.c.feed_id == feed_id)
    known = {row.text: row.id for row in connection.execute(query)}
    missing = [{"feed_id": feed_id, "text": text} for text in wanted if text not in known]
    if not missing:
        return known
    connection.execute(insert(labels), missing)
    return {row.text: row.id for row in connection.execute(query)}
