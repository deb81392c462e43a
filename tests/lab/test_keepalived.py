"""
Real IPVS under keepalived, by the configuration that is rendered and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.lab.watching import assert_fail_over


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("failover.keepalived")


def test_keepalived_finds_nothing_wrong_with_the_rendered_file(found: Any) -> None:
    assert found["tested"] == ""


def test_keepalived_leads_marked_clients_together_to_the_next_server_and_the_fallback(
    found: Any,
) -> None:
    assert_fail_over(found)


def test_a_table_that_nobody_watches_leads_to_the_dead_server(found: Any) -> None:
    assert all(answer.startswith("failed: ") for answer in found["unwatched"]["marked IPv4"])
