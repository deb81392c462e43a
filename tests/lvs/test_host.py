"""
The settings of a kernel, from a folder that stands for ``/proc/sys``, and what they mean.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from proxyfeed.errors import CommandFailed
from proxyfeed.lvs.addresses import addresses_of
from proxyfeed.lvs.host import remarks_on_director, remarks_on_real_server
from proxyfeed.lvs.processes import Daemon, daemons
from proxyfeed.lvs.sysctls import Sysctls
from proxyfeed.model import Forwarding, Grade, Remark, VirtualService

DR, TUN, NAT = Forwarding.DIRECT, Forwarding.TUNNEL, Forwarding.MASQUERADE
GOOD = {
    "net/ipv4/vs/expire_nodest_conn": 1,
    "net/ipv4/vs/expire_quiescent_template": 1,
    "net/ipv4/vs/conntrack": 0,
    "net/ipv4/ip_forward": 0,
    "net/ipv6/conf/all/forwarding": 0,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 1,
    "net/ipv4/conf/lo/rp_filter": 1,
    "net/ipv4/conf/lan/rp_filter": 2,
    "net/ipv4/conf/wan.7/rp_filter": 0,
}
QUIET = {
    f"net/ipv4/conf/{name}/{key}": value
    for name, values in {"all": (1, 2), "lo": (0, 0), "lan": (0, 0)}.items()
    for key, value in zip(("arp_ignore", "arp_announce"), values, strict=True)
}
VIRTUAL = (VirtualService(4, "192.0.2.80", 80), VirtualService(6, "2001:db8::80", 80))
HERE = (("lo", "192.0.2.80", 32), ("lo", "2001:db8::80", 128), ("lan", "192.0.2.11", 24))


def sysctls(root: Path, values: dict[str, int]) -> Sysctls:
    for name, value in values.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return Sysctls(root)


def wrong(remarks: list[Remark]) -> list[tuple[Grade, str]]:
    return [
        (one.grade, one.what.partition(":")[0])
        for one in remarks
        if one.grade not in (Grade.OK, Grade.NOTE)
    ]


def director(root: Path, changes: dict[str, int], *ways: tuple[Forwarding, int]) -> list[Remark]:
    return list(remarks_on_director(sysctls(root, {**GOOD, **changes}), ways or ((DR, 4),)))


def test_a_director_with_settings_that_fit_has_nothing_wrong(tmp_path: Path) -> None:
    assert wrong(director(tmp_path, {})) == []


@pytest.mark.parametrize("name", ["expire_nodest_conn", "expire_quiescent_template"])
def test_a_server_that_is_taken_out_must_not_keep_its_clients(tmp_path: Path, name: str) -> None:
    remarks = director(tmp_path, {f"net/ipv4/vs/{name}": 0})

    assert wrong(remarks) == [(Grade.WARNING, f"net.ipv4.vs.{name} is 0")]
    assert f"sysctl -w net.ipv4.vs.{name}=1" in [one.hint for one in remarks]


def test_without_ip_vs_its_settings_are_not_there_and_nothing_is_claimed_of_them(
    tmp_path: Path,
) -> None:
    found = list(remarks_on_director(sysctls(tmp_path, {}), ((DR, 4),)))

    assert [(one.grade, one.hint) for one in found] == [(Grade.WARNING, "modprobe ip_vs")] * 2


def test_nat_needs_forwarding_in_each_family_that_goes_by_it(tmp_path: Path) -> None:
    four, six = "net.ipv4.ip_forward is 0", "net.ipv6.conf.all.forwarding is 0"

    assert wrong(director(tmp_path, {}, (NAT, 4), (NAT, 6))) == [
        (Grade.BROKEN, four),
        (Grade.BROKEN, six),
    ]
    assert wrong(director(tmp_path, {}, (NAT, 6), (DR, 4))) == [(Grade.BROKEN, six)]
    assert wrong(director(tmp_path, {"net/ipv4/ip_forward": 1}, (NAT, 4))) == []


def test_strict_filters_matter_where_the_way_back_can_be_another(tmp_path: Path) -> None:
    strict = {"net/ipv4/conf/wan.7/rp_filter": 1}

    found = director(tmp_path, strict)
    ((grade, what),) = wrong(found)

    assert (grade, what) == (Grade.WARNING, "rp_filter is strict on wan.7")
    assert found[-1].hint == "sysctl -w net/ipv4/conf/wan.7/rp_filter=2"
    assert wrong(director(tmp_path, {"net/ipv4/conf/all/rp_filter": 2, **strict})) == []


def test_a_strict_filter_on_the_only_interface_drops_nobody(tmp_path: Path) -> None:
    few = {name: value for name, value in GOOD.items() if "wan.7" not in name}
    strict = {**few, "net/ipv4/conf/all/rp_filter": 1, "net/ipv4/conf/lan/rp_filter": 0}

    assert wrong(list(remarks_on_director(sysctls(tmp_path, strict), ((DR, 4),)))) == []


def real_server(
    root: Path,
    changes: dict[str, int],
    here: tuple[tuple[str, str, int], ...] = HERE,
    way: Forwarding = DR,
    virtual: tuple[VirtualService, ...] = VIRTUAL,
) -> list[tuple[Grade, str]]:
    found = sysctls(root, {**QUIET, **changes})
    return wrong(list(remarks_on_real_server(found, {way}, virtual, here)))


def test_a_real_server_that_has_the_address_and_keeps_quiet_has_nothing_wrong(
    tmp_path: Path,
) -> None:
    assert real_server(tmp_path, {}) == []


@pytest.mark.parametrize(("name", "least"), [("arp_ignore", 1), ("arp_announce", 2)])
def test_a_real_server_that_speaks_of_the_address_takes_it_from_the_director(
    tmp_path: Path, name: str, least: int
) -> None:
    loud = {f"net/ipv4/conf/all/{name}": 0}
    by_itself = {f"net/ipv4/conf/lan/{name}": least}

    assert real_server(tmp_path, loud) == [(Grade.BROKEN, f"{name} is below {least} on lan")]
    assert real_server(tmp_path, {**loud, **by_itself}) == []


def test_a_real_server_without_the_address_drops_what_it_is_sent(tmp_path: Path) -> None:
    assert real_server(tmp_path, {}, HERE[1:]) == [
        (Grade.BROKEN, "192.0.2.80 is no address of this machine")
    ]


def test_an_address_on_lo_with_a_whole_network_takes_that_network(tmp_path: Path) -> None:
    assert real_server(tmp_path, {}, (("lo", "192.0.2.80", 24), HERE[1])) == [
        (Grade.BROKEN, "192.0.2.80/24 is on lo")
    ]


def test_a_tunnel_must_be_there_and_must_not_be_filtered(tmp_path: Path) -> None:
    strict = {"net/ipv4/conf/tunl0/arp_ignore": 0, "net/ipv4/conf/tunl0/rp_filter": 1}
    quiet = {"net/ipv4/conf/tunl0/arp_announce": 0}
    quiet |= {f"net/ipv4/conf/ip6tnl0/{name}": 0 for name in ("arp_ignore", "arp_announce")}

    assert real_server(tmp_path, {}, way=TUN)[0][1].startswith("there is no tunl0")
    assert real_server(tmp_path, {}, way=TUN)[1][1].startswith("there is no ip6tnl0")
    assert real_server(tmp_path, {**strict, **quiet}, way=TUN) == [
        (Grade.BROKEN, "rp_filter is strict on tunl0")
    ]
    assert real_server(tmp_path, {"net/ipv4/conf/tunl0/rp_filter": 2}, way=TUN) == []


def test_of_a_family_that_is_not_served_no_tunnel_is_needed(tmp_path: Path) -> None:
    (six,) = (one for one in VIRTUAL if one.family == 6)
    there = {f"net/ipv4/conf/ip6tnl0/{name}": 0 for name in ("arp_ignore", "arp_announce")}

    assert real_server(tmp_path, there, way=TUN, virtual=(six,)) == []


def test_with_nat_a_real_server_needs_no_address_of_the_service(tmp_path: Path) -> None:
    assert real_server(tmp_path, {"net/ipv4/conf/all/arp_ignore": 0}, (), way=NAT) == []


LISTING = """\
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
1: lo    inet 192.0.2.80/32 scope global lo\\       valid_lft forever preferred_lft forever
2: tunl0    inet 192.0.2.80 peer 192.0.2.9/32 scope global tunl0\\       valid_lft forever
3: lan    inet6 2001:db8::80/128 scope global deprecated nodad \\       valid_lft forever
"""


def test_addresses_are_read_as_ip_prints_them() -> None:
    assert addresses_of(LISTING) == (
        ("lo", "127.0.0.1", 8),
        ("lo", "192.0.2.80", 32),
        ("tunl0", "192.0.2.80", 32),
        ("lan", "2001:db8::80", 128),
    )
    with pytest.raises(CommandFailed, match="something else than an address"):
        addresses_of("Object is unknown\n")


def test_daemons_are_those_of_this_network_namespace_the_eldest_of_each(tmp_path: Path) -> None:
    for pid, name, namespace in (
        ("self", "python", "net:[1]"),
        ("70", "keepalived", "net:[1]"),
        ("7", "keepalived", "net:[1]"),
        ("8", "keepalived", "net:[2]"),
        ("9", "ldirectord", "net:[2]"),
        ("10", "bash", "net:[1]"),
    ):
        (tmp_path / pid / "ns").mkdir(parents=True)
        (tmp_path / pid / "comm").write_text(f"{name}\n")
        (tmp_path / pid / "ns" / "net").symlink_to(namespace)
    (tmp_path / "11").mkdir()

    assert daemons(tmp_path) == (Daemon("keepalived", 7),)
    assert daemons(tmp_path / "nowhere") == ()
