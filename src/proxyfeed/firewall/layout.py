"""
What should stand in the kernel for a set, in the words of its backend. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from proxyfeed.firewall import ipset, nft, rule
from proxyfeed.firewall.members import in_order, read_entries, to_entries
from proxyfeed.marked import MarkedSet
from proxyfeed.model import Backend, LiveSet, MarkedKey, Member, SetSpec
from proxyfeed.prefixes import PrefixSet

ADDRESS_KINDS = frozenset({ipset.NET, *nft.ADDRESSES.values()})
MARKED_KINDS = frozenset({ipset.MARKED, *nft.MARKED.values()})
_SERVICE_KINDS = frozenset({ipset.SERVICE, *nft.SERVICES.values()})


@dataclass(frozen=True, slots=True)
class Target:
    """
    One set of the kernel as it should be: its *members* in order, and the same as *entries* that
    are listed.
    """

    name: str
    type: str
    family: int
    members: tuple[Member, ...]
    entries: frozenset[str]

    @classmethod
    def of(cls, name: str, kind: str, family: int, members: Collection[Member]) -> Target:
        ordered = in_order(members)
        return cls(name, kind, family, ordered, frozenset(to_entries(family, ordered)))


@dataclass(frozen=True, slots=True)
class Change:
    """
    What a set of the kernel lacks, and what it holds that it should not, be it *odd*.
    """

    add: frozenset[Member]
    delete: frozenset[Member]
    odd: tuple[str, ...]

    @property
    def is_nothing(self) -> bool:
        return not (self.add or self.delete or self.odd)


def targets(spec: SetSpec, desired: PrefixSet) -> Iterator[Target]:
    for family in spec.families:
        services = [service for service in spec.virtual if service.family == family]
        if services:
            members = {f"{one.address},{one.protocol}:{one.port}" for one in services}
            yield _service_target(spec, family, members)
        yield _address_target(spec, family, desired)


def read_members(held: LiveSet, entries: Collection[str]) -> tuple[list[Member], tuple[str, ...]]:
    """
    Read some of the *entries* of one set of the kernel, and return apart those that are odd.
    """
    if held.type in _SERVICE_KINDS:
        return [*entries], ()
    is_marked = held.type == ipset.MARKED or " : " in held.type
    return read_entries(held.family, entries, is_marked=is_marked)


def compare(held: LiveSet, entries: frozenset[str]) -> Change:
    """
    Hold the listing of a set against the *entries* that it should have.

    By their text, so that only what differs is read: 0.2 s for 1,000,000, where to read them takes
    1.5 s. What is written in another way comes out as the same member, and does not differ.
    """
    add, _ = read_members(held, entries - held.entries)
    delete, odd = read_members(held, held.entries - entries)
    lacking, found = frozenset(add), frozenset(delete)
    return Change(lacking - found, found - lacking, (*held.odd, *odd))


def address_set(set_name: str, family: int, backend: Backend) -> str:
    """
    The kernel's name for the addresses of a set without a split.
    """
    if backend is Backend.NFTABLES:
        return nft.address_set(set_name, family)
    return ipset.net_set(set_name, family)


def marked_set(set_name: str, family: int, backend: Backend) -> str:
    """
    The kernel's name for the addresses of a set with a split.
    """
    if backend is Backend.NFTABLES:
        return nft.marked_set(set_name, family)
    return ipset.marked_set(set_name, family)


def wanted_rule(spec: SetSpec, family: int) -> str:
    """
    The MARK rule that should stand in the kernel, as it is read back.
    """
    if spec.backend is Backend.NFTABLES:
        return nft.wanted_rule(spec, family)
    return rule.wanted_rule(spec, family)


def is_of_addresses(found: LiveSet, family: int) -> bool:
    """
    Whether the members of a set are addresses of *family*, by which a rule marks. Those of a set of
    nftables are also where another hand has made it otherwise: ``ipv4_addr interval timeout``.
    """
    word, *features = found.type.split()
    is_known = found.type in (ipset.NET, ipset.MARKED) or (
        word in ("ipv4_addr", "ipv6_addr") and "." not in features
    )
    return is_known and found.family == family


def owner(name: str) -> str:
    """
    The set that an ipset or a table of ours belongs to: ``aol`` for ``inet proxyfeed_aol``.
    """
    if is_table(name):
        return name.removeprefix(nft.table_of("")).partition("_")[0]
    return ipset.owner_of(name)


def is_table(name: str) -> bool:
    return name.startswith(nft.table_of(""))


def _address_target(spec: SetSpec, family: int, desired: PrefixSet) -> Target:
    is_table = spec.backend is Backend.NFTABLES
    if spec.split:
        name = marked_set(spec.name, family, spec.backend)
        kind = nft.MARKED[family] if is_table else ipset.MARKED
        return Target.of(name, kind, family, _marked_members(spec, family, desired))
    name = address_set(spec.name, family, spec.backend)
    kind = nft.ADDRESSES[family] if is_table else ipset.NET
    return Target.of(name, kind, family, desired.keys(family))


def _marked_members(spec: SetSpec, family: int, desired: PrefixSet) -> frozenset[Member]:
    """
    Each part with its mark. What nobody has given a mark has none, and must not be in the set.
    """
    marks = desired.marks if isinstance(desired, MarkedSet) else ()
    return frozenset(
        MarkedKey(key, mark, spec.mask) for mark, part in marks for key in part.keys(family)
    )


def _service_target(spec: SetSpec, family: int, members: Collection[Member]) -> Target:
    if spec.backend is Backend.NFTABLES:
        name = nft.service_set(spec.name, family)
        return Target.of(name, nft.SERVICES[family], family, members)
    return Target.of(ipset.service_set(spec.name, family), ipset.SERVICE, family, members)
