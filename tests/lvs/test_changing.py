"""
From any table to the one that is wanted: in which order, and touching nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.lvs.test_table import printed, services

from proxyfeed.lvs.changing import changes_of
from proxyfeed.lvs.findings import remarks_on_marks
from proxyfeed.lvs.services import fwmark_services
from proxyfeed.lvs.table import parse_table
from proxyfeed.model import (
    Forwarding,
    Grade,
    LiveService,
    LvsSpec,
    RealServer,
    SetSpec,
    Split,
)

SPEC = SetSpec("aol", ("aol",), mark=1)
SERVERS = (
    RealServer(4, "192.0.2.11"),
    RealServer(4, "192.0.2.12", 2),
    RealServer(6, "2001:db8::11"),
)
LVS = LvsSpec(SERVERS, fallback=(RealServer(4, "192.0.2.13"),))
WANTED = """\
-A -f 1 -s wlc -p 3600 -M 0.0.0.0
-a -f 1 -r 192.0.2.11:0 -g -w 1
-a -f 1 -r 192.0.2.12:0 -g -w 2
-A -f 1 -6 -s wlc -p 3600 -M 1
-a -f 1 -6 -r [2001:db8::11]:0 -g -w 1
"""
FOREIGN = "-A -t 192.0.2.80:80 -s rr\n-a -t 192.0.2.80:80 -r 192.0.2.11:80 -g -w 1\n-A -f 7 -s rr\n"


def lines(text: str, spec: SetSpec = SPEC, lvs: LvsSpec = LVS) -> list[str]:
    changes = changes_of(spec.name, fwmark_services(spec, lvs), parse_table(text))
    return [line for change in changes for line in change.lines]


def carried_out(text: str, changes: list[str]) -> str:
    """
    The table after *changes*, as ipvsadm makes them: a stand-in for what the lab does for real.
    """
    table = {name: (head, dict(servers)) for name, head, servers in _taken_apart(text)}
    for line in changes:
        verb, _, rest = line.partition(" ")
        name = rest.partition(" -s ")[0].partition(" -r ")[0]
        if verb in ("-A", "-E"):
            assert (name in table) is (verb == "-E"), line
            table[name] = (f"-A {rest}", table.get(name, ("", {}))[1])
            continue
        endpoint, _, how = rest.partition(" -r ")[2].partition(" ")
        servers = table[name][1]
        assert (endpoint in servers) is (verb != "-a"), line
        if verb == "-d":
            del servers[endpoint]
            assert servers, f"no server is left after {line}"
        else:
            servers[endpoint] = how
    return "".join(
        "\n".join([head, *(f"-a {name} -r {one} {how}" for one, how in servers.items()), ""])
        for name, (head, servers) in table.items()
    )


def _taken_apart(text: str) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    for chunk in text.split("-A ")[1:]:
        head, *rest = chunk.splitlines()
        name = head.partition(" -s ")[0]
        servers = [line.partition(" -r ")[2].partition(" ") for line in rest]
        yield name, f"-A {head}", [(endpoint, how) for endpoint, _, how in servers]


def test_an_empty_table_gets_both_services_with_their_servers_at_once() -> None:
    assert lines(FOREIGN) == WANTED.splitlines()


def test_a_table_that_is_as_it_should_be_gets_nothing() -> None:
    assert lines(WANTED + FOREIGN) == []


def test_servers_are_added_and_changed_before_any_is_taken_out() -> None:
    there = """\
-A -f 1 -s rr -p 60 -o
-a -f 1 -r 192.0.2.99:0 -g -w 1
-a -f 1 -r 192.0.2.12:0 -m -w 2
-A -f 1 -6 -s wlc -p 3600 -M 1
-a -f 1 -6 -r [2001:db8::11]:0 -g -w 1
"""
    assert lines(there) == [
        "-E -f 1 -s wlc -p 3600 -M 0.0.0.0",
        "-a -f 1 -r 192.0.2.11:0 -g -w 1",
        "-e -f 1 -r 192.0.2.12:0 -g -w 2",
        "-d -f 1 -r 192.0.2.99:0",
    ]


def test_an_option_of_another_hand_goes_by_an_edit() -> None:
    there = WANTED.replace("-p 3600 -M 0.0.0.0", "-p 3600 -M 0.0.0.0 -o")

    assert lines(there) == ["-E -f 1 -s wlc -p 3600 -M 0.0.0.0"]


def test_a_server_that_ldirectord_wrote_with_a_port_stays_and_its_clients_with_it() -> None:
    there = WANTED.replace("192.0.2.12:0 -g -w 2", "192.0.2.12:80 -g -w 1")

    assert lines(there) == ["-e -f 1 -r 192.0.2.12:80 -g -w 2"]
    assert lines(there.replace("192.0.2.12:80 -g -w 1", "192.0.2.12:80 -g -w 2")) == []


def test_of_a_server_that_is_there_twice_the_one_without_a_port_stays() -> None:
    there = WANTED.replace("-A -f 1 -6", "-a -f 1 -r 192.0.2.12:80 -g -w 2\n-A -f 1 -6")
    assert lines(there) == ["-d -f 1 -r 192.0.2.12:80"]


def test_each_mark_of_a_split_gets_a_service_with_a_first_server_of_its_own() -> None:
    spec = replace(SPEC, mark=11, families=(4,), split=Split("country", (11, 12)))

    assert lines("", spec) == [
        "-A -f 11 -s fo -p 3600 -M 0.0.0.0",
        "-a -f 11 -r 192.0.2.12:0 -g -w 2",
        "-a -f 11 -r 192.0.2.11:0 -g -w 1",
        "-A -f 12 -s fo -p 3600 -M 0.0.0.0",
        "-a -f 12 -r 192.0.2.11:0 -g -w 2",
        "-a -f 12 -r 192.0.2.12:0 -g -w 1",
    ]


@given(
    there=st.lists(services(), max_size=4, unique_by=lambda one: (one.mark, one.family)),
    is_ours=st.booleans(),
    way=st.sampled_from(list(Forwarding)),
    together=st.booleans(),
)
def test_any_table_becomes_the_wanted_one_by_lines_that_all_succeed(
    there: list[LiveService], is_ours: bool, way: Forwarding, together: bool
) -> None:
    table = {
        (one.mark, one.family): replace(one, protocol="fwm", address="", port=0) for one in there
    }
    if is_ours and table:
        one = next(iter(table.values()))
        table = {(1, one.family): replace(one, mark=1)}
    # ipvsadm has each server once.
    unique = tuple(
        replace(one, servers=tuple({(s.address, s.port): s for s in one.servers}.values()))
        for one in table.values()
    )
    lvs = replace(LVS, forwarding=way, is_together=together)
    text = printed(unique)

    after = carried_out(text, lines(text, lvs=lvs))

    wanted = fwmark_services(SPEC, lvs)
    assert lines(after, lvs=lvs) == []
    remarks = list(remarks_on_marks("aol", wanted, parse_table(after)))
    assert {remark.grade for remark in remarks} == {Grade.OK}
    before = {one for one in parse_table(text) if one.mark != 1}
    assert before <= set(parse_table(after))
