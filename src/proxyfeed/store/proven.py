"""
What was read already, and proved to be what was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from proxyfeed.model import Labels, Version
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import contents

# Two versions of 300,000 prefixes, and the labels of two: up to 52 MiB.
_PREFIXES = 600_000
T = TypeVar("T", PrefixSet, Labels)


class Proven:
    """
    The contents and labels of versions, which never change: what was asked for last is kept.

    A night with a change asks five times for the version before it; at 300,000 prefixes each time
    would cost 0.2 s. What this process writes is not among them until it was read back: a version
    that was held is another value once it is accepted.
    """

    def __init__(self) -> None:
        self._contents: dict[Version, PrefixSet] = {}
        self._labels: dict[Version, Labels] = {}

    def content(self, connection: Connection, version: Version) -> PrefixSet:
        return _recall(self._contents, connection, version, contents.read_content, len)

    def labels(self, connection: Connection, version: Version) -> Labels:
        return _recall(self._labels, connection, version, contents.read_labels, _prefixes)


def _prefixes(labels: Labels) -> int:
    return sum(len(part) for _, part in labels.parts)


def _recall(
    known: dict[Version, T],
    connection: Connection,
    version: Version,
    read: Callable[[Connection, Version], T],
    size: Callable[[T], int],
) -> T:
    """
    Read *version*, or take it from *known*: those asked for last, that last.
    """
    found = known.pop(version, None)
    if found is None:
        found = read(connection, version)
        while known and sum(map(size, known.values())) + size(found) > _PREFIXES:
            del known[next(iter(known))]
    known[version] = found
    return found
