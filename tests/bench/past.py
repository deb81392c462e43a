"""
Databases with a long past: versions of a feed, each a little different from the one before.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.store.readings import URL, attempt, open_store

from proxyfeed.model import FetchOutcome, Reading, Status
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.store import create_or_upgrade


def lengthen_past(database: Path, versions: int) -> None:
    """
    Make *database* anew, with so many *versions* of the only feed that is in it, of which every
    other one lacks 1 % of the prefixes; the last one is what was the newest.
    """
    with closing(open_store(database)) as store:
        newest = store.versions(limit=1)[0]
        content = store.content(newest)
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    make_past(database, newest.feed, content, versions)


def make_past(database: Path, feed: str, content: PrefixSet, versions: int) -> None:
    create_or_upgrade(f"sqlite:///{database}").dispose()
    nights = (_lessened(content), content)
    began = datetime.now(UTC) - timedelta(hours=versions)
    with closing(open_store(database)) as store:
        for number in range(versions):
            night = nights[(versions - number) % 2]
            reading = new_reading(feed, night, str(number).encode())
            store.record([reading], began + timedelta(hours=number))


def new_reading(feed: str, content: PrefixSet, body: bytes) -> Reading:
    """
    What a run hands to the store for a list that was accepted.
    """
    return Reading(feed, (attempt(FetchOutcome.NEW, body),), URL, "", content, Status.ACCEPTED)


def _lessened(content: PrefixSet) -> PrefixSet:
    """
    *content* without 1 % of its prefixes: the longest, whose loss no guard would hold.
    """
    kept = []
    for family in FAMILIES:
        keys = sorted(content.keys(family), key=lambda key: key & 0xFF)
        kept.append(keys[: len(keys) * 99 // 100])
    return PrefixSet.from_keys(*kept)
