"""
Real IPVS, a set that is split by country: users stay, and the servers share them.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.lab.scenarios.split import HOPS, MARKS

ALL = {"rs1", "rs2", "rs3"}
HOME = dict(zip(MARKS, sorted(ALL), strict=True))
_ENTRY = re.compile(r"^add \S+ (?P<prefix>[0-9.]+/\d+) skbmark (?P<mark>0x[0-9a-f]+)$", re.M)


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("split.run")


def _countries(answers: dict[str, list[dict[str, int]]]) -> dict[str, set[str]]:
    """
    Return the servers that all users of each country have met.
    """
    return {at: {server for user in users for server in user} for at, users in answers.items()}


def _loads(answers: dict[str, list[dict[str, int]]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for users in answers.values():
        for user in users:
            total.update(user)
    return total


def _marks(sets: str) -> dict[str, int]:
    """
    The prefixes of IPv4 in the kernel, each with its mark.
    """
    return {entry["prefix"]: int(entry["mark"], 16) for entry in _ENTRY.finditer(sets)}


@pytest.mark.parametrize("family", ["4", "6"])
def test_a_user_who_hops_inside_a_country_stays_on_one_server(found: Any, family: str) -> None:
    users = [user for users in found["split"][family].values() for user in users]
    assert len(users) >= 20
    assert all(len(user) == 1 and sum(user.values()) == HOPS for user in users)


@pytest.mark.parametrize("family", ["4", "6"])
def test_the_countries_are_spread_over_all_servers(found: Any, family: str) -> None:
    countries = _countries(found["split"][family])
    assert all(len(servers) == 1 for servers in countries.values())
    assert set.union(*countries.values()) == ALL


def test_the_servers_share_the_load_as_the_address_counts_predict(found: Any) -> None:
    addresses: Counter[str] = Counter()
    for prefix, mark in _marks(found["sets"]).items():
        addresses[HOME[mark]] += ipaddress.ip_network(prefix).num_addresses
    # A user of the scenario stands for 256 addresses.
    predicted = {server: count // 256 * HOPS for server, count in addresses.items()}
    assert _loads(found["split"]["4"]) == predicted
    # No server has more than the largest country needs, 24 of 64.
    assert max(predicted.values()) <= 24 * HOPS


@pytest.mark.parametrize("family", ["4", "6"])
def test_without_the_split_everybody_is_on_one_server(found: Any, family: str) -> None:
    loads = _loads(found["one mark"][family])
    assert len(loads) == 1
    assert loads.total() == _loads(found["split"][family]).total()


def test_one_rule_gives_all_marks(found: Any) -> None:
    rules = [line for line in found["rules"].splitlines() if line.startswith("-A ")]
    assert len(rules) == 1
    assert rules[0].endswith("--map-mark")
    assert set(_marks(found["sets"]).values()) == set(MARKS)


def test_a_new_version_moves_nobody_who_stays_in_it(found: Any) -> None:
    assert all(len(answered) == 1 for answered in found["updated"].values()), found["updated"]
    assert {server for answered in found["updated"].values() for server in answered} == ALL


def test_the_users_of_a_server_that_is_taken_out_move_and_all_others_stay(found: Any) -> None:
    before, after = (
        _countries(each) for each in (found["split"]["4"], found["home of a mark is out"])
    )
    assert any(servers == {"rs2"} for servers in before.values())
    assert after == {
        country: {"rs3"} if servers == {"rs2"} else servers for country, servers in before.items()
    }
