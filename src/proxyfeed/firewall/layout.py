"""
What should stand in the kernel for a set, in the words of its backend. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proxyfeed.firewall import ipset, nft, rule
from proxyfeed.marked import MarkedSet
from proxyfeed.model import Backend, LiveSet, MarkedKey, Member, SetSpec
from proxyfeed.prefixes import PrefixSet

ADDRESS_KINDS = frozenset({ipset.NET, *nft.ADDRESSES.values()})
MARKED_KINDS = frozenset({ipset.MARKED, *nft.MARKED.values()})


@dataclass(frozen=True, slots=True)
class Target:
    """
    One set of the kernel as it should be.
    """

    name: str
    type: str
    family: int
    members: frozenset[Member]


def targets(spec: SetSpec, desired: PrefixSet) -> Iterator[Target]:
    for family in spec.families:
        services = [service for service in spec.virtual if service.family == family]
        if services:
            members = (f"{one.address},{one.protocol}:{one.port}" for one in services)
            yield _service_target(spec, family, frozenset(members))
        yield _address_target(spec, family, desired)


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
        return Target(name, kind, family, _marked_members(spec, family, desired))
    name = address_set(spec.name, family, spec.backend)
    kind = nft.ADDRESSES[family] if is_table else ipset.NET
    return Target(name, kind, family, frozenset(desired.keys(family)))


def _marked_members(spec: SetSpec, family: int, desired: PrefixSet) -> frozenset[Member]:
    """
    Each part with its mark. What nobody has given a mark has none, and must not be in the set.
    """
    marks = desired.marks if isinstance(desired, MarkedSet) else ()
    return frozenset(
        MarkedKey(key, mark, spec.mask) for mark, part in marks for key in part.keys(family)
    )


def _service_target(spec: SetSpec, family: int, members: frozenset[Member]) -> Target:
    if spec.backend is Backend.NFTABLES:
        name = nft.service_set(spec.name, family)
        return Target(name, nft.SERVICES[family], family, members)
    return Target(ipset.service_set(spec.name, family), ipset.SERVICE, family, members)
