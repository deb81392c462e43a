"""
Killed at any step, a command leaves the old or the new, and nothing in the next run's way.
"""

from __future__ import annotations

import os

import pytest
from tests.crash.harness import Harness
from tests.crash.kernels import IPSET, NFTABLES, Backend
from tests.crash.scenarios import SCENARIOS, WRITING
from tests.crash.stage import Stage

pytestmark = pytest.mark.kernel

# Also between two steps of which neither the disk nor the kernel sees anything: some 3,000 more.
AT_ALL = os.environ.get("PROXYFEED_CRASH_AT_ALL_STEPS") == "1"


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        pytest.param(backend, name, id=f"{name}, by {backend.name}")
        for backend, names in ((IPSET, SCENARIOS), (NFTABLES, WRITING))
        for name in names
    ],
)
def test_it_leaves_the_old_or_the_new_and_the_next_run_mends_it(
    stage: Stage, backend: Backend, name: str
) -> None:
    stage.clear(backend)
    harness = Harness(stage, SCENARIOS[name])
    course = harness.follow()
    points = range(len(course.steps)) if AT_ALL else course.points

    wrong = [line for number in points for line in harness.kill_at(number, course)]

    print(f"{name}, by {backend.name}: killed at {len(points)} of {len(course.steps)} steps")
    assert not wrong, "\n".join(wrong)
    assert len(points) > 2
