"""
Every step of a run that somebody outside could tell, announced before it is taken.

A step is a statement that SQLite carries out (``BEGIN``, ``COMMIT`` and ``PRAGMA`` too), the return
of one from SQLAlchemy, a file that is opened for writing, moved, removed or locked, the start, the
work and the end of a program, a fork, a connection, an alert before and after it is sent. They are
found by hooks of Python, so that a step that is new in the product is a step here too.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3.dbapi2
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

Announce = Callable[[str], None]

GATE = "gate"
_WAITING = ("/bin/sh", "-c", 'read go < "$0"; exec "$@"', GATE)
_LENGTH = 100
_VALUE = re.compile(r"x?'(?:[^']|'')*'|\b\d[\d.]*")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# As `sys.audit` names them: https://docs.python.org/3/library/audit_events.html
_EVENTS = frozenset(
    [
        *("fcntl.flock", "fcntl.lockf", "os.chmod", "os.chown", "os.exec", "os.fork", "os.link"),
        *("os.mkdir", "os.posix_spawn", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
        *("os.truncate", "os.utime", "socket.bind", "socket.connect", "sqlite3.connect"),
    ]
)


def announce_steps(stop: Announce, waiting: str = "") -> None:
    """
    Call *stop* before each step of this process from now on, in whatever thread; never for a child.

    The program whose words are *waiting*, such as ``ipset restore``, is started and does nothing
    until something is written to the pipe `GATE` in the working folder.
    """
    process, one_at_a_time = os.getpid(), threading.Lock()

    def announce(step: str) -> None:
        if os.getpid() == process:
            with one_at_a_time:
                stop(step[:_LENGTH])

    sys.addaudithook(lambda name, arguments: _audit(announce, name, arguments))
    _announce_statements(announce)
    _announce_programs(announce, waiting)
    _announce_alerts(announce)


def _audit(announce: Announce, name: str, arguments: tuple[Any, ...]) -> None:
    if name == "open":
        path, mode, flags = arguments
        # A descriptor that is opened anew has a mode and no flags: "w".
        is_written = set(mode or "") & set("wax+") if isinstance(path, int) else flags & _WRITES
        if is_written:
            announce(f"open {path if not isinstance(path, int) else 'a descriptor'}")
    elif name in _EVENTS:
        told = [str(one) for one in arguments if isinstance(one, str | bytes | os.PathLike | tuple)]
        announce(" ".join([name, *told]))


def _announce_statements(announce: Announce) -> None:
    from sqlalchemy import Engine, event

    connect = sqlite3.dbapi2.connect

    def traced(*arguments: Any, **words: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **words)
        connection.set_trace_callback(lambda sql: announce(f"sql {_without_values(sql)}"))
        return connection

    def after(*arguments: Any) -> None:
        announce(f"done {_without_values(arguments[2])}")

    sqlite3.dbapi2.connect = traced
    event.listen(Engine, "after_cursor_execute", after)


def _without_values(sql: str) -> str:
    # Of two runs, one has another time in them than the other.
    return _VALUE.sub("?", " ".join(sql.split()))


def _announce_programs(announce: Announce, waiting: str) -> None:
    class Popen(subprocess.Popen[Any]):
        def __init__(self, argv: Any, *arguments: Any, **words: Any) -> None:
            self._title = " ".join(argv)
            announce(f"before {self._title}")
            if self._title == waiting:
                argv = [*_WAITING, *argv]
            super().__init__(argv, *arguments, **words)
            announce(f"started {self._title}")

        def wait(self, timeout: float | None = None) -> int:
            is_first = self.returncode is None
            code = super().wait(timeout)
            if is_first:
                announce(f"ended {self._title}")
            return code

    subprocess.Popen = Popen  # type: ignore[misc]


def _announce_alerts(announce: Announce) -> None:
    from proxyfeed import alert

    send = alert.send

    def announced(*arguments: Any, **words: Any) -> Any:
        announce("before sending alerts")
        deliveries = send(*arguments, **words)
        announce("after sending alerts")
        return deliveries

    alert.send = announced


def kill_children(number: int) -> None:
    """
    Let each child that this process forks kill itself at its event of that *number*, from 1 on.
    """
    process, seen = os.getpid(), 0

    def count(_name: str, _arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if os.getpid() != process:
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
