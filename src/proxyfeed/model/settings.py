"""
What is configured: feeds, their limits, and the sets that they fill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class HtmlRules:
    """
    How to find the wanted list in a page; see `proxyfeed.sources.html` for what each means.

    *selector* is a CSS selector for the part of the page to read. *heading*, *exclude* and
    *ignore* are phrases, compared as whole words without regard to case.
    """

    selector: str | None = None
    heading: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """
    Bounds of one fetch: *deadline* in seconds for all attempts at one URL together, *max_bytes*
    for the body, compressed as well as expanded.
    """

    deadline: float = 60.0
    max_bytes: int = 64 * 1024 * 1024
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
    max_age: timedelta | None = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Feed:
    """
    One published list. *urls* are tried in order: the live page, an archived copy, a saved file.
    """

    name: str
    urls: tuple[str, ...] = field(repr=False)
    format: str
    html: HtmlRules = HtmlRules()
    fetch: FetchLimits = FetchLimits()
    limits: Limits = Limits()
    note: str = ""


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


@dataclass(frozen=True, slots=True)
class SetSpec:
    """
    What one set should be: the union of *feeds*, less *exclude*, marked with *mark*.

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
