"""
A disk of its own for a machine's folder: small, or read-only, as nobody else sees it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.e2e import session
from tests.e2e.machine import Done, Machine

# Mounts a disk over the folder $1, in a mount namespace that ends with this shell.
_MOUNT = """
mount -t tmpfs -o "$2" disk "$1" && cd "$1" && echo mounted && shift 2 && exec "$@"
"""


class Disk:
    """
    A tmpfs over the folder of *machine*, with a copy of all that is there, and one process of the
    program that runs command after command on it.

    *options* are those of the mount, such as ``size=400k``. The kernel is that of the machine.
    """

    def __init__(self, machine: Machine, options: str = "size=4m") -> None:
        script = ("sh", "-c", _MOUNT, "sh", str(machine.folder), f"mode=750,{options}")
        self._process = subprocess.Popen(
            [
                *machine.namespace.argv,
                *("unshare", "--mount", "--propagation", "private", *script),
                *(sys.executable, session.__file__),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=machine.environment,
            cwd=machine.folder,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "mounted\n"
        inside = ("nsenter", "--target", str(self._process.pid), "--mount")
        self._argv = (*machine.namespace.argv, *inside)
        self._mounted = machine.folder
        # What is mounted there alone is seen through the process that is in there.
        self.folder = Path(f"/proc/{self._process.pid}/root{machine.folder}")
        shutil.copytree(machine.folder, self.folder, dirs_exist_ok=True)

    def proxyfeed(self, *arguments: str) -> Done:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(arguments)}\n")
        self._process.stdin.flush()
        return Done(*json.loads(self._process.stdout.readline()))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """
        Ask a copy of the database: SQLite itself would find another file at a path of `/proc`.
        """
        with tempfile.TemporaryDirectory() as folder:
            for path in self.folder.glob("proxyfeed.db*"):
                shutil.copy(path, folder)
            with closing(sqlite3.connect(Path(folder, "proxyfeed.db"))) as connection:
                return connection.execute(query).fetchall()

    def fill(self, free: int) -> None:
        """
        Leave room for so many pages.
        """
        filler = self.folder / "filler"
        filler.write_bytes(b"")
        space = os.statvfs(self.folder)
        filler.write_bytes(bytes((space.f_bavail - free) * space.f_bsize))
        assert os.statvfs(self.folder).f_bavail == free

    def empty(self) -> None:
        self.folder.joinpath("filler").unlink()

    def remount(self, options: str) -> None:
        command = ["mount", "-o", f"remount,{options}", str(self._mounted)]
        subprocess.run([*self._argv, *command], check=True)

    def close(self) -> None:
        """
        End the process; the disk goes with it.
        """
        self._process.communicate()

    def __enter__(self) -> Disk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
