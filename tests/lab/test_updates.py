"""
Real IPVS: whatever the program does to a set, no connection fails and none goes astray.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CHANGES = ["few", "many", "rolled back"]


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("updates.run")


@pytest.mark.parametrize("change", CHANGES)
def test_who_is_in_both_lists_is_on_the_servers_of_the_mark_throughout_a_change(
    found: Any, change: str
) -> None:
    assert found[change]["staying"].keys() == {"rs1"}
    assert found[change]["during"] > 100


@pytest.mark.parametrize("change", CHANGES)
def test_who_is_in_neither_list_never_meets_the_servers_of_the_mark(
    found: Any, change: str
) -> None:
    assert found[change]["ordinary"].keys() == {"rs2", "rs3"}


@pytest.mark.parametrize("change", CHANGES)
def test_who_comes_and_goes_changes_servers_and_no_connection_fails(
    found: Any, change: str
) -> None:
    assert found[change]["leaving"].keys() == {"rs1", "rs2", "rs3"}


def test_a_refill_in_place_is_seen_by_the_same_clients(found: Any) -> None:
    assert not {"rs2", "rs3"}.isdisjoint(found["refilled in place"]["staying"])


def test_both_ways_of_changing_a_set_were_used(found: Any) -> None:
    few, many = ("\n".join(found[change]["printed"]) for change in ("few", "many"))
    assert "delta" in few
    assert "replace" in many
