"""
Which virtual services a set needs, and where the marks of a split set are at home.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lvs.sides import AOL, RELAY, read

from proxyfeed.lvs.services import at_home, fwmark_services, ordinary_services
from proxyfeed.model import FwmarkService, OrdinaryService, RealServer

SERVERS = st.lists(st.integers(1, 65_535), min_size=1, max_size=8).map(
    lambda weights: tuple(
        RealServer(4, f"192.0.2.{number}", weight) for number, weight in enumerate(weights, 1)
    )
)
MARKS = st.integers(1, 40)


def marked(text: str, name: str) -> tuple[FwmarkService, ...]:
    config = read(text)
    return fwmark_services(config.sets[name], config.lvs[name])


def ordinary(text: str, name: str) -> tuple[OrdinaryService, ...]:
    config = read(text)
    return ordinary_services(config.sets[name], config.lvs[name])


def served(service: FwmarkService | OrdinaryService) -> list[tuple[str, int, int]]:
    return [(one.server.address, one.port, one.weight) for one in service.destinations]


# ---------------------------------------------------------------- marks


def test_a_mark_has_one_service_in_each_family() -> None:
    services = marked(AOL, "aol")

    assert [(one.mark, one.family) for one in services] == [(1, 4), (1, 6)]


def test_the_service_of_a_mark_takes_every_port_and_the_weights_as_configured() -> None:
    four, six = marked(AOL, "aol")

    assert served(four) == [("192.0.2.11", 0, 1), ("192.0.2.12", 0, 2)]
    assert served(six) == [("2001:db8::11", 0, 1), ("2001:db8::12", 0, 1)]


def test_each_family_has_its_own_fallback() -> None:
    assert [one.fallback and one.fallback.address for one in marked(AOL, "aol")] == [
        "192.0.2.13",
        "2001:db8::13",
    ]


@pytest.mark.parametrize(("together", "lengths"), [("true", [0, 1]), ("false", [32, 128])])
def test_together_all_clients_share_a_template_else_each_has_its_own(
    together: str, lengths: list[int]
) -> None:
    services = marked(f"{AOL}together = {together}\n", "aol")

    assert [one.granularity for one in services] == lengths


def test_marked_clients_can_be_led_to_some_of_the_servers() -> None:
    # The original set-up: proxy clients on one server, and another that takes over.
    text = AOL.replace(
        'fallback = ["192.0.2.13", "2001:db8::13"]',
        'marked = ["192.0.2.12", "2001:db8::11"]\nfallback = ["192.0.2.11", "2001:db8::13"]',
    )

    four, six = marked(text, "aol")
    other, _ = ordinary(text, "aol")

    assert served(four) == [("192.0.2.12", 0, 2)]
    assert served(six) == [("2001:db8::11", 0, 1)]
    assert four.fallback == RealServer(4, "192.0.2.11")
    assert served(other) == [("192.0.2.11", 80, 1), ("192.0.2.12", 80, 2)]
    assert other.fallback is None  # it is one of those that have failed


# ---------------------------------------------------------------- everybody else


def test_everybody_else_has_a_service_at_each_virtual_address() -> None:
    services = ordinary(RELAY, "relay")

    assert [(one.address, one.port, one.protocol) for one in services] == [
        ("192.0.2.81", 443, "tcp"),
        ("192.0.2.81", 443, "udp"),
    ]
    assert served(services[0]) == [("192.0.2.11", 443, 2), ("192.0.2.12", 443, 1)]


def test_everybody_else_is_scheduled_as_configured_in_a_split_set_too() -> None:
    assert {one.scheduler for one in ordinary(RELAY, "relay")} == {"wlc"}
    assert {one.scheduler for one in marked(RELAY, "relay")} == {"fo"}


def test_a_virtual_service_of_a_family_that_is_not_marked_is_left_alone() -> None:
    text = """
        [sets.aol]
        feeds = ["aol"]
        mark = 1
        virtual = ["192.0.2.80:80", "[2001:db8::80]:80"]
        families = [4]
        [sets.aol.lvs]
        servers = ["192.0.2.11"]
    """

    assert [one.family for one in ordinary(text, "aol")] == [4]


# ---------------------------------------------------------------- at home


def test_a_mark_of_a_split_set_prefers_its_home_by_weight() -> None:
    services = marked(RELAY, "relay")

    assert [served(one) for one in services] == [
        [("192.0.2.11", 0, 2), ("192.0.2.12", 0, 1)],
        [("192.0.2.11", 0, 2), ("192.0.2.12", 0, 1)],
        [("192.0.2.12", 0, 2), ("192.0.2.11", 0, 1)],
    ]


def test_the_marks_of_a_server_that_dies_do_not_all_meet_on_one() -> None:
    servers = tuple(RealServer(4, f"192.0.2.{number}") for number in (1, 2, 3))

    orders = at_home(servers, 6)

    seconds = Counter(order[1] for order in orders if order[0] == servers[0])
    assert seconds == {servers[1]: 1, servers[2]: 1}


@given(SERVERS, MARKS)
def test_every_mark_has_all_servers_once(servers: tuple[RealServer, ...], marks: int) -> None:
    orders = at_home(servers, marks)

    assert len(orders) == marks
    assert all(sorted(order, key=servers.index) == list(servers) for order in orders)


@given(SERVERS, MARKS)
def test_no_server_has_less_than_its_share_of_homes_rounded_down(
    servers: tuple[RealServer, ...], marks: int
) -> None:
    # What D'Hondt's method promises; above, it may favour a heavy server by more than one.
    homes = Counter(order[0] for order in at_home(servers, marks))

    whole = sum(one.weight for one in servers)
    assert all(homes[one] >= marks * one.weight // whole for one in servers)


@given(st.integers(1, 8), MARKS)
def test_of_equal_servers_none_has_two_homes_more_than_another(count: int, marks: int) -> None:
    servers = tuple(RealServer(4, f"192.0.2.{number}") for number in range(1, count + 1))

    homes = Counter(order[0] for order in at_home(servers, marks))

    shares = [homes[one] for one in servers]
    assert max(shares) - min(shares) <= 1


@given(SERVERS, MARKS)
def test_one_mark_more_moves_no_other(servers: tuple[RealServer, ...], marks: int) -> None:
    assert at_home(servers, marks + 1)[:marks] == at_home(servers, marks)
