"""
What is not ours stays as it is, byte for byte, whatever we do beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.kernel.backends import KernelBackend
from tests.kernel.namespaces import Namespace
from tests.kernel.product import (
    IPTABLES,
    NEAR,
    NET,
    NEW,
    OLD,
    SPEC,
    by_hand,
    firewall_in,
    held,
    mark_rules,
    served,
)

from proxyfeed.converge import converge, install_rules, remove_rules
from proxyfeed.firewall import Firewall
from proxyfeed.model import Action, SetSpec
from proxyfeed.planning import make_plan
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

SETS = """
ipset create blocked hash:net
ipset add blocked 203.0.113.0/24
ipset create proxyfeedx hash:ip,port comment counters
ipset add proxyfeedx 192.0.2.1,tcp:80 comment theirs packets 7 bytes 8
ipset create proxyfeed_other_4 hash:net maxelem 9
ipset add proxyfeed_other_4 198.51.100.0/25
ipset create proxyfeed_other_4_new hash:ip timeout 0
ipset create proxyfeed_aol hash:net family inet6
ipset add proxyfeed_aol 2001:db8::/64 nomatch
ipset create aol_4 hash:ip
"""
RULES = """
{ip} -t mangle -N theirs
{ip} -t mangle -A theirs -m comment --comment proxyfeed:other -j MARK --set-xmark 0x70/0xf0
{ip} -t mangle -A theirs -m comment --comment proxyfeed:aol2 -j RETURN
{ip} -t mangle -A PREROUTING -m comment --comment before -j theirs
{ip} -t mangle -A PREROUTING -m comment --comment x-proxyfeed:aol -j MARK --set-xmark 0x1/0xff
{ip} -t mangle -A POSTROUTING -j theirs
{ip} -t nat -A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 80
"""
AFTER = "{ip} -t mangle -A PREROUTING -m comment --comment after -j theirs"
NFT = """
table inet theirs {
    counter seen { }
    set blocked { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 } }
    chain prerouting { type filter hook prerouting priority mangle; ip saddr @blocked drop; }
}
table inet proxyfeedx {
    set addresses_4 { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 } }
    chain marking { type filter hook prerouting priority mangle; ip saddr @addresses_4 accept; }
}
table inet proxyfeed_other {
    map marks { type ipv4_addr : mark; elements = { 192.0.2.1 : 0x00000009 } }
    chain marking { type filter hook prerouting priority 0; meta mark set ip saddr map @marks; }
}
table ip proxyfeed_aol {
    set addresses_4 { type ipv4_addr; flags interval; }
    chain marking { type filter hook prerouting priority mangle; ip saddr @addresses_4 accept; }
}
"""
# As a user of systemd or firewalld may have; 1.0.6 prints it as JSON that cannot be read.
FLAGGED = "nft add table inet flagged { flags dormant; }"
NFT_TABLES = ("inet theirs", "inet proxyfeedx", "inet proxyfeed_other", "ip proxyfeed_aol")


def type_foreign(namespace: Namespace, commands: str, path: str) -> None:
    for program in IPTABLES.values():
        for command in commands.format(ip=program).strip().splitlines():
            namespace.run(*command.split(), env={"PATH": path})


def read_foreign(namespace: Namespace, path: str) -> list[str]:
    """
    Read all that the kernel holds, in order, without what is ours and without counters.
    """
    commands = ["ipset save", "nft list table inet flagged"]
    # With its handles: what is made anew has another one.
    commands += [f"nft -a -s list table {table}" for table in NFT_TABLES]
    # Table by table: to list the tables of iptables-legacy, one has to be the host's own root.
    commands += [
        f"{program}-save -t {table}" for program in IPTABLES.values() for table in ("mangle", "nat")
    ]
    text = "".join(namespace.run(*each.split(), env={"PATH": path}).stdout for each in commands)
    own = re.compile(r" proxyfeed_aol_v?[46] |--comment \"?proxyfeed:aol\"? ")
    return [
        re.sub(r"\[\d+:\d+\]", "", line)
        for line in text.splitlines()
        if not own.search(line) and not line.startswith("#")
    ]


Way = Callable[[Firewall, SetSpec], object]
WAYS: dict[str, Way] = {
    "first": lambda firewall, spec: converge(firewall, spec, OLD),
    "delta": lambda firewall, spec: converge(firewall, spec, NEAR),
    "replace": lambda firewall, spec: converge(firewall, spec, NEW),
    "services": lambda firewall, spec: converge(
        firewall, replace(spec, virtual=served((80, "tcp"), (53, "udp"))), NEW
    ),
    "mask": lambda firewall, spec: converge(firewall, replace(spec, mask=0xF), NEW),
    "rule removed": lambda firewall, spec: remove_rules(firewall, spec),
    "rule installed": lambda firewall, spec: install_rules(firewall, spec),
    "IPv6 no longer served": lambda firewall, spec: converge(
        firewall, replace(spec, families=(4,)), NEW
    ),
    "the other backend": lambda firewall, spec: converge(
        firewall, replace(spec, backend=spec.backend.other), NEW
    ),
    "and back": lambda firewall, spec: converge(firewall, spec, NEW),
}


def test_everything_foreign_survives_every_change(
    director: Namespace, backend: KernelBackend
) -> None:
    path = backend.path
    by_hand(director, SETS)
    director.run("nft", "-f", "-", input=NFT)
    by_hand(director, FLAGGED)
    type_foreign(director, RULES, path)
    before = read_foreign(director, path)

    changes = dict(WAYS)
    changes.pop("first")(backend.firewall(director), backend.spec)
    assert read_foreign(director, path) == before

    # Ours stands between theirs now.
    type_foreign(director, AFTER, path)
    before = read_foreign(director, path)
    for name, change in changes.items():
        change(backend.firewall(director), backend.spec)
        assert read_foreign(director, path) == before, name

    assert sum("--comment after" in line for line in before) == len(IPTABLES)
    assert sum(" proxyfeed" in line for line in before) == 10
    assert sum("handle" in line for line in before) > 10


def test_a_foreign_rule_that_looks_at_our_set_survives_its_replacement(
    director: Namespace,
) -> None:
    converge(firewall_in(director), SPEC, OLD)
    foreign = f"-A PREROUTING -m set --match-set {NET[4]} src -j ACCEPT"
    by_hand(director, f"iptables -t mangle {foreign}")

    applied = converge(firewall_in(director), SPEC, NEW)

    assert Action.REPLACE in {planned.action for planned in applied.plan.sets}
    assert foreign in mark_rules(director, "iptables")


def test_a_set_that_a_foreign_rule_looks_at_stays_when_it_is_no_longer_served(
    director: Namespace,
) -> None:
    converge(firewall_in(director), SPEC, OLD)
    foreign = f"-A PREROUTING -m set --match-set {NET[6]} src -j ACCEPT"
    by_hand(director, f"ip6tables -t mangle {foreign}")
    only_ipv4 = replace(SPEC, families=(4,))

    applied = converge(firewall_in(director), only_ipv4, NEW)

    # It is no reason to keep the new content out.
    assert f"{NET[6]} is no longer served and could not be removed" in " ".join(applied.notes)
    assert held(director) == PrefixSet(NEW.ipv4, OLD.ipv6)
    assert mark_rules(director, "ip6tables") == [foreign]
    assert not make_plan(only_ipv4, NEW, firewall_in(director).read(only_ipv4)).is_nothing
