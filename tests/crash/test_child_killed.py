"""
The process that fetches and reads for an update may be killed too: that is a night without a list.
"""

from __future__ import annotations

import pytest
from tests.crash.scenarios import FAILED, FIRST, NEAR, SCENARIOS, SERVICES
from tests.crash.stage import Stage

pytestmark = pytest.mark.kernel

MOST_EVENTS = 1 << 16


def test_an_update_whose_reader_is_killed_at_any_time_changes_nothing(stage: Stage) -> None:
    SCENARIOS["an update with a delta"].prepare(stage)
    start = stage.save()
    killed = 0
    # The child's events are many, and each is as good as the next: 1, 2, 4, ... until it lives.
    for number in (1 << power for power in range(MOST_EVENTS.bit_length())):
        stage.restore(start)
        done = stage.killer.attempt("update", child_dies_at=number)
        if done.code == 0:
            break
        killed += 1
        assert done.code == FAILED, done.err
        assert "ended by SIGKILL" in done.err
        assert stage.kernel.read().text == start.held.text
        assert not stage.database().complaints()
        assert stage.database().accepted() == FIRST

    assert killed > 2
    assert stage.database().accepted() == NEAR
    assert stage.kernel.read().sets == stage.backend.expected(NEAR, SERVICES)
