"""
What a configuration may say of the real servers of a set, and how its mistakes are told.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.test_config import mistakes, read

from proxyfeed.lvs.lines import endpoint
from proxyfeed.model import Check, CheckKind, Forwarding, LvsSpec, RealServer
from proxyfeed.prefixes import PrefixSet

SET = """
[sets.aol]
feeds = ["aol"]
mark = 1
virtual = ["192.0.2.80:8080"]
"""
SPLIT = """
[feeds.l]
url = "https://h.example/l"
format = "csv"
csv = { label = { country = 2 } }

[sets.aol]
feeds = ["l"]
virtual = ["192.0.2.80:80"]
split = { by = "country", marks = [11, 12] }
"""
SERVERS = 'servers = ["192.0.2.11", "192.0.2.12"]\n'


def lvs_of(more: str, table: str = SET) -> LvsSpec:
    return read(f"{table}[sets.aol.lvs]\n{more}").lvs["aol"]


def complaints(more: str, table: str = SET) -> list[str]:
    return mistakes(f"{table}[sets.aol.lvs]\n{more}")


# ---------------------------------------------------------------- good values


def test_a_set_needs_no_real_servers() -> None:
    assert read(SET).lvs == {}


def test_servers_alone_get_the_usual_values() -> None:
    servers = (RealServer(4, "192.0.2.11"), RealServer(4, "192.0.2.12"))

    assert lvs_of(SERVERS) == LvsSpec(
        servers=servers,
        scheduler="wlc",
        persistence=timedelta(hours=1),
        forwarding=Forwarding.DIRECT,
        is_together=True,
        marked=(),
        fallback=(),
        check=Check(CheckKind.CONNECT, 8080, "/", "", "", timedelta(seconds=5)),
    )


def test_every_key_is_read() -> None:
    lvs = lvs_of(
        'servers = ["192.0.2.11 weight 3", "192.0.2.12"]\n'
        'scheduler = "mh"\npersistence = "30m"\nforwarding = "tun"\ntogether = false\n'
        'marked = ["192.0.2.11"]\nfallback = ["192.0.2.12"]\n'
        'check = { type = "https", port = 443, path = "/alive?x=1", host = "www.example.net", '
        'expect = "OK 1.0", every = "2s", timeout = "9s" }\n'
    )

    first, second = RealServer(4, "192.0.2.11", 3), RealServer(4, "192.0.2.12")
    assert lvs == LvsSpec(
        servers=(first, second),
        scheduler="mh",
        persistence=timedelta(minutes=30),
        forwarding=Forwarding.TUNNEL,
        is_together=False,
        marked=(first,),
        fallback=(second,),
        check=Check(
            kind=CheckKind.HTTPS,
            port=443,
            path="/alive?x=1",
            host="www.example.net",
            expect="OK 1.0",
            every=timedelta(seconds=2),
            timeout=timedelta(seconds=9),
        ),
    )


@pytest.mark.parametrize(
    "name", ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"]
)
def test_every_scheduler_of_ipvsadm_can_be_chosen(name: str) -> None:
    assert lvs_of(f'{SERVERS}scheduler = "{name}"').scheduler == name


def test_an_empty_host_or_expectation_is_none() -> None:
    check = lvs_of(SERVERS + 'check = { type = "http", host = "", expect = "" }\n').check

    assert (check.host, check.expect) == ("", "")


def test_a_server_of_ipv6_is_written_without_brackets_and_normalised() -> None:
    lvs = read(
        '[sets.aol]\nfeeds = ["aol"]\nmark = 1\nvirtual = ["[2001:db8::80]:80"]\n'
        '[sets.aol.lvs]\nservers = ["2001:DB8:0::0011 weight 2"]\n'
    ).lvs["aol"]

    assert lvs.servers == (RealServer(6, "2001:db8::11", 2),)
    assert endpoint(6, lvs.servers[0].address, 80) == "[2001:db8::11]:80"


def test_real_servers_and_the_fallback_are_never_marked() -> None:
    spec = read(f'{SET}[sets.aol.lvs]\n{SERVERS}fallback = ["192.0.2.13"]\n').sets["aol"]

    own = PrefixSet.parse(["192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.80"])
    assert spec.protect == own


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ("", "servers: is missing: at least one real server"),
        ("servers = []", "servers: must not be empty, and is []"),
        ("servers = 1", "servers: must be a list of texts, and is a number"),
        (
            'servers = ["192.0.2.11:80"]',
            "servers: must be a list of addresses without ports, such as "
            """"192.0.2.11", "192.0.2.12 weight 2", and is ['192.0.2.11:80']""",
        ),
        ('servers = ["192.0.2"]', "servers: must be a list of addresses without ports, such as "),
        ('servers = ["192.0.2.11 weight 0"]', "servers: must have weights from 1 to 65535, and is"),
        ('servers = ["192.0.2.11 weight 65536"]', "servers: must have weights from 1 to 65535, "),
        (
            'servers = ["192.0.2.11", "192.0.2.11 weight 2"]',
            "servers: names 192.0.2.11 twice, and is ",
        ),
        (
            'servers = ["192.0.2.11", "::ffff:c000:20c"]',
            "servers: must name IPv4 servers as such, not ::ffff:192.0.2.12, and is ",
        ),
        (
            'servers = ["2001:db8::11"]',
            "servers: has none of IPv4, whose packets are marked; ",
        ),
        (
            'servers = ["192.0.2.11", "2001:db8::11"]',
            "servers: has one of IPv6, whose packets are not marked",
        ),
        (
            SERVERS + 'scheduler = "wlcc"',
            "scheduler: must be like wlc, wrr or mh: one ",
        ),
        (SERVERS + 'persistence = "0s"', "persistence: must be from 1s to 31d, and is '0s'"),
        (SERVERS + 'persistence = "32d"', "persistence: must be from 1s to 31d, and is '32d'"),
        (SERVERS + "persistence = 3600", 'persistence: must be a time such as "30m", "48h" or '),
        (SERVERS + 'forwarding = "gre"', "forwarding: must be one of dr, tun, nat, and is 'gre'"),
        (SERVERS + "together = 1", "together: must be true or false, and is 1"),
        (SERVERS + 'marked = ["192.0.2.13"]', "marked: must be some of servers, and is "),
        (SERVERS + "marked = []", "marked: must not be empty, and is []"),
        (SERVERS + 'marked = ["192.0.2.11 weight 2"]', "marked: must have no weights: those of "),
        (SERVERS + 'fallback = ["192.0.2.13 weight 2"]', "fallback: must have no weights: those "),
        (
            SERVERS + 'fallback = ["192.0.2.13", "192.0.2.14"]',
            "fallback: must be at most one server of each family, and is ",
        ),
        (SERVERS + 'fallback = ["2001:db8::13"]', "fallback: has one of IPv6, which is not marked"),
        (
            SERVERS + 'fallback = ["192.0.2.11"]',
            "fallback: has 192.0.2.11, to which the mark leads anyway",
        ),
        (
            SERVERS + 'marked = ["192.0.2.11"]\nfallback = ["192.0.2.11"]',
            "fallback: has 192.0.2.11, to which the mark leads anyway",
        ),
        (
            SERVERS + 'fallback = ["192.0.2.13"]\ncheck.type = "none"',
            'fallback: is never used with check.type = "none"',
        ),
        (SERVERS + 'check = "http"', "check: must be a table, and is a text"),
        (
            SERVERS + 'check.type = "ping"',
            "check.type: must be one of none, connect, http, https, and is 'ping'",
        ),
        (
            SERVERS + "check.port = 0",
            "check.port: must be a whole number from 1 to 65535, and",
        ),
        (SERVERS + 'check.path = "/a"', 'check.path: needs type = "http" or "https", and it is '),
        (SERVERS + 'check.host = "h"', 'check.host: needs type = "http" or "https", and it is '),
        (SERVERS + 'check.expect = "x"', 'check.expect: needs type = "http" or "https", and it is'),
        *(
            (
                SERVERS + f"check = {{ type = 'http', path = '{path}' }}",
                "check.path: must be like /alive, and is ",
            )
            for path in ("alive", "/a b", "/a#b", "/a!b", "/a$HOME", '/a"b', "/a{b}", "/a\\\\b")
        ),
        (
            SERVERS + "check = { type = 'http', host = 'a b' }",
            "check.host: must be like www.example.net, and is 'a b'",
        ),
        *(
            (
                SERVERS + f"check = {{ type = 'http', expect = '{text}' }}",
                "check.expect: must be like letters and digits such as OK, and is ",
            )
            for text in ("a*", "(a", '"', "#", "a|b", "^a", "a\\\\b")
        ),
        (SERVERS + 'check.every = "0s"', "check.every: must be from 1s to 1h, and is '0s'"),
        (SERVERS + 'check.every = "2h"', "check.every: must be from 1s to 1h, and is '2h'"),
        (SERVERS + 'check.timeout = "1500ms"', "check.timeout: must be a time such as "),
        (SERVERS + "check.each = 1", "check.each: is not known"),
        (SERVERS + 'sheduler = "rr"', "sheduler: is not known; did you mean 'scheduler'?"),
    ],
)
def test_a_mistake_is_told_with_its_place(more: str, mistake: str) -> None:
    found = complaints(more)

    assert [one for one in found if one.startswith(f"sets.aol.lvs.{mistake}")], found


def test_all_mistakes_are_told_at_once() -> None:
    found = complaints('servers = ["x"]\nscheduler = "x"\ncheck.port = 0\n')

    assert [one.partition(":")[0] for one in found] == [
        "sets.aol.lvs.servers",
        "sets.aol.lvs.scheduler",
        "sets.aol.lvs.check.port",
    ]


def test_marked_needs_a_server_of_each_family_that_is_marked() -> None:
    both = SET.replace('"192.0.2.80:8080"', '"192.0.2.80:80", "[2001:db8::80]:80"')

    found = complaints('servers = ["192.0.2.11", "2001:db8::11"]\nmarked = ["192.0.2.11"]', both)

    assert found == ["sets.aol.lvs.marked: has none of IPv6, whose packets are marked"]


def test_with_a_split_the_clients_of_a_mark_are_together() -> None:
    assert complaints(f"{SERVERS}together = false", SPLIT) == [
        "sets.aol.lvs.together: must be true with split: a mark has one server at a time"
    ]


def test_with_a_split_the_scheduler_is_not_to_be_chosen() -> None:
    assert complaints(f'{SERVERS}scheduler = "rr"', SPLIT) == [
        "sets.aol.lvs.scheduler: is fo with split, which gives each mark a server of its own"
    ]
