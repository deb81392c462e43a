"""
Run one command of the program and count what it costs, in things that are the same on any machine.

A script: ``counting.py FILE ARGUMENTS...`` does as ``proxyfeed ARGUMENTS...`` and writes the counts
to FILE. It imports only what is light, so that what is loaded at the end the program has loaded.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

# Packages that take 10 ms or more to import.
HEAVY = frozenset(
    [
        *("alembic", "anyio", "apprise", "asyncio", "bs4", "httpx", "jmespath", "netaddr"),
        *("pydantic", "requests", "rich", "sqlalchemy", "typer"),
    ]
)
# How the product hands a program its input: see `proxyfeed.command`.
_INPUT = "/memfd:proxyfeed"


class Counts:
    """
    *statements* are what SQLite was asked to do, however many rows at once, and *commits* what it
    had to bring to the disk. *programs* are those that were started, by their first word or two,
    and *children* the forks. *entries* are lines that add to or delete from a set of the kernel.
    """

    def __init__(self) -> None:
        self.statements = self.commits = self.children = self.entries = 0
        self.programs: list[str] = []

    def watch(self) -> None:
        sys.addaudithook(self._audit)
        connect = sqlite3.connect

        def counted(*arguments: Any, **words: Any) -> sqlite3.Connection:
            connection = connect(*arguments, **words, factory=_connection_of(self))
            connection.set_trace_callback(self._trace)
            return connection

        sqlite3.connect = sqlite3.dbapi2.connect = counted

    def document(self) -> dict[str, Any]:
        loaded = {name.partition(".")[0] for name in sys.modules}
        return {**vars(self), "heavy": sorted(HEAVY & loaded)}

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "os.fork":
            self.children += 1
        elif name == "subprocess.Popen":
            self.programs.append(_title(arguments[1]))
            self.entries += sum(line[:4] in (b"add ", b"del ") for line in _given())

    def _trace(self, statement: str) -> None:
        self.commits += statement == "COMMIT"


def _connection_of(counts: Counts) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            counts.statements += 1
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:
            counts.statements += 1
            return super().executemany(*arguments)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

    return Connection


def _title(argv: Any) -> str:
    """
    ``ipset restore`` or ``iptables-restore``: the program, and its verb if it has one.
    """
    program, *rest = map(str, argv)
    return " ".join([Path(program).name, *(word for word in rest[:1] if word.isalpha())])


def _given() -> list[bytes]:
    """
    The lines of the input that lies ready for a program.
    """
    for link in Path("/proc/self/fd").iterdir():
        if link.is_symlink() and str(link.readlink()).startswith(_INPUT):
            return link.read_bytes().splitlines()
    return []


def main() -> None:
    _, file, *arguments = sys.argv
    sys.argv = ["proxyfeed", *arguments]
    process, counts = os.getpid(), Counts()
    counts.watch()
    try:
        from proxyfeed.cli import main as proxyfeed

        proxyfeed()
    finally:
        # A child that the program forks never comes here, but if one did it would say nothing.
        if os.getpid() == process:
            document = counts.document()
            import json

            Path(file).write_text(json.dumps(document))


if __name__ == "__main__":
    main()
