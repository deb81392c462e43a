"""
What a kernel holds of ours, as its own tools tell it, and what it looks like by each backend.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.kernel.namespaces import Namespace

# The members of each set: {"proxyfeed_relay_4": {"20.0.0.0/24", "20.0.2.1"}}.
Contents = dict[str, frozenset[str]]
_SAVES = (
    *("ipset save", "iptables-save -c", "ip6tables-save -c"),
    *("nft -a list ruleset inet", "nft -j list ruleset inet"),
)
_SEPARATOR = "=" * 8
_RESTORE = "ipset restore < 0 && iptables-restore -c < 1 && ip6tables-restore -c < 2 && nft -f 3"
_FORGET = (
    "iptables -t mangle -F && ip6tables -t mangle -F && ipset destroy && nft flush ruleset inet"
)
# What a scenario with a meddler takes out of the kernel, and what it puts in.
TAKEN, FOISTED = "20.0.0.0/24", "2a02:26f8::/48"


@dataclass(frozen=True, slots=True)
class Held:
    """
    One moment of a kernel: our sets, what is left over aside of them, our rules by who lists them.

    *text* changes with every write, also with one that brings back what was there: a set that is
    made anew has another ``initval`` or handle, and a rule that is put in anew counts from zero.
    """

    sets: Contents
    left_over: frozenset[str]
    rules: dict[str, tuple[str, ...]]
    text: str
    saved: tuple[str, ...]


class Kernel:
    """
    The sets and rules of *namespace*, whatever backend has made them; *folder* is for scripts.
    """

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self._namespace = namespace
        self._folder = folder

    def read(self) -> Held:
        script = f" && echo {_SEPARATOR} && ".join(_SAVES)
        *saved, tables = self._shell(script).split(f"{_SEPARATOR}\n")
        ipsets = _parse_ipsets(saved[0])
        aside = {name for name in ipsets if name.endswith("_new")}
        listed = {"iptables": saved[1], "ip6tables": saved[2], "nft": saved[3]}
        return Held(
            sets={name: ipsets[name] for name in ipsets.keys() - aside} | _parse_tables(tables),
            left_over=frozenset(aside),
            rules={program: tuple(_own_rules(text)) for program, text in listed.items()},
            text="".join(map(_without_remarks, saved)),
            saved=tuple(saved),
        )

    def restore(self, held: Held) -> None:
        """
        Make the kernel what it was when *held* was read.
        """
        for number, text in enumerate(held.saved):
            (self._folder / str(number)).write_text(text)
        self._shell(f"cd {self._folder} && {_FORGET} && {_RESTORE}")

    def forget(self) -> None:
        """
        Lose every set and rule, as a reboot does.
        """
        self._shell(_FORGET)

    @staticmethod
    def may_change_at(step: str) -> bool:
        """
        Whether the kernel may hold something else than before the step: a program has ended.
        """
        return step.startswith("ended ")

    def _shell(self, script: str) -> str:
        return self._namespace.run("sh", "-ec", script).stdout


class Backend(Protocol):
    """
    What one backend makes of a set ``relay``.

    *name* is its word in the configuration, *writer* the program that changes what is in force.
    """

    name: str
    writer: str
    # One command a line: `TAKEN` out, `FOISTED` in, and a rule out.
    meddling: str

    def expected(self, prefixes: frozenset[str], services: frozenset[str]) -> Contents:
        """
        The sets that hold *prefixes* and *services*, such as ``"192.0.2.80,tcp:80"``.
        """


class Ipset:
    name = "ipset"
    writer = "ipset restore"
    meddling = f"""
        ipset del proxyfeed_relay_4 {TAKEN}
        ipset add proxyfeed_relay_6 {FOISTED}
        iptables -t mangle -F
    """

    def expected(self, prefixes: frozenset[str], services: frozenset[str]) -> Contents:
        return {
            **{f"proxyfeed_relay_v{family}": _of_family(services, family) for family in (4, 6)},
            **{f"proxyfeed_relay_{family}": _of_family(prefixes, family) for family in (4, 6)},
        }


class Nftables:
    name = "nftables"
    writer = "nft -f -"
    meddling = f"""
        nft delete element inet proxyfeed_relay addresses_4 {{ {TAKEN} }}
        nft add element inet proxyfeed_relay addresses_6 {{ {FOISTED} }}
        nft flush chain inet proxyfeed_relay marking
    """

    def expected(self, prefixes: frozenset[str], services: frozenset[str]) -> Contents:
        table = "inet proxyfeed_relay"
        return {
            **{f"{table} services_{family}": _of_family(services, family) for family in (4, 6)},
            **{f"{table} addresses_{family}": _of_family(prefixes, family) for family in (4, 6)},
        }


IPSET, NFTABLES = Ipset(), Nftables()


def other_than(backend: Backend) -> Backend:
    return IPSET if backend is NFTABLES else NFTABLES


def _of_family(members: frozenset[str], family: int) -> frozenset[str]:
    # 192.0.2.80,tcp:80 is IPv4 too.
    return frozenset(one for one in members if (":" in one.partition(",")[0]) == (family == 6))


def _parse_ipsets(saved: str) -> Contents:
    members: dict[str, set[str]] = {}
    for line in saved.splitlines():
        # create proxyfeed_relay_4 hash:net family inet hashsize 1024 maxelem 65536 ...
        # add proxyfeed_relay_4 20.0.0.0/24
        verb, name, *rest = line.split()
        if name.startswith("proxyfeed_"):
            members.setdefault(name, set())
            if verb == "add":
                members[name].add(" ".join(rest))
    return {name: frozenset(found) for name, found in members.items()}


def _parse_tables(listed: str) -> Contents:
    found = {}
    for one in json.loads(listed)["nftables"]:
        made = one.get("set")
        if made and made["table"].startswith("proxyfeed_"):
            members = frozenset(map(_member, made.get("elem", ())))
            found[f"{made['family']} {made['table']} {made['name']}"] = members
    return found


def _member(listed: Any) -> str:
    """
    ``{"prefix": {"addr": "20.0.0.0", "len": 24}}`` or ``{"concat": ["192.0.2.80", "tcp", 80]}``.
    """
    if "prefix" in listed:
        return "{addr}/{len}".format(**listed["prefix"])
    if "concat" in listed:
        return "{},{}:{}".format(*listed["concat"])
    return str(listed)


def _own_rules(listed: str) -> Iterator[str]:
    # [0:0] -A PREROUTING -m set --match-set proxyfeed_relay_4 src ... --comment "proxyfeed:relay"
    #       ip saddr @addresses_4 counter packets 0 bytes 0 meta mark set ... # handle 7
    for line in listed.splitlines():
        if "proxyfeed:" in line or "mark set" in line:
            yield re.sub(r"\[\S+\] | # handle \d+", "", line.strip())


def _without_remarks(saved: str) -> str:
    # "# Generated by ...", with the time, and ":PREROUTING ACCEPT [12:720]", which counts packets.
    return "".join(f"{line}\n" for line in saved.splitlines() if line[:1] not in "#:")
