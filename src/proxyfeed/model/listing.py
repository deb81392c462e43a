"""
What was read of one body: the prefixes, their labels, and what was wrong with its rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class Labels:
    """
    Which prefixes of a content carry which label: *name* says what the labels are, such as
    ``country``. *parts* are sorted by label; rows without one stand under "". An address may stand
    under several labels. A feed that declares no label has the empty value.
    """

    name: str = ""
    parts: tuple[tuple[str, PrefixSet], ...] = ()

    @classmethod
    def of(cls, name: str, parts: Iterable[tuple[str, PrefixSet]]) -> Labels:
        """
        Put *parts* in order; those without an address are left out.
        """
        return cls(name, tuple(sorted((one for one in parts if one[1]), key=lambda one: one[0])))

    @property
    def digest(self) -> str:
        """
        SHA-256 over the name and each label, by length and UTF-8 text, and the labels' parts by
        their digests; "" for no labels.
        """
        if not self.name:
            return ""
        whole = hashlib.sha256(_counted(self.name))
        for label, part in self.parts:
            whole.update(_counted(label) + part.digest.encode())
        return whole.hexdigest()

    def changed(self, new: Labels) -> tuple[str, ...]:
        """
        The labels that hold other addresses in *new*, in order.
        """
        before, after = dict(self.parts), dict(new.parts)
        return tuple(
            label for label in sorted({*before, *after}) if before.get(label) != after.get(label)
        )

    def __bool__(self) -> bool:
        return bool(self.name)


def _counted(text: str) -> bytes:
    content = text.encode()
    return f"{len(content)}:".encode() + content


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """
    A row that is no prefix: *place* is like ``line 12``, *text* the row as it stood, cut and fit
    for a terminal, *why* what is wrong with it.
    """

    place: str
    text: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text!r} {self.why}"


@dataclass(frozen=True, slots=True)
class Listing:
    """
    *rows* counts all rows but comments, *rejected* holds the first of those that are no prefixes
    and *rejections* counts them all. *masked* are the first rows whose host bits were cleared, of
    *maskings* in all. *stamp* is upstream's own time, None if it gives none.
    """

    prefixes: PrefixSet
    labels: Labels = Labels()
    rows: int = 0
    rejected: tuple[RejectedRow, ...] = ()
    rejections: int = 0
    masked: tuple[str, ...] = ()
    maskings: int = 0
    stamp: datetime | None = None
