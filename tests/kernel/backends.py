"""
Either backend, as its own tools list it: what it holds of ours, and how a hand changes that.

Nothing here asks the product: the ipsets are read by ``ipset save`` and the table by ``nft -j``.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.product import (
    FAMILIES,
    IPTABLES,
    SPEC,
    RecordingRunner,
    mark_rules,
    record,
    set_names,
)

from proxyfeed.firewall import Firewall
from proxyfeed.model import Backend, SetSpec
from proxyfeed.prefixes import PrefixSet

OURS = "proxyfeed_"
# For tests in which it makes no difference which iptables there is.
EITHER = pytest.mark.parametrize("backend", ["ipset", "nftables"], indirect=True)
_PROTOCOL = {4: "ip", 6: "ip6"}


@dataclass(frozen=True)
class KernelBackend(ABC):
    """
    One backend at work on set ``aol``, with the programs of *path*.
    """

    path: str = SYSTEM_PATH

    @property
    @abstractmethod
    def spec(self) -> SetSpec:
        """
        The set that the tests apply.
        """

    def record(self, namespace: Namespace) -> RecordingRunner:
        return record(namespace, self.path)

    def firewall(self, namespace: Namespace) -> Firewall:
        return Firewall(self.record(namespace))

    def held(self, namespace: Namespace, set_name: str = "aol") -> PrefixSet:
        """
        The addresses that the kernel holds in both families.
        """
        return PrefixSet.parse(self.members(namespace, set_name))

    def members(self, namespace: Namespace, set_name: str = "aol") -> list[str]:
        """
        What the kernel holds in both families, of those sets that exist: 198.51.100.0/24, ...
        """
        contents = self.contents(namespace)
        names = [self.addresses(family, set_name) for family in FAMILIES]
        return [one for name in names for one in contents.get(name, [])]

    def names(self, namespace: Namespace) -> set[str]:
        """
        The sets of the kernel that are ours, and what else of ours should never stay.
        """
        return set(self.contents(namespace))

    @abstractmethod
    def addresses(self, family: int, set_name: str = "aol") -> str:
        """
        The kernel's name for a set of addresses.
        """

    @abstractmethod
    def services(self, family: int, set_name: str = "aol") -> str:
        """
        The kernel's name for a set of virtual services.
        """

    @abstractmethod
    def contents(self, namespace: Namespace) -> dict[str, list[str]]:
        """
        All sets of ours with their members, services as ``192.0.2.80,tcp:80``.
        """

    @abstractmethod
    def rules(self, namespace: Namespace, family: int) -> list[str]:
        """
        The rules of one family where ours stand, as the kernel's own tool lists them.
        """

    @abstractmethod
    def add(self, namespace: Namespace, family: int, *prefixes: str) -> None:
        """
        Add entries by hand.
        """

    @abstractmethod
    def delete(self, namespace: Namespace, family: int, *prefixes: str) -> None:
        """
        Delete entries by hand.
        """


class IpsetBackend(KernelBackend):
    """
    Ipsets, and rules of the iptables that is first in the path.
    """

    @property
    def spec(self) -> SetSpec:
        return SPEC

    def addresses(self, family: int, set_name: str = "aol") -> str:
        return f"{OURS}{set_name}_{family}"

    def services(self, family: int, set_name: str = "aol") -> str:
        return f"{OURS}{set_name}_v{family}"

    def contents(self, namespace: Namespace) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {
            name: [] for name in sorted(set_names(namespace)) if name.startswith(OURS)
        }
        for name, members in found.items():
            saved = namespace.run("ipset", "save", name).stdout.splitlines()[1:]
            members += [line.removeprefix(f"add {name} ") for line in saved]
        return found

    def rules(self, namespace: Namespace, family: int) -> list[str]:
        return mark_rules(namespace, IPTABLES[family], self.path)

    def add(self, namespace: Namespace, family: int, *prefixes: str) -> None:
        self._type(namespace, "add", family, prefixes)

    def delete(self, namespace: Namespace, family: int, *prefixes: str) -> None:
        self._type(namespace, "del", family, prefixes)

    def _type(self, namespace: Namespace, verb: str, family: int, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            namespace.run("ipset", verb, self.addresses(family), prefix)


class NftBackend(KernelBackend):
    """
    A table of nftables.
    """

    @property
    def spec(self) -> SetSpec:
        return replace(SPEC, backend=Backend.NFTABLES)

    def addresses(self, family: int, set_name: str = "aol") -> str:
        return f"inet {OURS}{set_name} addresses_{family}"

    def services(self, family: int, set_name: str = "aol") -> str:
        return f"inet {OURS}{set_name} services_{family}"

    def contents(self, namespace: Namespace) -> dict[str, list[str]]:
        listing = namespace.run("nft", "-j", "list", "ruleset").stdout
        sets = [one["set"] for one in json.loads(listing)["nftables"] if "set" in one]
        return {
            f"{one['family']} {one['table']} {one['name']}": [
                _element_text(element) for element in one.get("elem", [])
            ]
            for one in sets
            if one["table"].startswith(OURS)
        }

    def rules(self, namespace: Namespace, family: int) -> list[str]:
        listed = namespace.run(
            *("nft", "--stateless", "list", "chain", "inet", f"{OURS}aol", "marking"), check=False
        )
        lines = (line.strip() for line in listed.stdout.splitlines())
        return [line for line in lines if f"{_PROTOCOL[family]} saddr" in line]

    def add(self, namespace: Namespace, family: int, *prefixes: str) -> None:
        self._type(namespace, "add", family, prefixes)

    def delete(self, namespace: Namespace, family: int, *prefixes: str) -> None:
        self._type(namespace, "delete", family, prefixes)

    def _type(self, namespace: Namespace, verb: str, family: int, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            element = f"{{ {prefix} }}"
            namespace.run("nft", verb, "element", *self.addresses(family).split(), element)


def _element_text(element: Any) -> str:
    match element:
        case str():
            return element
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"range": [first, last]}:
            return f"{first}-{last}"
        case {"concat": [address, protocol, port]}:
            return f"{address},{protocol}:{port}"
    raise AssertionError(f"no entry of ours: {element}")


def all_names(namespace: Namespace) -> set[str]:
    """
    What either backend has of ours: ipsets, and tables.
    """
    tables = namespace.run("nft", "list", "tables").stdout.splitlines()
    ours = {line.removeprefix("table ") for line in tables if f" {OURS}" in line}
    return ours | {name for name in set_names(namespace) if name.startswith(OURS)}
