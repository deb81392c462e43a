"""
Real IPVS: ``diff --impact`` foretells whom a change concerns, and nobody loses a connection by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.lab.scenarios.impact import FARM, GAINERS, LOSERS, STAYERS
from tests.lab.sources import of_family
from tests.lab.traffic import servers_of


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("impact.run")


def _sum(told: Any, fate: str, key: str) -> int:
    (impact,) = told["impact"]
    return sum(one[key] for one in impact["tallies"] if one["fate"] == fate)


def test_who_would_lose_or_gain_the_mark_is_counted(found: Any) -> None:
    """
    Each has an open connection and one that was closed a moment ago. Who is marked has no template
    of its own: that of its mark is for all.
    """
    told = found["told"]

    assert _sum(told, "loses the mark", "clients") == len(LOSERS)
    assert _sum(told, "loses the mark", "connections") == 2 * len(LOSERS)
    assert _sum(told, "loses the mark", "templates") == 0
    assert _sum(told, "gains the mark", "clients") == len(GAINERS)
    assert _sum(told, "gains the mark", "connections") == 2 * len(GAINERS)
    assert _sum(told, "gains the mark", "templates") == len(GAINERS)
    (impact,) = told["impact"]
    assert impact["connections"] == 2 * len([*LOSERS, *GAINERS, *STAYERS])
    assert impact["shared"] == 2


def test_the_real_servers_that_are_named_are_those_that_answered(found: Any) -> None:
    (impact,) = found["told"]["impact"]
    names = {f"192.0.2.1{n}": f"rs{n}" for n in (1, 2, 3)}
    names |= {f"2001:db8::1{n}": f"rs{n}" for n in (1, 2, 3)}
    told = {
        (one["fate"], names[one["server"]], ":" in one["server"]): one["clients"]
        for one in impact["tallies"]
    }

    answered = {}
    for fate, sources in (("loses the mark", LOSERS), ("gains the mark", GAINERS)):
        for family in (4, 6):
            chosen = {one: found["before"][one] for one in of_family(family, sources)}
            for name, count in servers_of(chosen).items():
                answered[fate, name, family == 6] = count
    assert told == answered


def test_a_connection_that_is_open_stays_on_its_server_when_its_client_changes_its_mark(
    found: Any,
) -> None:
    for source, server in found["held"].items():
        assert found["before"][source] == {server: 1}, source


@pytest.mark.parametrize("family", [4, 6])
def test_the_next_connection_goes_by_the_new_mark(found: Any, family: int) -> None:
    farm = of_family(family, FARM)
    gained = servers_of({one: found["after"][one] for one in of_family(family, GAINERS)})
    lost = servers_of({one: found["after"][one] for one in of_family(family, LOSERS)})
    assert len(gained) == 1
    assert gained.keys() == servers_of({one: found["after"][one] for one in farm}).keys()
    assert len(lost) > 1


def test_after_it_nobody_is_concerned_any_more(found: Any) -> None:
    (impact,) = found["told after"]["impact"]
    assert impact["tallies"] == []
