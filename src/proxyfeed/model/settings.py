"""
What is configured: feeds, their limits, and the sets that they fill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from proxyfeed.model.rules import Rules
from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """
    Bounds of one fetch: *deadline* in seconds for all attempts at one URL together, *max_bytes*
    for the body, compressed as well as expanded.
    """

    deadline: float = 60.0
    max_bytes: int = 16 * 1024 * 1024
    attempts: int = 3
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What would be absurd in a feed.

    *growth* and *shrink* are shares of the addresses of a family, 0.1 for 10 %. *widest* holds the
    shortest prefix length that is believed, for IPv4 and IPv6. *allow* is special-purpose space
    that this feed may hold all the same.
    """

    growth: float = 0.10
    shrink: float = 0.10
    widest_ipv4: int = 8
    widest_ipv6: int = 19
    allow: PrefixSet = PrefixSet()
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """
    What time does to a feed.

    It is not asked again before *min_interval*. Addresses that it drops stay desired for
    *hold_removals*. *max_age* without a good fetch is one alarm, *max_unchanged* without a change
    upstream another; after *expire_after* of nothing but failures its addresses leave desired.
    *stamp* is the header that says how old a body is: ``last-modified``, ``etag`` or ``none``.
    """

    min_interval: timedelta = timedelta(0)
    hold_removals: timedelta = timedelta(0)
    max_age: timedelta | None = timedelta(days=3)
    max_unchanged: timedelta | None = None
    expire_after: timedelta | None = None
    stamp: str = "last-modified"


class Kind(StrEnum):
    """
    Who is behind the addresses of a feed.
    """

    PROXY = "proxy"
    CARRIER = "carrier NAT"
    VPN = "vpn"
    CLOUD = "cloud"
    CDN = "everyone behind this CDN"


@dataclass(frozen=True, slots=True)
class About:
    """
    What the catalogue knows of a feed, for people: *changes* is how often it does, *facts* where
    all this is from, and *checked* when that was looked at.
    """

    note: str = ""
    kind: Kind | None = None
    good_for: str = ""
    changes: str = ""
    facts: str = ""
    checked: date | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """
    One published list. *urls* are tried in order: the live page, an archived copy, a saved file;
    a list that stands in the configuration itself has none.
    """

    name: str
    urls: tuple[str, ...] = field(repr=False)
    rules: Rules
    fetch: FetchLimits = FetchLimits()
    limits: Limits = Limits()
    timing: Timing = Timing()
    about: About = About()

    @property
    def format(self) -> str:
        return self.rules.format


@dataclass(frozen=True, slots=True, order=True)
class VirtualService:
    """
    One address and port that clients connect to, as in ``192.0.2.80:80``.
    """

    family: int
    address: str
    port: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.family == 6 else self.address
        suffix = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{host}:{self.port}{suffix}"


class Backend(StrEnum):
    """
    What holds a set in the kernel and marks its packets: an ipset and a rule of iptables, or a
    table of nftables.
    """

    IPSET = "ipset"
    NFTABLES = "nftables"

    @property
    def other(self) -> Backend:
        return Backend.NFTABLES if self is Backend.IPSET else Backend.IPSET


@dataclass(frozen=True, slots=True)
class Split:
    """
    A set whose addresses have several marks: which one, the label *by* decides that the feeds
    carry, such as ``country``.
    """

    by: str
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetSpec:
    """
    What one set should be: the union of *feeds*, less *exclude*, marked with *mark* by *backend*.

    Of a set with a *split*, *mark* is the first of its marks.

    With *max_prefixes* or *max_extra*, of which at most one is given, it holds more addresses in
    fewer prefixes, see `proxyfeed.cover`: at most so many prefixes, or at most that share of each
    family's addresses more.

    *families* are the address families that the kernel serves. *protect* holds the ranges that must
    never be in it: virtual services and real servers of the set included.
    """

    name: str
    feeds: tuple[str, ...]
    mark: int
    mask: int = 0xFFFFFFFF
    virtual: tuple[VirtualService, ...] = ()
    exclude: PrefixSet = PrefixSet()
    protect: PrefixSet = PrefixSet()
    families: tuple[int, ...] = (4, 6)
    install_rule: bool = True
    backend: Backend = Backend.IPSET
    split: Split | None = None
    max_prefixes: int | None = None
    max_extra: float | None = None

    @property
    def marks(self) -> tuple[int, ...]:
        return self.split.marks if self.split else (self.mark,)

    @property
    def marking(self) -> str:
        """
        The marks and the mask in words: ``0xb,0xc/0xffffffff``.
        """
        return f"{','.join(f'{mark:#x}' for mark in self.marks)}/{self.mask:#x}"

    @property
    def covering(self) -> str:
        """
        What asks for fewer prefixes, as it is written: ``max_extra = "1 %"``; "" for nothing.
        """
        if self.max_prefixes is not None:
            return f"max_prefixes = {self.max_prefixes}"
        return "" if self.max_extra is None else f'max_extra = "{self.max_extra * 100:.10g} %"'
