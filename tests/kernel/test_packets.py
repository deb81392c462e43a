"""
`marks` and `Flood` see what they must see, shown on a set and a rule that are typed by hand.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kernel import packets
from tests.kernel.frames import PROTOCOL_NUMBERS, Protocol, build_frame
from tests.kernel.namespaces import SYSTEM_PATH, Lab
from tests.kernel.packets import MARKS_PORT, Flood, marks, open_wire

pytestmark = pytest.mark.kernel

IPTABLES = {4: "iptables", 6: "ip6tables"}
IPSET_FAMILY = {4: "inet", 6: "inet6"}
MARK = 7

# What is inside the hand-made sets, with the addresses on both sides of both edges.
INSIDE = {4: "198.51.100.64/26", 6: "2001:db8:1::/48"}
EDGES = {
    "198.51.100.63": 0,
    "198.51.100.64": MARK,
    "198.51.100.127": MARK,
    "198.51.100.128": 0,
    "2001:db8:0:ffff:ffff:ffff:ffff:ffff": 0,
    "2001:db8:1::": MARK,
    "2001:db8:1:ffff:ffff:ffff:ffff:ffff": MARK,
    "2001:db8:2::": 0,
}

# Enough that refilling takes long (0.05 s or more) next to the 4 microseconds between two packets.
MANY = {
    4: [f"100.{64 + n // 256}.{n % 256}.0/24" for n in range(12_000)],
    6: [f"2001:db9:{n:x}::/48" for n in range(12_000)],
}
# The last to come back when the set is refilled.
FLOODING = {
    4: [prefix.replace(".0/24", ".9") for prefix in MANY[4][-50:]],
    6: [prefix.replace("::/48", "::9") for prefix in MANY[6][-50:]],
}


def install_rule(lab: Lab, family: int, path: str = SYSTEM_PATH, dport: str | None = None) -> None:
    """
    Type the product's work by hand: an empty set of one family, and the rule that marks by it.
    """
    lab.director.run(*f"ipset create typed{family} hash:net family {IPSET_FAMILY[family]}".split())
    lab.director.run(
        IPTABLES[family],
        *["-t", "mangle", "-A", "PREROUTING"],
        *(("-p", "udp", "--dport", dport) if dport else ()),
        *f"-m set --match-set typed{family} src -j MARK --set-mark {MARK}".split(),
        env={"PATH": path},
    )


def adds(name: str, prefixes: list[str]) -> str:
    return "".join(f"add {name} {prefix}\n" for prefix in prefixes)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_exactly_the_addresses_of_a_set_are_seen_marked(
    lab: Lab, variant: Path, protocol: Protocol
) -> None:
    for family, prefix in INSIDE.items():
        install_rule(lab, family, path=f"{variant}:{SYSTEM_PATH}")
        lab.director.run("ipset", "add", f"typed{family}", prefix)

    assert marks(lab, list(EDGES), protocol=protocol) == EDGES


def test_without_a_rule_no_packet_is_seen_marked(lab: Lab) -> None:
    assert marks(lab, list(EDGES)) == dict.fromkeys(EDGES, 0)


def test_packets_go_to_the_port_that_was_asked_for(lab: Lab) -> None:
    install_rule(lab, 4, dport="8080")
    lab.director.run("ipset", "add", "typed4", INSIDE[4])

    assert marks(lab, ["198.51.100.64"], port=8080) == {"198.51.100.64": MARK}
    assert marks(lab, ["198.51.100.64"], port=80) == {"198.51.100.64": 0}


def test_a_mark_is_returned_under_the_source_as_it_was_written(lab: Lab) -> None:
    assert marks(lab, ["2001:DB8:1:0:0:0:0:1"]) == {"2001:DB8:1:0:0:0:0:1": 0}


def test_more_sources_than_a_socket_can_queue_are_all_seen(lab: Lab) -> None:
    sources = [f"198.18.{n // 250}.{n % 250 + 1}" for n in range(2_000)]

    assert marks(lab, sources) == dict.fromkeys(sources, 0)


def test_lost_packets_are_sent_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "ROUND_TRIP", 0.05)
    refuse_some(lab, "ip saddr 198.18.0.0/24 numgen inc mod 2 == 0 drop")
    sources = [f"198.18.0.{n}" for n in range(1, 41)]

    assert marks(lab, sources) == dict.fromkeys(sources, 0)


def test_a_source_whose_packets_never_arrive_is_named(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packets, "ROUND_TRIP", 0.05)
    monkeypatch.setattr(packets, "PATIENCE", 0.1)
    refuse_some(lab, "ip saddr 198.51.100.2 drop")

    with pytest.raises(AssertionError, match=r"from 1 of 2 sources: 198\.51\.100\.2$"):
        marks(lab, ["198.51.100.1", "198.51.100.2"])


def test_a_packet_of_somebody_else_is_not_taken_for_the_own(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_rule(lab, 4, dport="8080")
    lab.director.run("ipset", "add", "typed4", INSIDE[4])

    @contextlib.contextmanager
    def open_noisy_wire(lab: Lab) -> Iterator[socket.socket]:
        with open_wire(lab) as wire:
            wire.send(build_frame("198.51.100.64", 8080, protocol="udp", source_port=MARKS_PORT))
            yield wire

    monkeypatch.setattr(packets, "open_wire", open_noisy_wire)

    assert marks(lab, ["198.51.100.64"]) == {"198.51.100.64": 0}


def test_the_kernel_finds_every_checksum_right(lab: Lab) -> None:
    for protocol in PROTOCOL_NUMBERS:
        marks(lab, ["198.51.100.1", "2001:db8:1::1"], protocol=protocol)

    counters = read_protocol_counters(lab)
    # A datagram is found to have no port once its checksum is right, a segment counts before.
    assert (counters["UdpNoPorts"], counters["Udp6NoPorts"]) == (1, 1)
    assert (counters["TcpInSegs"], counters["TcpInCsumErrors"]) == (2, 0)


def read_protocol_counters(lab: Lab) -> dict[str, int]:
    # Tcp: RtoAlgorithm RtoMin ...
    # Tcp: 1 200 ...
    lines = lab.director.run("cat", "/proc/net/snmp").stdout.splitlines()
    counters: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, _, rest = names.partition(": ")
        numbers = [int(each) for each in values.split()[1:]]
        counters |= zip((protocol + name for name in rest.split()), numbers, strict=True)
    # Udp6NoPorts                         1
    lines = lab.director.run("cat", "/proc/net/snmp6").stdout.splitlines()
    return counters | {name: int(number) for name, number in map(str.split, lines)}


def refuse_some(lab: Lab, rule: str) -> None:
    table = (
        f"table inet lossy {{ chain in {{ type filter hook prerouting priority 0; {rule}; }}; }}\n"
    )
    lab.director.run("nft", "-f", "-", input=table)


@pytest.mark.parametrize("family", [4, 6])
def test_a_flood_sees_the_gap_of_flush_and_refill(lab: Lab, family: int) -> None:
    install_rule(lab, family)
    refill = f"flush typed{family}\n" + adds(f"typed{family}", MANY[family])
    lab.director.run("ipset", "restore", input=refill)

    with Flood(lab, FLOODING[family], mark=MARK) as flood:
        lab.director.run("ipset", "restore", input=refill)

    assert flood.unmarked > 0


@pytest.mark.parametrize("family", [4, 6])
def test_a_flood_sees_no_gap_in_a_swap(lab: Lab, family: int) -> None:
    install_rule(lab, family)
    lab.director.run("ipset", "restore", input=adds(f"typed{family}", MANY[family]))

    with Flood(lab, FLOODING[family], mark=MARK) as flood:
        lab.director.run(
            *("ipset", "restore"),
            input=f"create aside hash:net family {IPSET_FAMILY[family]}\n"
            + adds("aside", MANY[family])
            + f"swap aside typed{family}\ndestroy aside\n",
        )

    assert flood.unmarked == 0
    # Fewer would mean that the flood stood still while the set was changed.
    assert flood.marked == flood.sent > 1_000


def test_a_flood_is_spread_over_its_sources(lab: Lab) -> None:
    install_rule(lab, 4)
    lab.director.run("ipset", "add", "typed4", INSIDE[4])

    with Flood(lab, ["198.51.100.64", "198.51.100.128"], mark=MARK) as flood:
        lab.director.run("true")

    assert flood.marked == flood.unmarked == flood.sent / 2


def test_a_flood_counts_a_wrong_mark_as_none(lab: Lab) -> None:
    install_rule(lab, 4)
    lab.director.run("ipset", "add", "typed4", INSIDE[4])

    with Flood(lab, ["198.51.100.64"], mark=MARK + 1) as flood:
        pass

    assert (flood.marked, flood.unmarked) == (0, flood.sent)


def test_marks_are_read_during_a_flood_to_the_same_port(lab: Lab) -> None:
    with Flood(lab, ["198.51.100.64"]):
        assert marks(lab, list(EDGES)) == dict.fromkeys(EDGES, 0)


def test_a_flood_that_loses_packets_proves_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packets, "PATIENCE", 0.1)
    refuse_some(lab, "ip saddr 198.51.100.2 numgen inc mod 100 == 0 drop")

    with (
        pytest.raises(AssertionError, match="the wire is not lossless"),
        Flood(lab, ["198.51.100.2"]),
    ):
        pass


def test_a_flood_whose_sender_dies_proves_nothing(lab: Lab) -> None:
    with (
        pytest.raises(AssertionError, match="the flood's sender has failed"),
        Flood(lab, ["198.51.100.2"]) as flood,
    ):
        flood._sender.kill()


def test_a_flood_that_cannot_begin_says_so(lab: Lab) -> None:
    with (
        pytest.raises(AssertionError, match="the flood cannot begin"),
        Flood(lab, sources=[]),
    ):
        pass


def test_a_failure_during_a_flood_ends_it_and_is_not_hidden_by_a_loss(lab: Lab) -> None:
    refuse_some(lab, "ip saddr 198.51.100.2 drop")

    with pytest.raises(ZeroDivisionError), Flood(lab, ["198.51.100.2"]) as flood:
        _ = 1 / 0

    assert flood._sender.returncode == 0
    assert "flood" not in lab.director.run("nft", "list", "tables").stdout
