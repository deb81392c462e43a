"""
A guest of its own for each file of tests: it boots once, and its tests look at what it found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.kernel.parts import skip_or_fail
from tests.lab.boot import missing_parts, run_scenario


@pytest.fixture(scope="session")
def equipped() -> None:
    """
    Skip a test of the lab, or fail it, where a part is missing.
    """
    skip_or_fail(missing_parts())


@pytest.fixture(scope="session")
def scenario(equipped: None) -> Callable[[str], Any]:
    """
    Run a scenario in a guest, print what it printed, and return what it found.
    """

    def run(name: str) -> Any:
        guest = run_scenario(name)
        print(guest.printed)
        return guest.found

    return run
