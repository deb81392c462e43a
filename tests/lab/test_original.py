"""
Real IPVS, the article's own form: one server for the farm, and another one while it is dead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.lab.network import REAL_SERVERS


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("failover.original")


@pytest.mark.parametrize("kind", ["marked IPv4", "marked IPv6"])
def test_the_farm_goes_to_the_fallback_when_its_server_dies_and_back_when_it_lives(
    found: Any, kind: str
) -> None:
    alone, other = found["order"]
    answered = [set(found[phase][kind]) for phase in ("healthy", "died", "is back")]
    assert answered == [{alone}, {other}, {alone}]


def test_everybody_else_has_all_servers_that_live(found: Any) -> None:
    alone, _ = found["order"]
    healthy, died = (set(found[phase]["ordinary"]) for phase in ("healthy", "died"))
    assert healthy == {*REAL_SERVERS}
    assert died == {*REAL_SERVERS} - {alone}
