"""
Sets of addresses, as the fewest prefixes that cover them.

Two sets are equal exactly when they hold the same addresses, however their lists were cut. The
algebra runs on sorted integers (see `proxyfeed.notation` for the key); ``netaddr`` is what callers
get when they iterate, and what the tests hold every result against.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxyfeed.errors import BadPrefix
from proxyfeed.notation import (
    BITS,
    key_to_text,
    make_key,
    range_to_keys,
    read_prefix,
)

if TYPE_CHECKING:
    from netaddr import IPNetwork

FAMILIES = (4, 6)
# first address, last address; both included
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PrefixSet:
    """
    An immutable set of IPv4 and IPv6 addresses in canonical form.

    *ipv4* and *ipv6* are sorted keys of the minimal cover. Use the class methods: they make the
    form canonical, the plain constructor trusts its caller.
    """

    ipv4: tuple[int, ...] = ()
    ipv6: tuple[int, ...] = ()

    @classmethod
    def parse(cls, rows: Iterable[str]) -> PrefixSet:
        """
        Read written prefixes, one a row, in every notation of `proxyfeed.notation.read_prefix`.

        Raises:
            BadPrefix: with the number of the row, counted from 1, and its text.
        """
        keys: dict[int, list[int]] = {4: [], 6: []}
        for number, row in enumerate(rows, 1):
            try:
                written = read_prefix(row)
            except BadPrefix as exc:
                raise BadPrefix(exc.value, exc.why, row=number) from None
            keys[written.family] += written.keys
        return cls.from_keys(keys[4], keys[6])

    @classmethod
    def from_keys(cls, ipv4: Iterable[int] = (), ipv6: Iterable[int] = ()) -> PrefixSet:
        """
        Aggregate keys in any order, with duplicates and overlaps.
        """
        return cls(_aggregate(4, sorted(ipv4)), _aggregate(6, sorted(ipv6)))

    @classmethod
    def from_spans(cls, family: int, spans: Iterable[Span]) -> PrefixSet:
        """
        Cover spans of one family, in order and without overlap; they may touch.
        """
        keys = [key for first, last in spans for key in range_to_keys(family, first, last)]
        whole = _aggregate(family, keys)
        return cls(ipv4=whole) if family == 4 else cls(ipv6=whole)

    def keys(self, family: int) -> tuple[int, ...]:
        return self.ipv4 if family == 4 else self.ipv6

    def family(self, family: int) -> PrefixSet:
        """
        The part of one address family, 4 or 6.
        """
        return PrefixSet(ipv4=self.ipv4) if family == 4 else PrefixSet(ipv6=self.ipv6)

    def within(self, families: Iterable[int]) -> PrefixSet:
        """
        The part of some address families.
        """
        kept = tuple(families)
        return PrefixSet(*(self.keys(family) if family in kept else () for family in FAMILIES))

    def holds(self, family: int, number: int) -> bool:
        """
        Whether one address is in the set, by bisection.
        """
        keys = self.keys(family)
        # Of the prefixes that begin at the address or before it only the last can hold it.
        place = bisect_right(keys, make_key(family, number, BITS[family])) - 1
        if place < 0:
            return False
        spare = BITS[family] - (keys[place] & 0xFF)
        return number >> spare == keys[place] >> 8 >> spare

    @property
    def addresses(self) -> int:
        """
        How many addresses it holds, both families together.
        """
        return sum(
            1 << (BITS[family] - (key & 0xFF)) for family in FAMILIES for key in self.keys(family)
        )

    @property
    def digest(self) -> str:
        """
        SHA-256 over the IPv4 and then the IPv6 prefixes in address order.

        Each prefix is its address in network order (4 or 16 bytes) and one byte of length; the
        families are divided by one byte 0xFF, which is no length.
        """
        whole = hashlib.sha256()
        whole.update(b"".join(key.to_bytes(5, "big") for key in self.ipv4))
        whole.update(b"\xff")
        whole.update(b"".join(key.to_bytes(17, "big") for key in self.ipv6))
        return whole.hexdigest()

    def lines(self) -> Iterator[str]:
        """
        Each prefix as ``address/length``, IPv4 first, in address order.
        """
        for family in FAMILIES:
            for key in self.keys(family):
                yield key_to_text(family, key)

    def __iter__(self) -> Iterator[IPNetwork]:
        from netaddr import IPNetwork

        for family in FAMILIES:
            for key in self.keys(family):
                yield IPNetwork(key_to_text(family, key))

    def __len__(self) -> int:
        return len(self.ipv4) + len(self.ipv6)

    def __contains__(self, other: object) -> bool:
        """
        Whether every address of *other*, a written prefix or a `PrefixSet`, is in this set.
        """
        wanted = other if isinstance(other, PrefixSet) else PrefixSet.parse([str(other)])
        return not wanted - self

    def __or__(self, other: PrefixSet) -> PrefixSet:
        return PrefixSet.from_keys(self.ipv4 + other.ipv4, self.ipv6 + other.ipv6)

    def __sub__(self, other: PrefixSet) -> PrefixSet:
        return self._combine(other, _without)

    def __and__(self, other: PrefixSet) -> PrefixSet:
        return self._combine(other, _common)

    def _combine(self, other: PrefixSet, operation: _Operation) -> PrefixSet:
        found = []
        for family in FAMILIES:
            spans = operation(_spans(family, self.keys(family)), _spans(family, other.keys(family)))
            found.append(PrefixSet.from_spans(family, spans).keys(family))
        return PrefixSet(*found)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Operation = Callable[[list[Span], list[Span]], Iterator[Span]]


def _aggregate(family: int, keys: list[int]) -> tuple[int, ...]:
    """
    The minimal cover of sorted *keys*, in one pass with a stack.

    What the last prefix on the stack covers is dropped; two halves of one block are joined, and
    the result may be half of a wider block in turn. 195.93.96.0/19 meets 195.93.64.0/19 and they
    become 195.93.64.0/18.
    """
    bits = BITS[family]
    stack: list[int] = []
    end = -1  # the last address that the stack covers
    for key in keys:
        first, length = key >> 8, key & 0xFF
        if first <= end:
            continue
        end = first + (1 << (bits - length)) - 1
        stack.append(key)
        while len(stack) > 1 and stack[-2] & 0xFF == length:
            parent = make_key(family, first, length - 1) if length else -1
            if parent != (stack[-2] & ~0xFF) | (length - 1):
                break
            del stack[-2:]
            stack.append(parent)
            first, length = parent >> 8, length - 1
    return tuple(stack)


def _spans(family: int, keys: tuple[int, ...]) -> list[Span]:
    bits = BITS[family]
    return [(key >> 8, (key >> 8) + (1 << (bits - (key & 0xFF))) - 1) for key in keys]


def _common(left: list[Span], right: list[Span]) -> Iterator[Span]:
    i = j = 0
    while i < len(left) and j < len(right):
        first = max(left[i][0], right[j][0])
        last = min(left[i][1], right[j][1])
        if first <= last:
            yield first, last
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1


def _without(left: list[Span], right: list[Span]) -> Iterator[Span]:
    j = 0
    for first, last in left:
        while j < len(right) and right[j][1] < first:
            j += 1
        k = j
        while k < len(right) and right[k][0] <= last:
            if first < right[k][0]:
                yield first, right[k][0] - 1
            first = right[k][1] + 1
            k += 1
        if first <= last:
            yield first, last
