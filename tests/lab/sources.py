"""
Whom the farm's ranges mark, and whom they just miss. The guest reaches no other network, so these
can be public addresses: special-purpose ones would be refused in a feed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

RANGES = (
    "64.12.96.0/19",
    "195.93.64.0/19",
    "205.188.146.144/30",
    "207.200.112.0/21",
    "2a02:26f7:c000::/45",
    "2606:54c0:7680::/44",
    "2a09:bac2::/32",
)
# Of people who have nothing to do with the farm.
ORDINARY = (
    *(f"198.35.{third}.{third}" for third in range(26, 38)),
    *(f"2620:0:86{last:x}::1" for last in range(12)),
)


def edges(ranges: Sequence[str] = RANGES) -> list[str]:
    """
    Return the first address of each range, the last one, and three in between.
    """
    found = []
    for network in map(ipaddress.ip_network, ranges):
        between = [network.num_addresses * part // 4 for part in (1, 2, 3)]
        found += [network.network_address, network.broadcast_address]
        found += [network.network_address + place for place in between]
    # 205.188.146.144/30 has only four.
    return [str(each) for each in dict.fromkeys(found)]


def neighbours(ranges: Sequence[str] = RANGES) -> list[str]:
    """
    Return the address below each range and the one above it.
    """
    found = []
    for network in map(ipaddress.ip_network, ranges):
        found += [network.network_address - 1, network.broadcast_address + 1]
    return [str(each) for each in found]


def of_family(family: int, sources: Sequence[str]) -> list[str]:
    return [source for source in sources if ipaddress.ip_address(source).version == family]
