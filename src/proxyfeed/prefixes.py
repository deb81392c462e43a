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
    keys_to_bytes,
    keys_to_text,
    make_key,
    range_to_keys,
    read_prefix,
)

if TYPE_CHECKING:
    from netaddr import IPNetwork

FAMILIES = (4, 6)
# first address, last address; both included
Span = tuple[int, int]
# those of one family: a minimal cover in address order
Keys = tuple[int, ...]


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
        Whether one address is in the set.
        """
        return self.enclosing(family, number) is not None

    def enclosing(self, family: int, number: int) -> int | None:
        """
        The key of the prefix that holds one address, None for none, by bisection.
        """
        keys = self.keys(family)
        # Of the prefixes that begin at the address or before it only the last can hold it.
        place = bisect_right(keys, make_key(family, number, BITS[family])) - 1
        if place < 0:
            return None
        spare = BITS[family] - (keys[place] & 0xFF)
        return keys[place] if number >> spare == keys[place] >> 8 >> spare else None

    def lengths(self, family: int) -> frozenset[int]:
        """
        The prefix lengths that occur in one address family.
        """
        return frozenset(key & 0xFF for key in self.keys(family))

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
        whole.update(keys_to_bytes(4, self.ipv4))
        whole.update(b"\xff")
        whole.update(keys_to_bytes(6, self.ipv6))
        return whole.hexdigest()

    def lines(self) -> Iterator[str]:
        """
        Each prefix as ``address/length``, IPv4 first, in address order.
        """
        for family in FAMILIES:
            yield from keys_to_text(family, self.keys(family))

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
        return PrefixSet(*(_without(f, self.keys(f), other.keys(f)) for f in FAMILIES))

    def __and__(self, other: PrefixSet) -> PrefixSet:
        return PrefixSet(*(_common(f, self.keys(f), other.keys(f)) for f in FAMILIES))


def _without(family: int, left: Keys, right: Keys) -> Keys:
    """
    The addresses of *left* that are not in *right*.

    What stands in both is left out first: in minimal covers it overlaps with nothing else. So two
    nights of 300,000 prefixes cost 0.2 s; all of their spans would cost 0.5 s.
    """
    only_left, only_right = differing(left, right)
    spans = _spans_without(_spans(family, only_left), _spans(family, only_right))
    return PrefixSet.from_spans(family, spans).keys(family)


def _common(family: int, left: Keys, right: Keys) -> Keys:
    only_left, only_right = differing(left, right)
    spans = _spans_in_common(_spans(family, only_left), _spans(family, only_right))
    gone = frozenset(only_left)
    both = [key for key in left if key not in gone]
    # Nothing is to be joined: half of a block that *left* has whole is no neighbour of another.
    return tuple(sorted([*both, *PrefixSet.from_spans(family, spans).keys(family)]))


def differing(left: Keys, right: Keys) -> tuple[list[int], list[int]]:
    """
    What stands in one of them and not in the other, in order.
    """
    only_left, only_right = [], []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            i += 1
            j += 1
        elif left[i] < right[j]:
            only_left.append(left[i])
            i += 1
        else:
            only_right.append(right[j])
            j += 1
    return [*only_left, *left[i:]], [*only_right, *right[j:]]


def _aggregate(family: int, keys: list[int]) -> tuple[int, ...]:
    """
    The minimal cover of sorted *keys*, in one pass with a stack.

    What the last prefix on the stack covers is dropped; two halves of one block are joined, and
    the result may be half of a wider block in turn. 195.93.96.0/19 meets 195.93.64.0/19 and they
    become 195.93.64.0/18.

    It counts in keys: a prefix ends where its key and its size say, and the key of the block above
    it is less by one, the same address with one bit less of length.
    """
    sizes = [256 << bits for bits in range(BITS[family], -1, -1)]
    stack: list[int] = []
    end = 0  # the key of the first address that the stack does not cover
    for key in keys:
        if key < end:
            continue
        length = key & 0xFF
        size = sizes[length]
        end = key - length + size
        # Only a key of the same length can lie exactly one size before it.
        while stack and stack[-1] + size == key and not stack[-1] & size:
            key = stack.pop() - 1
            size <<= 1
        stack.append(key)
    return tuple(stack)


def _spans(family: int, keys: Iterable[int]) -> list[Span]:
    bits = BITS[family]
    return [(key >> 8, (key >> 8) + (1 << (bits - (key & 0xFF))) - 1) for key in keys]


def _spans_in_common(left: list[Span], right: list[Span]) -> Iterator[Span]:
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


def _spans_without(left: list[Span], right: list[Span]) -> Iterator[Span]:
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
