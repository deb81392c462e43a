"""
Real IPVS under ldirectord, by the configuration that is rendered and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.lab.watching import assert_fail_over


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("failover.ldirectord")


def test_ldirectord_leads_marked_clients_together_to_the_next_server_and_the_fallback(
    found: Any,
) -> None:
    assert_fail_over(found)
