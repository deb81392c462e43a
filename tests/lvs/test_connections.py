"""
The kernel's table of connections, read from what ipvsadm printed in the lab (Linux 6.1, ipvsadm
1.31), and counted against what would change.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from proxyfeed.errors import CommandFailed
from proxyfeed.lvs.connections import read_connections
from proxyfeed.lvs.impact import impact_on
from proxyfeed.model import Connection, Diff, Fate, SetSpec, Split, Tally, VirtualService
from proxyfeed.model.versions import Remarked
from proxyfeed.notation import read_address
from proxyfeed.prefixes import PrefixSet

# Mark 1 is persistent for all together, mark 300 by address; both are fwmark services of the two
# families. 192.0.2.80:80, [2001:db8::80]:80 and 192.0.2.80:53/udp are persistent, port 443 is not.
PRINTED = Path(__file__).with_name("connections.txt").read_text("ascii")
HEAD = "\n".join(PRINTED.splitlines()[:2])
WEB = VirtualService(4, "192.0.2.80", 80)
WEB6 = VirtualService(6, "2001:db8::80", 80)
DNS = VirtualService(4, "192.0.2.80", 53, "udp")
SPEC = SetSpec("aol", ("aol",), 1, virtual=(WEB, WEB6))


def change(added: str = "", removed: str = "") -> Diff:
    return Diff(PrefixSet.parse(added.split()), PrefixSet.parse(removed.split()))


@pytest.fixture(scope="module")
def connections() -> tuple[Connection, ...]:
    return tuple(read_connections(PRINTED))


def test_each_line_is_one_connection_or_one_template(connections: tuple[Connection, ...]) -> None:
    assert len(connections) == len(PRINTED.splitlines()) - 2
    kinds = Counter((one.protocol, one.is_template) for one in connections)
    assert kinds == {("tcp", False): 23, ("udp", False): 2, ("tcp", True): 4, ("udp", True): 1,
                     ("ip", True): 4}  # fmt: skip


def test_a_connection_has_its_client_its_service_and_its_server() -> None:
    line = "TCP 14:59  ESTABLISHED [2a09:bac0::2]:48939 [2001:db8::80]:80  [fd00::12]:80"

    (one,) = read_connections(f"{HEAD}\n{line}\n")

    assert one == Connection(
        "tcp",
        read_address("2a09:bac0::2"),
        48939,
        read_address("2001:db8::80"),
        80,
        "fd00::12",
    )


def test_the_template_of_a_mark_tells_it_in_both_families(
    connections: tuple[Connection, ...],
) -> None:
    found = {(one.client[0], one.mark, one.server) for one in connections if one.mark}

    assert found == {
        (4, 1, "10.0.0.12"),
        (6, 1, "fd00::12"),
        (4, 300, "10.0.0.12"),
        (6, 300, "fd00::12"),
    }


def test_no_connections_are_none() -> None:
    assert list(read_connections(f"{HEAD}\n")) == []
    assert list(read_connections("")) == []


@pytest.mark.parametrize(
    "line",
    [
        "TCP 14:59  ESTABLISHED 198.51.100.4:36715 192.0.2.80:80",
        "TCP 14:59  ESTABLISHED client.example.net:36715 192.0.2.80:http 10.0.0.12:80",
        "TCP 14:59  ESTABLISHED 198.51.100.4:36715 192.0.2.80:http 10.0.0.12:80",
    ],
)
def test_a_line_that_cannot_be_understood_is_not_left_out(line: str) -> None:
    with pytest.raises(CommandFailed, match="says what cannot be understood"):
        list(read_connections(f"{HEAD}\n{line}\n"))


# ---------------------------------------------------------------- impact


def test_who_gains_the_mark_is_counted_by_real_server(connections: tuple[Connection, ...]) -> None:
    found = impact_on(SPEC, change(added="198.51.100.0/24 2001:db8:1::6"), connections)

    assert found.tallies == (
        Tally(Fate.GAINS, "10.0.0.11", clients=1, connections=2, templates=1),
        Tally(Fate.GAINS, "10.0.0.12", clients=1, connections=2, templates=1),
        Tally(Fate.GAINS, "fd00::11", clients=1, connections=2, templates=1),
    )


def test_who_loses_the_mark_has_connections_and_no_template_of_its_own(
    connections: tuple[Connection, ...],
) -> None:
    found = impact_on(SPEC, change(removed="64.12.96.0/19"), connections)

    assert found.tallies == (Tally(Fate.LOSES, "10.0.0.12", 2, connections=4, templates=0),)
    assert found.shared == 2


def test_only_the_services_and_the_marks_of_the_set_count(
    connections: tuple[Connection, ...],
) -> None:
    dns = SetSpec("dns", ("aol",), 300, virtual=(DNS,))

    found = impact_on(dns, change(removed="0.0.0.0/0 ::/0"), connections)

    assert (found.connections, found.templates, found.shared) == (2, 3, 0)
    everything = SetSpec("all", ("aol",), 300, families=(4,))
    assert impact_on(everything, change(), connections).connections == 17
    assert impact_on(SPEC, change(), connections).tallies == ()


def test_who_changes_its_mark_is_counted_too(connections: tuple[Connection, ...]) -> None:
    spec = SetSpec("aol", ("aol",), 1, split=Split("country", (1, 300)))
    moved = Remarked(300, 1, PrefixSet.parse(["152.163.189.0/24"]))

    found = impact_on(spec, Diff(PrefixSet(), PrefixSet(), (moved,)), connections)

    assert found.tallies == (Tally(Fate.CHANGES, "10.0.0.12", 1, connections=3, templates=1),)


def test_the_edges_of_a_range_are_in_it_and_their_neighbours_are_not() -> None:
    lines = [
        f"TCP 14:59  ESTABLISHED {client}:4000 192.0.2.80:80 10.0.0.12:80"
        for client in ("20.0.0.255", "20.0.1.0", "20.0.2.255", "20.0.3.0", "0.0.0.1")
    ]

    found = impact_on(
        SPEC, change(added="20.0.1.0/24 20.0.2.0/24"), read_connections("\n".join(lines))
    )

    assert (found.connections, found.tallies[0].clients) == (5, 2)


def test_a_hundred_thousand_connections_cost_as_many_lookups_and_no_algebra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A count of what is done, because a time would be of the machine.
    """
    lines = (
        f"TCP 1:00 NONE 20.{n >> 16}.{n >> 8 & 255}.{n & 255}:4000 192.0.2.80:80 10.0.0.1:1"
        for n in range(100_000)
    )
    connections = tuple(read_connections("\n".join(lines)))
    diff = Diff(PrefixSet.parse([f"20.0.{n}.0/25" for n in range(256)]), PrefixSet())
    built = Counter[str]()
    for name in ("__and__", "__or__", "__sub__"):
        original = getattr(PrefixSet, name)
        monkeypatch.setattr(
            PrefixSet, name, lambda *sets, do=original: built.update(["algebra"]) or do(*sets)
        )

    found = impact_on(SPEC, diff, connections)

    assert found.tallies == (Tally(Fate.GAINS, "10.0.0.1", 32_768, 32_768, 0),)
    assert not built
