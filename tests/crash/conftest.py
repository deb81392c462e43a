"""
Fixtures of the tests that kill proxyfeed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.crash.kernels import IPSET
from tests.crash.killer import Killer
from tests.crash.stage import Stage, open_stage
from tests.kernel.conftest import missing
from tests.kernel.parts import skip_or_fail

__all__ = ["missing"]


@pytest.fixture(scope="session")
def used_stage(missing: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """
    One director for all tests: most of what they take is the start of its fork server.
    """
    skip_or_fail(missing)
    with open_stage(tmp_path_factory.mktemp("director")) as stage:
        yield stage


@pytest.fixture
def stage(used_stage: Stage) -> Stage:
    """
    A director that has a configuration and nothing else.
    """
    used_stage.clear(IPSET)
    return used_stage


@pytest.fixture(scope="session")
def other(used_stage: Stage) -> Iterator[Killer]:
    """
    Whoever else types commands on the same director.
    """
    with Killer(used_stage.machine) as other:
        yield other
