"""
The other end of `tests.crash.fork_server`: run a command, watch its steps, kill it at any of them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.crash import fork_server
from tests.e2e.machine import Done, Machine

_ROOT = Path(__file__).parents[2]
_PATIENCE = 60.0
_LONGEST = 1 << 20

# Is told each step by its number and in words; whether the run goes on is what it returns.
Watch = Callable[[int, str], bool]


class Killer:
    """
    Runs commands of the program on *machine*, to their end or up to one step.
    """

    def __init__(self, machine: Machine) -> None:
        environment = machine.environment
        environment["PYTHONPATH"] += f"{os.pathsep}{_ROOT}"
        self._channel, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(_PATIENCE)
        with far_end:
            number = far_end.fileno()
            self._process = subprocess.Popen(
                [
                    *(*machine.namespace.argv, sys.executable),
                    *("-m", fork_server.__name__, str(number)),
                ],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=machine.folder,
            )
        self._receive()

    def run(self, *arguments: str, code: int = 0) -> Done:
        """
        Run one command to its end. It must exit with *code*.
        """
        return self.attempt(*arguments).expect(code)

    def attempt(self, *arguments: str, child_dies_at: int = 0) -> Done:
        """
        Run one command to its end, whatever it exits with.
        """
        self._request(arguments=arguments, child_dies_at=child_dies_at)
        done = Done(**self._receive())
        self._expect_end(0)
        return done

    def step_through(
        self,
        arguments: Sequence[str],
        watch: Watch,
        *,
        waiting: str = "",
        when_killed: Callable[[], None] = lambda: None,
    ) -> Done | None:
        """
        Run one command step by step, and return what it printed: None if *watch* had it killed.

        All processes that it started have ended then; *when_killed* is called before. The program
        *waiting* does nothing until it may: see `tests.crash.steps.announce_steps`.
        """
        self._request(arguments=arguments, is_stepwise=True, waiting=waiting)
        number = 0
        while step := (message := self._receive()).get("step"):
            goes_on = False
            try:
                goes_on = watch(number, step)
            finally:
                self._channel.send(fork_server.GO if goes_on else fork_server.DIE)
                if not goes_on:
                    self._expect_end(signal.SIGKILL, when_killed)
            if not goes_on:
                return None
            number += 1
        self._expect_end(0)
        return Done(**message)

    def close(self) -> None:
        self._channel.close()
        self._process.wait(_PATIENCE)

    def __enter__(self) -> Killer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(self, **words: Any) -> None:
        self._channel.send(json.dumps(words).encode())

    def _expect_end(self, status: int, before_the_last: Callable[[], None] = lambda: None) -> None:
        assert self._receive() == {"status": status}
        before_the_last()
        assert self._receive() == {}

    def _receive(self) -> dict[str, Any]:
        received: dict[str, Any] = json.loads(self._channel.recv(_LONGEST))
        return received
