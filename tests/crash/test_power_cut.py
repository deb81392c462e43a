"""
The power goes: whatever of the database was on the disk at that instant opens, and is old or new.
"""

from __future__ import annotations

import pytest
from tests.crash.databases import Copy
from tests.crash.scenarios import SCENARIOS
from tests.crash.stage import Stage

pytestmark = pytest.mark.kernel

# Of a write-ahead log, see https://sqlite.org/fileformat2.html#walformat
HEADER, FRAME = 32, 24 + 4096


def lengths(old: int, new: int) -> list[int]:
    """
    How much of a log that has grown may be on the disk: whole frames, and the half of one.
    """
    frames = range(max(old, HEADER), new, FRAME)
    return [cut for frame in frames for cut in (frame, frame + FRAME // 2)]


@pytest.mark.parametrize(
    "name", ["a first update", "an update with a delta", "an update that is held", "a rollback"]
)
def test_what_is_on_the_disk_at_any_step_opens_and_is_the_old_or_the_new(
    stage: Stage, name: str
) -> None:
    scenario = SCENARIOS[name]
    scenario.prepare(stage)
    old = stage.database().accepted()
    seen: list[frozenset[str]] = []
    wrong: list[str] = []
    before: dict[str, bytes] = {}
    cuts = log_size = 0

    def look(copy: Copy, when: str) -> None:
        nonlocal cuts
        cuts += 1
        wrong.extend(f"{when}: {what}" for what in copy.complaints())
        if (accepted := copy.accepted()) not in seen:
            seen.append(accepted)

    def watch(_number: int, step: str) -> bool:
        nonlocal before, log_size
        if (files := stage.files()) == before:
            return True
        before = files
        look(stage.database(), step)
        size = len(files.get("proxyfeed.db-wal", b""))
        for length in lengths(log_size, size):
            copy = stage.database()
            copy.cut_log(length)
            look(copy, f"{step}, with {length} bytes of the log")
        log_size = size
        return True

    done = stage.killer.step_through(scenario.command, watch)

    print(f"{name}: the power went {cuts} times")
    assert done is not None
    done.expect(scenario.code)
    assert not wrong, "\n".join(wrong)
    assert set(seen) <= {old, stage.database().accepted()}
    assert cuts > 5
