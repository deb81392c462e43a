"""
What ``ipvsadm -Sn`` prints: ``saved.txt`` is of ipvsadm 1.31 on Linux 6.1.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.errors import CommandFailed
from proxyfeed.lvs.table import parse_table, service_of
from proxyfeed.model import Forwarding, LiveServer, LiveService
from proxyfeed.notation import BITS

SAVED = Path(__file__).with_name("saved.txt").read_text("ascii")
_FLAGS = {Forwarding.DIRECT: "-g", Forwarding.TUNNEL: "-i", Forwarding.MASQUERADE: "-m"}
_WORDS = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}


def printed(table: tuple[LiveService, ...]) -> str:
    """
    Print a table as ipvsadm does.
    """
    lines = []
    for one in table:
        name = f"{_WORDS.get(one.protocol)} {_endpoint(one.family, one.address, one.port)}"
        if one.protocol == "fwm":
            signed = one.mark - 2**32 if one.mark >= 2**31 else one.mark
            name = f"-f {signed}" + (" -6" if one.family == 6 else "")
        words = ["-A", name, "-s", one.scheduler]
        if one.persistence:
            words += ["-p", str(one.persistence)]
            if one.granularity != BITS[one.family]:
                words += ["-M", _mask(one)]
        lines.append(" ".join([*words, *one.odd]))
        for server in one.servers:
            endpoint = _endpoint(server.family, server.address, server.port)
            words = ["-a", name, "-r", endpoint, _FLAGS[server.forwarding], "-w"]
            lines.append(" ".join([*words, str(server.weight), *server.odd]))
    return "".join(f"{line}\n" for line in lines)


def _mask(one: LiveService) -> str:
    length = one.granularity
    return str(length) if one.family == 6 else str(IPv4Network((0, length)).netmask)


def _endpoint(family: int, address: str, port: int) -> str:
    return f"[{address}]:{port}" if family == 6 else f"{address}:{port}"


def test_a_table_of_a_real_kernel_is_read_and_prints_as_it_was() -> None:
    table = parse_table(SAVED)

    assert len(table) == 11
    # What -i alone means is printed for some servers only.
    assert printed(table) == SAVED.replace(" --tun-type ipip", "")


def test_each_family_has_a_service_of_the_same_mark() -> None:
    table = parse_table(SAVED)
    four, six = service_of(table, 1, 4), service_of(table, 1, 6)

    assert four
    assert (four.scheduler, four.persistence, four.granularity) == ("wlc", 3600, 0)
    assert [(one.address, one.weight) for one in four.servers] == [
        ("192.0.2.11", 1),
        ("192.0.2.12", 2),
    ]
    assert six
    assert (six.granularity, six.servers[0].address) == (1, "2001:db8::11")
    assert six.servers[1].forwarding is Forwarding.TUNNEL
    assert service_of(table, 2, 6) is None


def test_without_a_mask_each_client_has_a_template_of_its_own() -> None:
    table = parse_table("-A -f 3 -s rr -p 60\n-A -f 3 -6 -s rr -p 60\n-A -f 4 -s rr\n")

    assert [(one.persistence, one.granularity) for one in table] == [(60, 32), (60, 128), (0, 32)]


def test_a_great_mark_is_printed_as_a_negative_number() -> None:
    (service,) = parse_table("-A -f -1 -s rr\n")

    assert service.mark == 0xFFFFFFFF


def test_what_is_not_known_of_a_line_is_kept() -> None:
    table = parse_table(SAVED + "-A -f 9 -s rr --new thing\n")

    odd = {(one.mark, one.family): one.odd for one in table if one.odd}
    assert odd == {
        (3, 4): ("-b mh-fallback,mh-port",),
        (3, 6): ("-b sh-port",),
        (4, 4): ("-o",),
        (9, 4): ("--new", "thing"),
    }
    (gue,) = (server for one in table for server in one.servers if server.odd)
    assert gue.odd == ("--tun-type gue", "--tun-port 6080", "--tun-nocsum")


@pytest.mark.parametrize(
    "text",
    [
        "IP Virtual Server version 1.2.1 (size=4096)\n",
        "-A -f 1\n",
        "-A -f one -s rr\n",
        "-A -f 1 -f 2 -s rr\n",
        "-A -f 1 -t 192.0.2.80:80 -s rr\n",
        "-A -f 1 -s rr\n-a -f 1 -r 192.0.2.11:0 -w 1\n",
        "-A -f 1 -s rr\n-a -f 1 -r 192.0.2.11:0 -g -m -w 1\n",
        "-A -f 1 -s rr\n-a -f 1 -6 -r [2001:db8::11]:0 -g -w 1\n",
        "-A -f 1 -s rr\n-a -f 1 -r 192.0.2.11 -g -w 1\n",
        "-A -f 1 -s rr\n-D -f 1\n",
        "\n",
    ],
)
def test_a_line_that_is_none_of_a_table_leaves_nothing_to_be_believed(text: str) -> None:
    with pytest.raises(CommandFailed, match="is no line of a table"):
        parse_table(text)


_ADDRESSES = {
    4: st.ip_addresses(v=4).map(str),
    # An IPv4 address inside of one has two ways to be written.
    6: st.integers(1, 2**64).map(lambda low: f"2001:db8::{low % 0xFFFF + 1:x}"),
}


@st.composite
def services(draw: st.DrawFn) -> LiveService:
    family = draw(st.sampled_from([4, 6]))
    protocol = draw(st.sampled_from(["fwm", *_WORDS]))
    is_mark = protocol == "fwm"
    persistence = draw(st.integers(0, 2**31))
    least = {4: 0, 6: 1}[family]
    return LiveService(
        protocol=protocol,
        family=family,
        mark=draw(st.integers(1, 2**32 - 1)) if is_mark else 0,
        address="" if is_mark else draw(_ADDRESSES[family]),
        port=0 if is_mark else draw(st.integers(0, 65_535)),
        scheduler=draw(st.sampled_from(["rr", "wlc", "fo", "mh"])),
        persistence=persistence,
        granularity=(draw(st.integers(least, BITS[family])) if persistence else BITS[family]),
        servers=tuple(draw(st.lists(servers(family), max_size=3))),
        odd=tuple(draw(st.sampled_from([[], ["-o"], ["-b mh-port"]]))),
    )


@st.composite
def servers(draw: st.DrawFn, family: int) -> LiveServer:
    return LiveServer(
        family=family,
        address=draw(_ADDRESSES[family]),
        port=draw(st.integers(0, 65_535)),
        forwarding=draw(st.sampled_from(list(Forwarding))),
        weight=draw(st.integers(0, 65_535)),
    )


def _identity(one: LiveService) -> object:
    return one.protocol, one.family, one.mark, one.address, one.port


@given(st.lists(services(), unique_by=_identity, max_size=5).map(tuple))
def test_whatever_is_printed_is_read_as_it_was(table: tuple[LiveService, ...]) -> None:
    assert parse_table(printed(table)) == table
