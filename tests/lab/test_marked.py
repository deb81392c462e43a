"""
Real IPVS, the article's set-up: proxyfeed alone makes it, and each packet goes where it should.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.lab.sources import ORDINARY, edges, neighbours, of_family
from tests.lab.traffic import servers_of

ALL = {"rs1", "rs2", "rs3"}


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("marked.run")


def _servers(found: Any, kind: str, family: int) -> dict[str, int]:
    chosen = set(of_family(family, list(found[kind])))
    return servers_of({source: each for source, each in found[kind].items() if source in chosen})


@pytest.mark.parametrize("family", [4, 6])
def test_the_farm_lands_on_one_server_from_the_first_to_the_last_address_of_each_range(
    found: Any, family: int
) -> None:
    answered = _servers(found, "marked", family)
    assert len(answered) == 1
    assert set(answered) <= ALL
    assert sum(answered.values()) == 2 * len(of_family(family, edges()))


@pytest.mark.parametrize("family", [4, 6])
def test_without_the_rule_the_same_farm_is_spread_over_servers(found: Any, family: int) -> None:
    assert set(_servers(found, "without the rule", family)) == ALL


@pytest.mark.parametrize("family", [4, 6])
def test_the_addresses_just_outside_the_ranges_are_balanced_over_servers(
    found: Any, family: int
) -> None:
    answered = _servers(found, "neighbours", family)
    assert len(answered) > 1
    assert set(answered) <= ALL
    assert sum(answered.values()) == len(of_family(family, neighbours()))


@pytest.mark.parametrize("family", [4, 6])
def test_everybody_else_is_balanced_over_all_servers(found: Any, family: int) -> None:
    answered = _servers(found, "ordinary", family)
    assert set(answered) == ALL
    assert sum(answered.values()) == len(of_family(family, ORDINARY))


def test_ipvsadm_loads_what_is_rendered_and_prints_the_same_services(found: Any) -> None:
    rendered = {line for line in found["rendered"].splitlines() if line}
    loaded = set(found["loaded"].splitlines())
    assert loaded == rendered


@pytest.mark.parametrize("family", [4, 6])
def test_all_clients_of_a_mark_move_together_when_their_server_is_taken_out(
    found: Any, family: int
) -> None:
    moves = found["together"][str(family)]
    assert all(len(answered) == 1 for answered in moves.values()), moves
    assert all(set(answered) <= ALL for answered in moves.values()), moves
    assert all(
        set(answered.values()) == {6 * len(of_family(family, edges()))}
        for answered in moves.values()
    ), moves
    assert moves["taken out"].keys() != moves["at first"].keys()
    # A server that is back gets nobody back.
    assert moves["put back"] == moves["taken out"]
    assert moves["weight 0"].keys() != moves["put back"].keys()


@pytest.mark.parametrize("family", [4, 6])
def test_with_together_false_the_clients_of_a_mark_are_spread(found: Any, family: int) -> None:
    assert set(_servers(found, "together = false", family)) == ALL
