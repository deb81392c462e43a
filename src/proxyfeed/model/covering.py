"""
What a set holds beyond what its feeds list.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cover:
    """
    What a *set* holds beyond what its feeds list, because *setting* asks for fewer prefixes: the
    addresses *added* to those that are *listed*. It is not *is_reached* where no cover has so few.
    """

    set: str
    setting: str
    prefixes_listed: int
    prefixes: int
    listed_ipv4: int
    listed_ipv6: int
    added_ipv4: int
    added_ipv6: int
    is_reached: bool = True

    @property
    def outgrown(self) -> tuple[int, ...]:
        """
        The families of which more is added than there was.
        """
        ipv4 = (4,) if self.added_ipv4 > self.listed_ipv4 else ()
        ipv6 = (6,) if self.added_ipv6 > self.listed_ipv6 else ()
        return ipv4 + ipv6


@dataclass(frozen=True, slots=True)
class Covered:
    """
    A *set* that holds an address which none of its feeds gives it, by a *prefix* of its cover.
    """

    set: str
    prefix: str
    setting: str
