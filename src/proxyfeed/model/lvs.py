"""
The LVS side of a set: the real servers that its mark leads to, and how they are chosen and checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Forwarding(StrEnum):
    """
    How a packet reaches its real server: direct routing, tunnelling or masquerading.
    """

    DIRECT = "dr"
    TUNNEL = "tun"
    MASQUERADE = "nat"


class CheckKind(StrEnum):
    NONE = "none"
    CONNECT = "connect"
    HTTP = "http"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class RealServer:
    """
    A server by its address; *weight* is what it can carry beside the others.
    """

    family: int
    address: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Check:
    """
    How a director's own tool finds out that a real server is alive: it asks *port* every *every*,
    and over HTTP for *path* of *host*, where the answer must be 200 and hold *expect*.
    """

    kind: CheckKind = CheckKind.CONNECT
    port: int = 80
    path: str = "/"
    host: str = ""
    expect: str = ""
    every: timedelta = timedelta(seconds=5)
    timeout: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class LvsSpec:
    """
    ``[sets.NAME.lvs]``. A client stays on its server for *persistence* after its last connection.

    *is_together* gives all clients of one mark one persistence template, so that they share one
    server and move together; else each address has its own. *marked* are those of *servers* that
    the marks lead to, all of them if it is empty. *fallback* holds at most one server of a family,
    for when no other is alive.
    """

    servers: tuple[RealServer, ...]
    scheduler: str = "wlc"
    persistence: timedelta = timedelta(hours=1)
    forwarding: Forwarding = Forwarding.DIRECT
    is_together: bool = True
    marked: tuple[RealServer, ...] = ()
    fallback: tuple[RealServer, ...] = ()
    check: Check = Check()


@dataclass(frozen=True, slots=True)
class Destination:
    """
    One real server of one virtual service. *port* is 0 in a service of a mark, which takes every
    port as it comes.
    """

    server: RealServer
    weight: int
    port: int = 0


@dataclass(frozen=True, slots=True)
class FwmarkService:
    """
    The persistent virtual service of one mark in one family.

    *persistence* is in seconds; *granularity* the prefix length by which clients share a template,
    0 to 32 for IPv4 and 1 to 128 for IPv6. The first of *destinations* is the one that is chosen
    first.
    """

    mark: int
    family: int
    scheduler: str
    persistence: int
    granularity: int
    forwarding: Forwarding
    destinations: tuple[Destination, ...]
    fallback: RealServer | None = None


@dataclass(frozen=True, slots=True)
class OrdinaryService:
    """
    The virtual service that everybody else meets: *address* and *port* as clients connect to them.
    """

    family: int
    address: str
    port: int
    protocol: str
    scheduler: str
    persistence: int
    forwarding: Forwarding
    destinations: tuple[Destination, ...]
    fallback: RealServer | None = None
