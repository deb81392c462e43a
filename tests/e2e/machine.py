"""
A director as its operator has it: a kernel, a folder with a configuration, and the real program.
"""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e import session
from tests.e2e.servers import PAGE, SITE_PORT, WEBHOOK_PORT
from tests.kernel.namespaces import SYSTEM_PATH, Namespace

import proxyfeed

PROGRAM = (sys.executable, "-m", "proxyfeed")
# The pauses between two tries at a URL are random; without them a failing page costs no time.
IMPATIENT = (
    sys.executable,
    "-c",
    "import random; random.random = lambda: 0.0; from proxyfeed.cli import main; main()",
)
_SOURCE = Path(proxyfeed.__file__).parents[1]


CONFIGURATION = f"""\
database = "sqlite:///proxyfeed.db"

[feeds.aol]
url = "http://127.0.0.1:{SITE_PORT}{PAGE}"

[sets.aol]
feeds = ["aol"]
mark = 1
virtual = ["192.0.2.80:80", "192.0.2.80:443", "[2001:db8::80]:80"]
"""
ALERTS = f"""
[alerts]
to = ["json://127.0.0.1:{WEBHOOK_PORT}/hook"]
repeat_after = "7d"
"""


@dataclass(frozen=True)
class Done:
    """
    What one run of the program printed, and the code it exited with.
    """

    code: int
    out: str
    err: str

    def expect(self, code: int | None) -> Done:
        assert code in (self.code, None), f"exit code {self.code}\n{self.out}{self.err}"
        return self

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def complaints(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("proxyfeed: ")]


class Machine:
    """
    *namespace* is its kernel; *folder* holds everything that it writes.
    """

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self.folder = folder
        self.config = folder / "proxyfeed.toml"
        self.database = folder / "proxyfeed.db"

    def configure(self, text: str) -> None:
        self.config.write_text(text, "utf-8")

    def copy(self, other: Machine) -> None:
        """
        Become what *other* is now: its configuration, its database, its kernel.
        """
        for path in (other.config, *other.folder.glob("proxyfeed.db*")):
            shutil.copy(path, self.folder)
        for saving, restoring in (
            ("ipset save", "ipset restore"),
            ("iptables-save", "iptables-restore"),
            ("ip6tables-save", "ip6tables-restore"),
        ):
            script = other.namespace.run(*saving.split()).stdout
            self.namespace.run(*restoring.split(), input=script)

    @property
    def environment(self) -> dict[str, str]:
        """
        Nothing of whoever runs the tests, so that no test depends on it.
        """
        return {
            "PATH": SYSTEM_PATH,
            "HOME": str(self.folder),
            "PYTHONPATH": str(_SOURCE),
            "PROXYFEED_CONFIG": str(self.config),
            "PROXYFEED_STATE": str(self.folder / "state"),
        }

    def proxyfeed(
        self,
        *arguments: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> Done:
        """
        Run one command to its end. It must exit with *code*, if that is not None.
        """
        done = subprocess.run(
            [*self.namespace.argv, *program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**self.environment, **(env or {})},
            cwd=self.folder,
        )
        return Done(done.returncode, done.stdout, done.stderr).expect(code)

    def several(self, *commands: Sequence[str]) -> list[Done]:
        """
        Run one command after the other in one process, whatever they exit with.
        """
        with self.session() as session:
            return [session.proxyfeed(*arguments, code=None) for arguments in commands]

    def session(self) -> Session:
        return Session(self)

    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None, **pipes: Any
    ) -> subprocess.Popen[bytes]:
        """
        Start one command; *pipes* are words for `subprocess.Popen`.
        """
        return subprocess.Popen(
            [*self.namespace.argv, *PROGRAM, *arguments],
            env={**self.environment, **(env or {})},
            cwd=self.folder,
            **pipes,
        )

    def kernel(self) -> str:
        """
        All that the kernel holds, as text that changes with every write.

        A set that is made anew has another ``initval``, and the counters of a rule that is made
        anew start at zero.
        """
        script = "ipset save && iptables-save -c && ip6tables-save -c"
        printed = self.namespace.run("sh", "-c", script).stdout
        # Without "# Generated by iptables-save v1.8.9 on Sun Nov 22 13:42:20 2026", and without
        # ":PREROUTING ACCEPT [12:720]", which counts every packet.
        return "".join(f"{line}\n" for line in printed.splitlines() if line[:1] not in "#:")

    def take_packet(self, source: str, service: tuple[str, int]) -> None:
        """
        Let one packet in, from *source* to a TCP *service* that nobody offers.
        """
        for address in (source, service[0]):
            self.namespace.run("ip", "address", "replace", f"{address}/32", "dev", "lo")
        with self.namespace.open_socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.bind((source, 0))
            with suppress(ConnectionRefusedError):
                client.connect(service)

    def members(self, name: str) -> set[str]:
        listing = self.namespace.run("ipset", "save", name).stdout
        return {line.split()[2] for line in listing.splitlines() if line.startswith("add ")}

    def rules(self, program: str = "iptables") -> list[str]:
        listing = self.namespace.run(program, "-t", "mangle", "-S", "PREROUTING").stdout
        return [line for line in listing.splitlines() if line.startswith("-A ")]

    def forget_kernel(self) -> None:
        """
        Lose every set and rule, as a reboot does.
        """
        for program in ("iptables", "ip6tables"):
            self.namespace.run(program, "-t", "mangle", "-F")
        self.namespace.run("ipset", "destroy")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """
        Ask the database behind the program's back.
        """
        with closing(sqlite3.connect(self.database)) as connection, connection:
            return connection.execute(query).fetchall()

    def versions(self) -> list[tuple[int, str]]:
        return self.rows("SELECT id, status FROM versions ORDER BY id")

    def files(self) -> dict[Path, bytes]:
        """
        Everything in the folder but the configuration.
        """
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in found if path != self.config}


class Session:
    """
    One process of *machine* that runs command after command; see `tests.e2e.session`.
    """

    def __init__(self, machine: Machine) -> None:
        self._process = subprocess.Popen(
            [*machine.namespace.argv, sys.executable, session.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=machine.environment,
            cwd=machine.folder,
        )

    def proxyfeed(self, *arguments: str, code: int | None = 0) -> Done:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(arguments)}\n")
        self._process.stdin.flush()
        return Done(*json.loads(self._process.stdout.readline())).expect(code)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
