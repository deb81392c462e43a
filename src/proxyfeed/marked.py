"""
Sets of addresses of which each carries a mark: what the kernel holds for a set with a split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from proxyfeed.notation import BITS
from proxyfeed.prefixes import FAMILIES, PrefixSet, Span

M = TypeVar("M", int, str)


@dataclass(frozen=True, slots=True)
class MarkedSet(PrefixSet):
    """
    A set of addresses, with *marks*: which part carries which mark, in the order of the marks. The
    parts are disjoint, none is empty, and together they are the set.

    The algebra of `PrefixSet` gives sets without marks.
    """

    marks: tuple[tuple[int, PrefixSet], ...] = ()

    @classmethod
    def of(cls, parts: Mapping[int, PrefixSet]) -> MarkedSet:
        """
        Put disjoint parts together.
        """
        whole = union(parts.values())
        marks = tuple((mark, parts[mark]) for mark in sorted(parts) if parts[mark])
        return cls(whole.ipv4, whole.ipv6, marks)

    @property
    def digest(self) -> str:
        """
        SHA-256 over each mark (4 bytes in network order) and the digest of its part.
        """
        whole = hashlib.sha256()
        for mark, part in self.marks:
            whole.update(mark.to_bytes(4, "big") + part.digest.encode())
        return whole.hexdigest()

    def lengths(self, family: int) -> frozenset[int]:
        """
        Those of the parts: neighbours with two marks are not joined.
        """
        return frozenset().union(*(part.lengths(family) for _, part in self.marks))

    def within(self, families: Iterable[int]) -> MarkedSet:
        """
        The part of some address families.
        """
        kept = tuple(families)
        return MarkedSet.of({mark: part.within(kept) for mark, part in self.marks})


def union(parts: Iterable[PrefixSet]) -> PrefixSet:
    """
    All addresses of *parts*, joined at once.
    """
    several = tuple(parts)
    return PrefixSet.from_keys(
        *([key for part in several for key in part.keys(family)] for family in FAMILIES)
    )


def remarked(
    old: Iterable[tuple[M, PrefixSet]], new: Iterable[tuple[M, PrefixSet]]
) -> Iterator[tuple[M, M, PrefixSet]]:
    """
    What is in both and has another mark, as old mark, new mark and addresses; the parts of either
    are disjoint.
    """
    wanted = dict(new)
    for before, held in old:
        # Most keep what they have, and to meet all parts with all would take marks times marks.
        if moved := held - wanted.get(before, PrefixSet()):
            for after, part in wanted.items():
                if before != after and (both := moved & part):
                    yield before, after, both


def most_specific(parts: Sequence[tuple[str, PrefixSet]]) -> dict[str, PrefixSet]:
    """
    Give each address that stands under several labels to one of them, and return what each has.

    The longest prefix decides, as consumers of a geofeed should match (RFC 8805); of equal ones
    the label that comes first. With DE 20.0.0.0/16 and FR 20.0.5.0/24, 20.0.5.1 is in FR.
    """
    owned: dict[str, list[list[int]]] = {label: [[], []] for label, _ in parts}
    for place, family in enumerate(FAMILIES):
        entries = [(key, n) for n, (_, part) in enumerate(parts) for key in part.keys(family)]
        spans: list[list[Span]] = [[] for _ in parts]
        for n, first, last in _flattened(family, sorted(entries)):
            spans[n].append((first, last))
        for (label, _), pieces in zip(parts, spans, strict=True):
            owned[label][place] += PrefixSet.from_spans(family, pieces).keys(family)
    return {label: PrefixSet(tuple(ipv4), tuple(ipv6)) for label, (ipv4, ipv6) in owned.items()}


def _flattened(family: int, entries: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """
    Cut nested prefixes into pieces that do not overlap: owner, first and last address.

    *entries* are sorted keys with their owners, so each prefix comes after those that enclose it:
    they wait on a stack until it has ended.
    """
    stack: list[tuple[int, int, int]] = []  # owner, last address, key
    place = 0  # all before it is accounted for
    for key, owner in entries:
        first = key >> 8
        while stack and stack[-1][1] < first:
            enclosing, last, _ = stack.pop()
            if place <= last:
                yield enclosing, place, last
            place = max(place, last + 1)
        if stack and stack[-1][2] == key:
            continue
        if stack and place < first:
            yield stack[-1][0], place, first - 1
        place = first
        stack.append((owner, first + (1 << (BITS[family] - (key & 0xFF))) - 1, key))
    while stack:
        enclosing, last, _ = stack.pop()
        if place <= last:
            yield enclosing, place, last
        place = max(place, last + 1)
