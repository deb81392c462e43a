"""
What a version in the kernel means for packets: which are marked, and that none is missed meanwhile.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel.frames import Protocol
from tests.kernel.namespaces import Lab
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
    held,
    mark_rules,
    path_with,
    served,
)

from proxyfeed.converge import converge
from proxyfeed.model import Action, VirtualService
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


def test_exactly_the_addresses_of_each_version_are_marked(lab: Lab, variant: Path) -> None:
    firewall = firewall_in(lab.director, path_with(variant))
    sources = edges(*AOL_2007, *AOL_2009, *RELAYS, *RELAYS_LATER)
    assert len({source in OLD for source in sources}) == 2

    # The last is what a rollback does.
    for content in (OLD, NEW, OLD):
        converge(firewall, SPEC, content)
        assert marks(lab, sources) == expected(sources, content)


def test_only_packets_to_a_virtual_service_are_marked(lab: Lab, variant: Path) -> None:
    firewall = firewall_in(lab.director, path_with(variant))
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
        converge(firewall, replace(SPEC, virtual=virtual), OLD)
        for port, protocol in tried:
            is_served = (port, protocol) in {(one.port, one.protocol) for one in virtual[:6]}
            is_served = is_served and (port, protocol) != (8080, "udp")
            wanted = MARK if is_served else 0
            assert marks(lab, INSIDE, port, protocol) == dict.fromkeys(INSIDE, wanted)


def test_a_family_without_a_virtual_service_is_marked_whatever_it_asks_for(lab: Lab) -> None:
    only_ipv4 = tuple(service for service in served((80, "tcp")) if service.family == 4)

    converge(firewall_in(lab.director), replace(SPEC, virtual=only_ipv4), OLD)

    assert marks(lab, INSIDE, 443, "tcp") == dict(zip(INSIDE, (0, MARK), strict=True))


def test_bits_outside_the_mask_are_left_as_another_rule_set_them(lab: Lab, variant: Path) -> None:
    path = path_with(variant)
    for program in IPTABLES.values():
        lab.director.run(
            program,
            *["-t", "mangle", "-A", "PREROUTING", "-j", "MARK", "--set-xmark", "0x1f0/0xffffffff"],
            env={"PATH": path},
        )

    converge(firewall_in(lab.director, path), replace(SPEC, mask=0xFF), OLD)

    outside = ["64.12.95.255", "2001:db8::1"]
    assert marks(lab, INSIDE + outside) == {
        **dict.fromkeys(INSIDE, 0x101),
        **dict.fromkeys(outside, 0x1F0),
    }


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
def test_a_flood_sees_the_gap_of_a_set_of_ours_that_is_flushed_and_refilled(
    lab: Lab, family: int
) -> None:
    converge(firewall_in(lab.director), SPEC, OLD | MANY)
    adds = lab.director.run("ipset", "save", NET[family]).stdout.partition("\n")[2]
    sources = [source for source in LASTING if ipaddress.ip_address(source).version == family]

    with Flood(lab, sources, mark=MARK) as flood:
        lab.director.run("ipset", "restore", input=f"flush {NET[family]}\n{adds}" * 20)

    assert flood.unmarked > 0


@pytest.mark.parametrize(
    ("content", "action"), [(NEAR, Action.DELTA), (NEW | MANY, Action.REPLACE)]
)
def test_a_change_of_version_and_its_rollback_miss_no_packet(
    lab: Lab, variant: Path, content: PrefixSet, action: Action
) -> None:
    firewall = firewall_in(lab.director, path_with(variant))
    converge(firewall, SPEC, OLD)

    def change() -> None:
        for wanted in (content, OLD):
            applied = converge(firewall, SPEC, wanted)
            assert {planned.action for planned in applied.plan.sets} == {action}

    assert_none_missed(lab, change)


def test_tens_of_changes_in_a_row_miss_no_packet(lab: Lab) -> None:
    firewall = firewall_in(lab.director)
    converge(firewall, SPEC, OLD)

    def change() -> None:
        for _ in range(6):
            for content in (NEAR, NEW, NEW | MANY, OLD | MANY, OLD):
                converge(firewall, SPEC, content)

    assert_none_missed(lab, change)
    assert held(lab.director) == OLD


def test_a_change_of_virtual_services_misses_no_packet(lab: Lab, variant: Path) -> None:
    firewall = firewall_in(lab.director, path_with(variant))
    flooded = served((80, "udp"))
    several = flooded + served((443, "tcp"), (53, "udp"))
    converge(firewall, replace(SPEC, virtual=flooded), OLD)

    def change() -> None:
        for virtual in (several, flooded, (), several, (), flooded):
            converge(firewall, replace(SPEC, virtual=virtual), OLD)

    assert_none_missed(lab, change)


def test_a_change_of_the_mask_misses_no_packet(lab: Lab, variant: Path) -> None:
    firewall = firewall_in(lab.director, path_with(variant))
    converge(firewall, SPEC, OLD)

    def change() -> None:
        for mask in (0xFF, 0xFFFF, SPEC.mask):
            converge(firewall, replace(SPEC, mask=mask), OLD)

    assert_none_missed(lab, change)


def test_a_set_of_the_wrong_type_is_made_anew_and_misses_no_packet(lab: Lab, variant: Path) -> None:
    path = path_with(variant)
    converge(firewall_in(lab.director, path), replace(SPEC, install_rule=False), OLD)
    for family, program in IPTABLES.items():
        word = {4: "inet", 6: "inet6"}[family]
        lab.director.run("ipset", "destroy", NET[family])
        lab.director.run(*f"ipset create {NET[family]} hash:ip family {word}".split())
        rule = f"-m set --match-set {NET[family]} src -m comment --comment proxyfeed:aol -j MARK"
        lab.director.run(
            *f"{program} -t mangle -A PREROUTING {rule} --set-mark {MARK}".split(),
            env={"PATH": path},
        )
    for source in LASTING:
        family = ipaddress.ip_address(source).version
        lab.director.run("ipset", "add", NET[family], source)

    def change() -> None:
        applied = converge(firewall_in(lab.director, path), SPEC, OLD)
        assert {planned.action for planned in applied.plan.sets} == {Action.RETYPE}

    assert_none_missed(lab, change)
    assert held(lab.director) == OLD


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
