"""
What the prefix lengths of a set cost those who are not in it.
"""

from __future__ import annotations

from proxyfeed.model import Backend
from proxyfeed.prefixes import FAMILIES, PrefixSet

# Microseconds of a packet that is not in the set, fitted to the lists of docs/lengths.md, in sets
# of up to so many prefixes: each lookup in an ipset, and the one in nftables with its rule. The
# larger a set is, the less of it is in the processor's cache.
_COSTS = (
    (1_000, 0.015, 0.4),
    (5_000, 0.045, 0.5),
    (20_000, 0.068, 0.7),
    (50_000, 0.09, 1.6),
    (150_000, 0.15, 2.0),
)
_COSTS_BEYOND = (0.25, 2.1)
_IPSET_RULE = 0.3


def lengths_words(prefixes: PrefixSet, backend: Backend = Backend.IPSET) -> str:
    """
    ``IPv4 11, IPv6 31: a packet of an ordinary client costs one lookup for each in an ipset ...``.
    """
    held = [family for family in FAMILIES if prefixes.keys(family)]
    if not held:
        return "none"
    counts = ", ".join(f"IPv{family} {len(prefixes.lengths(family))}" for family in held)
    costs = " and ".join(f"{_cost(prefixes, family, backend):.1f}" for family in held)
    lookups = "one lookup for each in an ipset"
    if backend is Backend.NFTABLES:
        lookups = "one lookup in nftables, however many they are"
    return (
        f"{counts}: a packet of an ordinary client costs {lookups}, about {costs} microseconds "
        "where it was measured (docs/lengths.md)"
    )


def _cost(prefixes: PrefixSet, family: int, backend: Backend) -> float:
    count = len(prefixes.keys(family))
    costs = (costs for most, *costs in _COSTS if count <= most)
    lookup, in_nftables = next(costs, _COSTS_BEYOND)
    if backend is Backend.NFTABLES:
        return in_nftables
    return _IPSET_RULE + lookup * len(prefixes.lengths(family))
