"""
proxyfeed at work in a namespace of the tests, and what the kernel holds as others see it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.kernel.namespaces import SYSTEM_PATH, VIP, Namespace

from proxyfeed.firewall import Firewall, Runner
from proxyfeed.model import SetSpec, VirtualService
from proxyfeed.prefixes import PrefixSet

FAMILIES = (4, 6)
IPTABLES = {4: "iptables", 6: "ip6tables"}
MARK = 1
SPEC = SetSpec("aol", ("aol",), MARK)
NET = {4: "proxyfeed_aol_4", 6: "proxyfeed_aol_6"}

# AOL's proxies as they were published on 2007-02-03: not sorted, not aggregated.
AOL_2007 = [
    *("64.12.96.0/19", "149.174.160.0/20", "152.163.240.0/21", "152.163.248.0/22"),
    *("152.163.252.0/23", "152.163.96.0/22", "152.163.100.0/23", "195.93.32.0/22"),
    *("195.93.48.0/22", "195.93.64.0/19", "195.93.96.0/19", "195.93.16.0/20", "198.81.0.0/22"),
    *("198.81.16.0/20", "198.81.8.0/23", "202.67.64.128/25", "205.188.192.0/20"),
    *("205.188.208.0/23", "205.188.112.0/20", "205.188.146.144/30", "207.200.112.0/21"),
]
# And as they were in about 2009.
AOL_2009 = [
    *(row for row in AOL_2007 if not row.startswith(("149.174", "152.163", "195.93.32", "202.67"))),
    "202.67.65.128/25",
]
# Of the lengths that iCloud Private Relay publishes, and one address.
RELAYS = ["2001:db8:1000::/45", "2001:db8:2000:1::/64", "2001:db8:2000:3::/64", "2001:db8:3000::9"]
RELAYS_LATER = ["2001:db8:1000::/46", "2001:db8:2000::/63", "2001:db8:3000::8/127"]
OLD = PrefixSet.parse(AOL_2007 + RELAYS)
NEW = PrefixSet.parse(AOL_2009 + RELAYS_LATER)
# Like the old, but for one prefix of each family, of a length that others have too.
NEAR = (OLD | PrefixSet.parse(["198.51.100.0/22", "2001:db8:2000:5::/64"])) - PrefixSet.parse(
    ["198.81.0.0/22", "2001:db8:2000:3::/64"]
)
# In all of them.
LASTING = ["64.12.96.0", "198.81.8.1", "207.200.119.255", "2001:db8:1000::1", "2001:db8:2000:1::9"]


@dataclass(frozen=True, slots=True)
class RecordingRunner(Runner):
    """
    A `Runner` that remembers its *commands*.
    """

    commands: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        self.commands.append(tuple(argv))
        return Runner.run(self, argv, script)


def record(namespace: Namespace, path: str = SYSTEM_PATH) -> RecordingRunner:
    return RecordingRunner(prefix=namespace.argv, path=path)


def firewall_in(namespace: Namespace, path: str = SYSTEM_PATH) -> Firewall:
    return Firewall(record(namespace, path))


def path_with(directory: Path) -> str:
    """
    A search path where the programs of *directory* come first.
    """
    return f"{directory}:{SYSTEM_PATH}"


def served(*ports: tuple[int, str]) -> tuple[VirtualService, ...]:
    """
    Virtual services of both families, such as ``(53, "udp")``, at the addresses of the director.
    """
    return tuple(
        VirtualService(family, VIP[family], port, protocol)
        for family in FAMILIES
        for port, protocol in ports
    )


def held(namespace: Namespace) -> PrefixSet:
    """
    The addresses that the kernel holds in both families.
    """
    return PrefixSet.parse(members(namespace))


def members(namespace: Namespace) -> list[str]:
    """
    What the kernel holds in both families, by its own listing: 198.51.100.0/24, 192.0.2.1, ...
    """
    saved = [namespace.run("ipset", "save", name).stdout for name in NET.values()]
    return [line.split()[2] for text in saved for line in text.splitlines()[1:]]


def set_names(namespace: Namespace) -> set[str]:
    return set(namespace.run("ipset", "list", "-n").stdout.split())


def mark_rules(namespace: Namespace, program: str, path: str = SYSTEM_PATH) -> list[str]:
    """
    The rules of mangle PREROUTING, as *program* of *path* lists them, without the policy.
    """
    command = (program, "-t", "mangle", "-S", "PREROUTING")
    listing = namespace.run(*command, env={"PATH": path}).stdout
    return listing.replace('"', "").splitlines()[1:]


def unseen_legacy_tables(namespace: Namespace) -> list[str]:
    """
    Say why legacy tables are not seen here, which only the host's own root can list.
    """
    listed = namespace.run("cat", "/proc/net/ip_tables_names", check=False)
    return [f"legacy tables cannot be listed: {listed.stderr.strip()}"] if listed.stderr else []


def by_hand(namespace: Namespace, commands: str) -> None:
    """
    Type *commands*, one a line, as an operator would.
    """
    for command in commands.strip().splitlines():
        namespace.run(*command.split())


def link(directory: Path, **programs: str) -> Path:
    """
    Make each name in *directory* a link to the program of the system that stands for it.
    """
    for name, program in programs.items():
        found = shutil.which(program, path=SYSTEM_PATH)
        assert found
        (directory / name).symlink_to(found)
    return directory


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
