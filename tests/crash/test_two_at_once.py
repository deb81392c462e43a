"""
Two runs at once: the second is told so and changes nothing, also while the first lives on in a
program that it had started.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.crash.killer import Killer
from tests.crash.scenarios import FAR, FIRST, NEAR, SCENARIOS, SERVICES
from tests.crash.stage import Stage
from tests.crash.steps import GATE
from tests.e2e.machine import Done

pytestmark = pytest.mark.kernel

LOCKED = 6
# Right after the lock was taken, before and after the kernel is written to, and near the end.
TIMES = (
    *("os.truncate", "before ipset restore", "ended ipset restore"),
    "sql INSERT INTO applications",
)


@pytest.mark.parametrize(
    ("name", "second"),
    [
        pytest.param("an update with a delta", "update", id="an update during an update"),
        pytest.param("an update with a delta", "rollback 1", id="a rollback during an update"),
        pytest.param("a rollback", "update", id="an update during a rollback"),
        pytest.param("an apply after a reboot", "update", id="cron during the boot"),
        pytest.param("an update with a delta", "apply", id="a boot during cron"),
    ],
)
def test_the_second_run_changes_nothing_at_whatever_time_it_comes(
    stage: Stage, other: Killer, name: str, second: str
) -> None:
    scenario = SCENARIOS[name]
    scenario.prepare(stage)
    times: list[str] = []
    changed: list[str] = []
    told: list[Done] = []

    def watch(_number: int, step: str) -> bool:
        time = next((time for time in TIMES if step.startswith(time)), None)
        if time and time not in times:
            times.append(time)
            before = stage.files(), stage.kernel.read().text
            told.append(other.attempt(*second.split()))
            if (stage.files(), stage.kernel.read().text) != before:
                changed.append(step)
        return True

    first = stage.killer.step_through(scenario.command, watch)

    assert sorted(times) == sorted(TIMES)
    assert [done.code for done in told] == [LOCKED] * len(TIMES)
    assert all("another run holds" in done.err for done in told)
    assert not changed
    assert first is not None
    first.expect(0)
    assert scenario.new is not None
    assert stage.kernel.read().sets == stage.backend.expected(scenario.new, scenario.services[1])


@contextmanager
def gate(folder: Path) -> Iterator[int]:
    """
    What a waiting program waits at; whatever becomes of the test, it does not wait for ever.
    """
    os.mkfifo(folder / GATE)
    descriptor = os.open(folder / GATE, os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
        (folder / GATE).unlink()


def test_a_run_that_was_killed_keeps_the_lock_until_its_last_program_is_done(
    stage: Stage, other: Killer
) -> None:
    SCENARIOS["an update with a delta"].prepare(stage)
    before = stage.kernel.read()
    told: list[Done] = []

    def look() -> None:
        told.append(other.attempt("apply"))
        told.append(other.attempt("rollback", "1"))
        assert stage.kernel.read().text == before.text
        os.write(opened, b"go\n")

    with gate(stage.machine.folder) as opened:
        killed = stage.killer.step_through(
            ["update"],
            lambda _number, step: step != "started ipset restore",
            waiting="ipset restore",
            when_killed=look,
        )

    assert killed is None
    assert [done.code for done in told] == [LOCKED, LOCKED]
    assert "that process is gone, and a program that it started is still at work" in told[0].err
    assert stage.kernel.read().sets == stage.backend.expected(NEAR, SERVICES)
    other.run("rollback", "1")
    assert stage.kernel.read().sets == stage.backend.expected(FIRST, SERVICES)


def test_a_run_that_is_killed_with_nothing_at_work_lets_go_at_once(
    stage: Stage, other: Killer
) -> None:
    SCENARIOS["an update with a swap"].prepare(stage)
    told: list[Done] = []

    stage.killer.step_through(
        ["update"],
        lambda _number, step: step != "before ipset restore",
        when_killed=lambda: told.append(other.attempt("update")),
    )

    assert [done.code for done in told] == [0]
    assert stage.kernel.read().sets == stage.backend.expected(FAR, SERVICES)
