"""
What shows on a terminal takes no signal away from what writes to the kernel.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from proxyfeed.cli.progress import Progress


def blocked_by(task: Path) -> set[int]:
    # SigBlk:	fffffffe7ffbfeff
    lines = (task / "status").read_text().splitlines()
    (mask,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigBlk:"))
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_its_thread_takes_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    known = set(Path("/proc/self/task").iterdir())

    with Progress() as progress:
        progress.step("applying set aol")
        (thread,) = set(Path("/proc/self/task").iterdir()) - known
        blocked = blocked_by(thread)

    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= blocked
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
