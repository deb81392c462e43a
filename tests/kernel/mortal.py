"""
Runs of proxyfeed in a process of their own, that are killed at a place that is known.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.kernel.product import RecordingRunner


def start(work: Callable[[], object]) -> int:
    """
    Start a process that does *work*, in a process group of its own, and return it.
    """
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            work()
        finally:
            os._exit(0)
    return child


@dataclass(frozen=True, slots=True)
class MortalRunner(RecordingRunner):
    """
    It kills its own process instead of starting the command of the number *last*.
    """

    last: int = 0

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        if len(self.commands) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        return RecordingRunner.run(self, argv, script)


def run_until_killed(work: Callable[[], object]) -> None:
    """
    Do *work* in a process that kills itself on the way.
    """
    _, status = os.waitpid(start(work), 0)
    assert os.WIFSIGNALED(status), "it came to its end"
    assert os.WTERMSIG(status) == signal.SIGKILL


def is_writing(command: Sequence[str]) -> bool:
    return "restore" in command[0] or bool({"restore", "destroy", "-f"} & {*command})
