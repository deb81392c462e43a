"""
FireHOL's ``ipset_reduce``: fewer prefix lengths for more prefixes, and not one address more.

It takes out one length after another, each time the one that costs the fewest prefixes: those of
that length are cut into prefixes of the next longer one that is there. 10.0.0.0/23 beside /25s
becomes four of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from proxyfeed.notation import BITS

# Its defaults: a fifth more prefixes, and 16,384 of them in any case.
_SHARE, _LEAST = 1.2, 16_384


def most(keys: Sequence[int]) -> int:
    """
    How many prefixes FireHOL makes of *keys* at most.
    """
    return max(int(len(keys) * _SHARE), _LEAST)


def reduced(family: int, keys: Sequence[int], most: int) -> tuple[int, ...]:
    """
    Cut *keys*, a minimal cover, into at most *most* prefixes.
    """
    target = _targets(Counter(key & 0xFF for key in keys), most)
    return tuple(piece for key in keys for piece in _cut(family, key, target[key & 0xFF]))


def _targets(counts: Mapping[int, int], most: int) -> dict[int, int]:
    """
    Which length each length is cut into.
    """
    left, total = dict(counts), sum(counts.values())
    target = {length: length for length in counts}
    while len(left) > 1:
        lengths = sorted(left)
        more, wide, narrow = min(
            (left[wide] * ((1 << (narrow - wide)) - 1), wide, narrow)
            for wide, narrow in pairwise(lengths)
        )
        if total + more > most:
            break
        total += more
        left[narrow] += left.pop(wide) << (narrow - wide)
        target = {length: narrow if to == wide else to for length, to in target.items()}
    return target


def _cut(family: int, key: int, length: int) -> range:
    first, own = key >> 8, key & 0xFF
    step = 1 << (BITS[family] - length) << 8
    return range(first << 8 | length, (first << 8 | length) + (step << (length - own)), step)
