"""
The virtual services that a set needs, in no tool's words. Pure.

A service of a mark is persistent, by default with one template for all its clients: whichever
server its scheduler gives to the first of them is that of all (ipvsadm(8), ``--netmask``). Of a set
with a split each mark has a server of its own to begin with, see `at_home`.
"""

from __future__ import annotations

from collections import Counter

from proxyfeed.model import (
    Destination,
    FwmarkService,
    LvsSpec,
    OrdinaryService,
    RealServer,
    SetSpec,
    VirtualService,
)
from proxyfeed.notation import BITS

# The shortest prefix by which ipvsadm lets clients share a template: it refuses 0 for IPv6. All
# unicast addresses are in one half (RFC 4291, section 2.4).
_WIDEST = {4: 0, 6: 1}
# "Weighted failover": of the servers that are there, the one of the greatest weight.
_FAILOVER = "fo"


def fwmark_services(spec: SetSpec, lvs: LvsSpec) -> tuple[FwmarkService, ...]:
    """
    One for each mark and family, in that order.
    """
    lengths = _WIDEST if lvs.is_together else BITS
    found = []
    for place, mark in enumerate(spec.marks):
        for family in spec.families:
            servers = tuple(one for one in lvs.marked or lvs.servers if one.family == family)
            destinations = tuple(Destination(one, one.weight) for one in servers)
            if spec.split:
                destinations = _ranked(at_home(servers, len(spec.marks))[place])
            found.append(
                FwmarkService(
                    mark=mark,
                    family=family,
                    scheduler=_FAILOVER if spec.split else lvs.scheduler,
                    persistence=int(lvs.persistence.total_seconds()),
                    granularity=lengths[family],
                    forwarding=lvs.forwarding,
                    destinations=destinations,
                    fallback=_fallback(lvs, family, destinations),
                )
            )
    return tuple(found)


def ordinary_services(spec: SetSpec, lvs: LvsSpec) -> tuple[OrdinaryService, ...]:
    """
    One for each virtual service of the set, in the families that are marked.
    """
    return tuple(
        _ordinary(service, lvs) for service in spec.virtual if service.family in spec.families
    )


def _ordinary(service: VirtualService, lvs: LvsSpec) -> OrdinaryService:
    destinations = tuple(
        Destination(one, one.weight, service.port)
        for one in lvs.servers
        if one.family == service.family
    )
    return OrdinaryService(
        family=service.family,
        address=service.address,
        port=service.port,
        protocol=service.protocol,
        scheduler=lvs.scheduler,
        persistence=int(lvs.persistence.total_seconds()),
        forwarding=lvs.forwarding,
        destinations=destinations,
        fallback=_fallback(lvs, service.family, destinations),
    )


def at_home(servers: tuple[RealServer, ...], marks: int) -> tuple[tuple[RealServer, ...], ...]:
    """
    Give each of so many marks an order of *servers*: the first is its home, and when that is taken
    out the mark moves to the next.

    Homes are dealt by weight, as seats are by D'Hondt's method: of weights 2 and 1 the first server
    is home to two marks of three. The others follow in a circle, so that the marks of a server that
    dies do not all meet on one.
    """
    homes: Counter[int] = Counter()
    orders = []
    for _ in range(marks):
        # The later of two that are alike loses, so the order of the configuration decides.
        home = max(range(len(servers)), key=lambda i: (servers[i].weight / (homes[i] + 1), -i))
        others = [servers[(home + step) % len(servers)] for step in range(1, len(servers))]
        turn = homes[home] % len(others) if others else 0
        orders.append((servers[home], *others[turn:], *others[:turn]))
        homes[home] += 1
    return tuple(orders)


def _ranked(order: tuple[RealServer, ...]) -> tuple[Destination, ...]:
    return tuple(Destination(one, len(order) - rank) for rank, one in enumerate(order))


def _fallback(
    lvs: LvsSpec, family: int, destinations: tuple[Destination, ...]
) -> RealServer | None:
    """
    What takes over in one service: none of those that have failed there before.
    """
    own = {one.server.address for one in destinations}
    found = (one for one in lvs.fallback if one.family == family and one.address not in own)
    return next(found, None)
