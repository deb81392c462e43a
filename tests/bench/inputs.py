"""
Lists to measure with: real ones where they are at hand, else generated ones of the same shape.

Whatever is drawn is drawn by a fixed seed.
"""

from __future__ import annotations

import random
import socket
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache

from tests.bench.setting import ROOT

from proxyfeed.notation import BITS, make_key, read_prefix
from proxyfeed.prefixes import FAMILIES, PrefixSet

SEED = 20070203
# Bodies as they were published; a checkout without them beside it generates its own.
_PUBLISHED = ROOT.parent / "shared/data"
_RELAY = _PUBLISHED / "icloud/SYNTHETIC-SCALE-egress-2026-08-17.csv"
_REGISTRY = {
    family: _PUBLISHED / f"big/rir-delegated-all-ipv{family}-aggregated-2026-02-01.txt"
    for family in (4, 6)
}
# family, first address, length
_Prefix = tuple[int, int, int]
# 24.0.0.0 to 95.255.255.255 and 2a00::/12: no special-purpose address is among them.
_BASE4, _BLOCKS4 = 24 << 24, 72 << 14
_BASE6 = 0x2A00 << 112
_BASES = {4: _BASE4, 6: _BASE6}
_SPANS = {4: 72 << 24, 6: 1 << 88}
_LENGTHS4 = (*(24,) * 6, 26, 28, 30, *(31,) * 2, *(32,) * 4)
_LENGTHS6 = (*(48,) * 4, 52, 56, 60, *(64,) * 5)


def shapes(count: int, families: Sequence[int]) -> dict[str, list[str]]:
    """
    Lists of *count* prefixes, as many of each family, by name: what is easy for one program is hard
    for another.
    """
    chance = random.Random(SEED)
    each = range(count // len(families))
    mixed = [_text(*one) for family in families for one in sorted(_mixed(family, len(each)))]
    return {
        "mixed, shuffled": chance.sample(mixed, len(mixed)),
        "mixed, sorted": mixed,
        "all single addresses": [
            _text(family, _BASES[family] + chance.randrange(_SPANS[family]), BITS[family])
            for family in families
            for _ in each
        ],
        "all one block": [
            _text(family, _BASES[family] + n, BITS[family]) for family in families for n in each
        ],
    }


def _mixed(family: int, count: int) -> set[_Prefix]:
    """
    Prefixes of many lengths, dense enough that some cover others and some are siblings.
    """
    chance = random.Random(SEED + family)
    found: set[_Prefix] = set()
    while len(found) < count:
        if family == 4:
            length = chance.choice((20, 22, *_LENGTHS4))
            place = _BASE4 + chance.randrange(72 << 24 if length > 24 else 16 << 24)
            found.add((4, place >> (32 - length) << (32 - length), length))
        else:
            length = chance.choice((40, 44, *_LENGTHS6))
            place = _BASE6 + (chance.randrange(1 << 26) << 62)
            found.add((6, place >> (128 - length) << (128 - length), length))
    return found


def disjoint(count: int) -> PrefixSet:
    """
    So many prefixes of which none can be joined with another, half of them IPv4.
    """
    chance = random.Random(SEED)
    # One prefix in each /22 and each /44, always longer than that.
    blocks4 = chance.sample(range(_BLOCKS4), count // 2)
    blocks6 = chance.sample(range(1 << 30), count - count // 2)
    return PrefixSet.from_keys(
        [make_key(4, _BASE4 + (n << 10), chance.choice(_LENGTHS4)) for n in blocks4],
        [make_key(6, _BASE6 + (n << 84), chance.choice(_LENGTHS6)) for n in blocks6],
    )


def two_nights(content: PrefixSet, share: float = 0.01) -> tuple[PrefixSet, PrefixSet]:
    """
    *content* without one *share* of its prefixes, and without another: from one night to the other
    that share goes and as much comes.
    """
    first: list[tuple[int, ...]] = []
    second: list[tuple[int, ...]] = []
    for family in FAMILIES:
        keys = content.keys(family)
        for night, drawn in zip((first, second), _draw(len(keys), share), strict=True):
            night.append(tuple(key for n, key in enumerate(keys) if n not in drawn))
    return PrefixSet(*first), PrefixSet(*second)


def _draw(count: int, share: float) -> tuple[set[int], set[int]]:
    number = int(count * share)
    drawn = random.Random(SEED).sample(range(count), 2 * number)
    return set(drawn[:number]), set(drawn[number:])


@cache
def relay_rows() -> tuple[str, ...]:
    """
    The rows of iCloud Private Relay's list: 41,949 + 245,780, which are 3,300 + 10,500 prefixes.
    """
    if _RELAY.exists():
        return tuple(_RELAY.read_text().splitlines())
    chance = random.Random(SEED)
    rows = []
    for n in chance.sample(range(_BLOCKS4), 3_300):
        # A /29 or /28 in pieces of /31 or /32.
        size, piece = chance.choice((8, 16)), chance.choice((1, 1, 2))
        starts = range(_BASE4 + (n << 10), _BASE4 + (n << 10) + size, piece)
        rows += [_text(4, start, 33 - piece) for start in starts]
    for n in chance.sample(range(1 << 30), 10_500):
        pieces = range(chance.choice((16, 32)))
        rows += [_text(6, _BASE6 + (n << 84) + (m << 64), 64) for m in pieces]
    return tuple(f"{row},US,US-CA,San Francisco," for row in rows)


def relay_nights(rows: Sequence[str]) -> tuple[bytes, bytes]:
    """
    Two pages of *rows*; `two_nights` of the prefixes that they make.
    """
    read = [read_prefix(row.partition(",")[0]) for row in rows]
    ipv4, ipv6 = ([one.keys[0] for one in read if one.family == family] for family in FAMILIES)
    whole = PrefixSet.from_keys(ipv4, ipv6)
    drawn = {family: _draw(len(whole.keys(family)), 0.01) for family in FAMILIES}
    places = [bisect_right(whole.keys(one.family), one.keys[0] | 0xFF) - 1 for one in read]
    first, second = (
        [
            row
            for row, one, place in zip(rows, read, places, strict=True)
            if place not in drawn[one.family][night]
        ]
        for night in (0, 1)
    )
    return _page(first), _page(second)


def registry_rows() -> list[str]:
    """
    What the five registries have handed out: 175,195 + 67,839 prefixes.
    """
    if all(path.exists() for path in _REGISTRY.values()):
        return [row for path in _REGISTRY.values() for row in path.read_text().split()]
    return [_text(*one) for one in (*_mixed(4, 175_195), *_mixed(6, 67_839))]


def _page(rows: Iterable[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def _text(family: int, number: int, length: int) -> str:
    if family == 4:
        return f"{socket.inet_ntop(socket.AF_INET, number.to_bytes(4, 'big'))}/{length}"
    return f"{socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, 'big'))}/{length}"
