"""
What a version in the kernel means for packets: which are marked, and that none is missed meanwhile.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel.backends import EITHER, KernelBackend, NftBackend, all_names
from tests.kernel.frames import Protocol
from tests.kernel.namespaces import Lab, Namespace
from tests.kernel.packets import Flood, marks
from tests.kernel.product import (
    AOL_2007,
    AOL_2009,
    FAMILIES,
    IPTABLES,
    LASTING,
    MARK,
    NEAR,
    NET,
    NEW,
    OLD,
    RELAYS,
    RELAYS_LATER,
    SPEC,
    firewall_in,
    mark_rules,
    path_with,
    served,
)

from proxyfeed.converge import converge
from proxyfeed.model import Action, Backend, VirtualService
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

INSIDE = ["64.12.96.1", "2001:db8:1000::1"]
# Enough that each family is filled aside and swapped.
MANY = PrefixSet.parse(
    [f"100.64.{n}.0/25" for n in range(70)] + [f"2001:db8:4000:{n:x}::/65" for n in range(70)]
)


def edges(*rows: str) -> list[str]:
    """
    The first and the last address of each range, and their neighbours outside.
    """
    networks = [ipaddress.ip_network(row) for row in rows]
    found = [
        each
        for network in networks
        for each in (network[0] - 1, network[0], network[-1], network[-1] + 1)
    ]
    return sorted({str(each) for each in found})


def expected(sources: Sequence[str], content: PrefixSet) -> dict[str, int]:
    return {source: MARK if source in content else 0 for source in sources}


# ------------------------------------------------------------------ which packets are marked


def test_exactly_the_addresses_of_each_version_are_marked(lab: Lab, backend: KernelBackend) -> None:
    firewall = backend.firewall(lab.director)
    sources = edges(*AOL_2007, *AOL_2009, *RELAYS, *RELAYS_LATER)
    assert len({source in OLD for source in sources}) == 2

    # The last is what a rollback does.
    for content in (OLD, NEW, OLD):
        converge(firewall, backend.spec, content)
        assert marks(lab, sources) == expected(sources, content)


def test_only_packets_to_a_virtual_service_are_marked(lab: Lab, backend: KernelBackend) -> None:
    firewall = backend.firewall(lab.director)
    several = served((80, "tcp"), (443, "tcp"), (53, "udp"))
    elsewhere = (
        VirtualService(4, "192.0.2.81", 8080, "udp"),
        VirtualService(6, "2001:db8::81", 8080, "udp"),
    )
    tried: list[tuple[int, Protocol]] = [
        *((80, "tcp"), (443, "tcp"), (53, "udp"), (80, "udp"), (53, "tcp"), (81, "tcp")),
        (8080, "udp"),
    ]

    for virtual in (several, several[:1] + several[3:4], elsewhere, several + elsewhere):
        converge(firewall, replace(backend.spec, virtual=virtual), OLD)
        for port, protocol in tried:
            is_served = (port, protocol) in {(one.port, one.protocol) for one in virtual[:6]}
            is_served = is_served and (port, protocol) != (8080, "udp")
            wanted = MARK if is_served else 0
            assert marks(lab, INSIDE, port, protocol) == dict.fromkeys(INSIDE, wanted)


@EITHER
def test_a_family_without_a_virtual_service_is_marked_whatever_it_asks_for(
    lab: Lab, backend: KernelBackend
) -> None:
    only_ipv4 = tuple(service for service in served((80, "tcp")) if service.family == 4)

    converge(backend.firewall(lab.director), replace(backend.spec, virtual=only_ipv4), OLD)

    assert marks(lab, INSIDE, 443, "tcp") == dict(zip(INSIDE, (0, MARK), strict=True))


def test_bits_outside_the_mask_are_left_as_another_rule_set_them(
    lab: Lab, backend: KernelBackend
) -> None:
    for program in IPTABLES.values():
        lab.director.run(
            program,
            *["-t", "mangle", "-A", "PREROUTING", "-j", "MARK", "--set-xmark", "0x1f0/0xffffffff"],
            env={"PATH": backend.path},
        )

    converge(backend.firewall(lab.director), replace(backend.spec, mask=0xFF), OLD)

    outside = ["64.12.95.255", "2001:db8::1"]
    assert marks(lab, INSIDE + outside) == {
        **dict.fromkeys(INSIDE, 0x101),
        **dict.fromkeys(outside, 0x1F0),
    }


@EITHER
@pytest.mark.parametrize(
    ("mark", "mask", "before"),
    [
        (0x10, 0xF0, 0xFFFFFFFF),
        (0x80000000, 0x80000000, 0x7FFFFFFF),
        (0x80000000, 0xC0000001, 0x40000001),
        (6, 0xFFFF, 0x12345678),
    ],
)
def test_the_bits_of_the_mask_and_no_others_become_the_mark(
    lab: Lab, backend: KernelBackend, mark: int, mask: int, before: int
) -> None:
    script = f"""
    table inet earlier {{
        chain c {{ type filter hook prerouting priority raw; meta mark set {before:#x}; }}
    }}
    """
    lab.director.run("nft", "-f", "-", input=script)

    converge(backend.firewall(lab.director), replace(backend.spec, mark=mark, mask=mask), OLD)

    assert marks(lab, INSIDE) == dict.fromkeys(INSIDE, before & ~mask | mark)


# ------------------------------------------------------------------ that none is missed


def assert_none_missed(lab: Lab, change: Callable[[], object]) -> None:
    """
    Do *change* under a flood from addresses that the old and the new content share.
    """
    with Flood(lab, LASTING, mark=MARK) as flood:
        change()
    assert flood.unmarked == 0
    assert flood.marked == flood.sent > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_flood_sees_the_gap_of_an_ipset_of_ours_that_is_flushed_and_refilled(
    lab: Lab, family: int
) -> None:
    converge(firewall_in(lab.director), SPEC, OLD | MANY)
    adds = lab.director.run("ipset", "save", NET[family]).stdout.partition("\n")[2]
    sources = [source for source in LASTING if ipaddress.ip_address(source).version == family]

    with Flood(lab, sources, mark=MARK) as flood:
        lab.director.run("ipset", "restore", input=f"flush {NET[family]}\n{adds}" * 20)

    assert flood.unmarked > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_flood_sees_the_gap_of_a_table_that_is_changed_in_two_transactions(
    lab: Lab, family: int
) -> None:
    nftables = NftBackend()
    converge(nftables.firewall(lab.director), nftables.spec, OLD | MANY)
    name = nftables.addresses(family)
    entries = ", ".join((OLD | MANY).family(family).lines())
    sources = [source for source in LASTING if ipaddress.ip_address(source).version == family]

    with Flood(lab, sources, mark=MARK) as flood:
        for _ in range(3):
            lab.director.run("nft", "flush", "set", *name.split())
            lab.director.run("nft", "-f", "-", input=f"add element {name} {{ {entries} }}\n")

    assert flood.unmarked > 0


@pytest.mark.parametrize(
    ("content", "action"), [(NEAR, Action.DELTA), (NEW | MANY, Action.REPLACE)]
)
def test_a_change_of_version_and_its_rollback_miss_no_packet(
    lab: Lab, backend: KernelBackend, content: PrefixSet, action: Action
) -> None:
    firewall = backend.firewall(lab.director)
    converge(firewall, backend.spec, OLD)
    # A table is always filled anew.
    way = action if backend.spec.backend is Backend.IPSET else Action.REPLACE

    def change() -> None:
        for wanted in (content, OLD):
            applied = converge(firewall, backend.spec, wanted)
            assert {planned.action for planned in applied.plan.sets} == {way}

    assert_none_missed(lab, change)


@EITHER
def test_tens_of_changes_in_a_row_miss_no_packet(lab: Lab, backend: KernelBackend) -> None:
    firewall = backend.firewall(lab.director)
    converge(firewall, backend.spec, OLD)

    def change() -> None:
        for _ in range(6):
            for content in (NEAR, NEW, NEW | MANY, OLD | MANY, OLD):
                converge(firewall, backend.spec, content)

    assert_none_missed(lab, change)
    assert backend.held(lab.director) == OLD


def test_a_change_of_virtual_services_misses_no_packet(lab: Lab, backend: KernelBackend) -> None:
    firewall = backend.firewall(lab.director)
    flooded = served((80, "udp"))
    several = flooded + served((443, "tcp"), (53, "udp"))
    converge(firewall, replace(backend.spec, virtual=flooded), OLD)

    def change() -> None:
        for virtual in (several, flooded, (), several, (), flooded):
            converge(firewall, replace(backend.spec, virtual=virtual), OLD)

    assert_none_missed(lab, change)


def test_a_change_of_the_mask_misses_no_packet(lab: Lab, backend: KernelBackend) -> None:
    firewall = backend.firewall(lab.director)
    converge(firewall, backend.spec, OLD)

    def change() -> None:
        for mask in (0xFF, 0xFFFF, SPEC.mask):
            converge(firewall, replace(backend.spec, mask=mask), OLD)

    assert_none_missed(lab, change)


@EITHER
@pytest.mark.parametrize("kept", FAMILIES)
def test_a_family_that_goes_and_comes_back_leaves_the_packets_of_the_other_marked(
    lab: Lab, backend: KernelBackend, kept: int
) -> None:
    firewall = backend.firewall(lab.director)
    converge(firewall, backend.spec, OLD)
    sources = [source for source in LASTING if ipaddress.ip_address(source).version == kept]

    with Flood(lab, sources, mark=MARK) as flood:
        for families in ((kept,), FAMILIES, (kept,)):
            converge(firewall, replace(backend.spec, families=families), OLD)

    assert flood.unmarked == 0
    assert flood.marked == flood.sent > 0


def make_wrong_ipsets(namespace: Namespace, path: str) -> None:
    """
    Let sets of single addresses stand in the place of ours, with our rule.
    """
    for family, program in IPTABLES.items():
        word = {4: "inet", 6: "inet6"}[family]
        namespace.run("ipset", "destroy", NET[family])
        namespace.run(*f"ipset create {NET[family]} hash:ip family {word}".split())
        rule = f"-m set --match-set {NET[family]} src -m comment --comment proxyfeed:aol -j MARK"
        namespace.run(
            *f"{program} -t mangle -A PREROUTING {rule} --set-mark {MARK}".split(),
            env={"PATH": path},
        )
    for source in LASTING:
        family = ipaddress.ip_address(source).version
        namespace.run("ipset", "add", NET[family], source)


def make_wrong_table_sets(namespace: Namespace) -> None:
    """
    The same in our table.
    """
    lines = ["flush chain inet proxyfeed_aol marking"]
    for family, word in ((4, "ip"), (6, "ip6")):
        name = f"inet proxyfeed_aol addresses_{family}"
        entries = [one for one in LASTING if ipaddress.ip_address(one).version == family]
        match = f"{word} saddr @addresses_{family}"
        lines += [f"delete set {name}", f"add set {name} {{ type ipv{family}_addr; }}"]
        lines += [f"add element {name} {{ {', '.join(entries)} }}"]
        lines += [f"add rule inet proxyfeed_aol marking {match} meta mark set {MARK}"]
    namespace.run("nft", "-f", "-", input="\n".join(lines))


def test_a_set_of_the_wrong_type_is_made_anew_and_misses_no_packet(
    lab: Lab, backend: KernelBackend
) -> None:
    if backend.spec.backend is Backend.IPSET:
        without_rule = replace(backend.spec, install_rule=False)
        converge(backend.firewall(lab.director), without_rule, OLD)
        make_wrong_ipsets(lab.director, backend.path)
    else:
        converge(backend.firewall(lab.director), backend.spec, OLD)
        make_wrong_table_sets(lab.director)

    def change() -> None:
        applied = converge(backend.firewall(lab.director), backend.spec, OLD)
        assert {planned.action for planned in applied.plan.sets} == {Action.RETYPE}

    assert_none_missed(lab, change)
    assert backend.held(lab.director) == OLD


def test_a_table_in_which_another_hand_was_is_made_anew_and_misses_no_packet(lab: Lab) -> None:
    nftables = NftBackend()
    converge(nftables.firewall(lab.director), nftables.spec, OLD)

    def change() -> None:
        # Where the chain that is to go was emptied for a packet on its way, one in two was seen.
        for content in (NEW | MANY, OLD) * 5:
            lab.director.run("nft", "add", "chain", "inet", "proxyfeed_aol", "theirs")
            converge(nftables.firewall(lab.director), nftables.spec, content)

    assert_none_missed(lab, change)
    assert nftables.held(lab.director) == OLD
    assert "theirs" not in lab.director.run("nft", "list", "ruleset").stdout
    assert all_names(lab.director) == {"inet proxyfeed_aol"}


def test_a_change_of_the_iptables_variant_misses_no_packet(
    lab: Lab, variant: Path, tmp_path: Path
) -> None:
    # The host's own iptables is that of the other variant in one of the two cases.
    converge(firewall_in(lab.director), SPEC, OLD)

    assert_none_missed(
        lab, lambda: converge(firewall_in(lab.director, path_with(variant)), SPEC, NEW)
    )

    rules = [mark_rules(lab.director, f"iptables-{kind}") for kind in ("nft", "legacy")]
    assert sorted(map(len, rules)) == [0, 1]
