"""
A director on which one command is killed again and again, each time from the same start.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.databases import Copy
from tests.crash.kernels import IPSET, Backend, Held, Kernel
from tests.crash.killer import Killer
from tests.e2e.machine import Machine
from tests.e2e.servers import WEBHOOK_PORT, Webhook
from tests.kernel.namespaces import Namespace

LIST = "relay.txt"
CONFIGURATION = f"""\
database = "sqlite:///proxyfeed.db"

[feeds.relay]
url = "file:{LIST}"
format = "text"
LIMITS

[sets.relay]
feeds = ["relay"]
mark = MARK
backend = "BACKEND"
virtual = SERVICES

[alerts]
to = ["json://127.0.0.1:{WEBHOOK_PORT}/hook"]
"""
# Every list is believed, however much of it is new.
NO_LIMITS = 'max_growth = "10000 %"\nmax_shrink = "100 %"'
SOME_SERVICES = ("192.0.2.80:80", "[2001:db8::80]:80")


@dataclass(frozen=True, slots=True)
class Start:
    """
    What all runs of a scenario start from: a folder and a kernel.
    """

    folder: Path
    held: Held


class Stage:
    """
    *machine* is the director, whose sets are kept by *backend*; *folder* beside its own is for what
    the tests keep.
    """

    def __init__(self, machine: Machine, folder: Path, killer: Killer, webhook: Webhook) -> None:
        self.machine = machine
        self.backend: Backend = IPSET
        self.killer = killer
        self.webhook = webhook
        self.kernel = Kernel(machine.namespace, folder)
        self._folder = folder

    def configure(
        self,
        *,
        limits: str = NO_LIMITS,
        services: tuple[str, ...] = SOME_SERVICES,
        mark: int = 1,
        backend: Backend | None = None,
    ) -> None:
        text = CONFIGURATION.replace("LIMITS", limits).replace("MARK", str(mark))
        text = text.replace("BACKEND", (backend or self.backend).name)
        self.machine.configure(text.replace("SERVICES", json.dumps(services)))

    def publish(self, prefixes: Iterable[str]) -> None:
        (self.machine.folder / LIST).write_text("".join(f"{one}\n" for one in sorted(prefixes)))

    def withdraw(self) -> None:
        (self.machine.folder / LIST).unlink()

    def clear(self, backend: Backend) -> None:
        """
        Become a new director, which has a configuration and nothing else.
        """
        self.kernel.forget()
        for path in self.machine.folder.iterdir():
            path.unlink()
        self.webhook.take()
        self.backend = backend
        self.configure()

    def run(self, *arguments: str, code: int = 0) -> None:
        self.killer.run(*arguments, code=code)

    def database(self) -> Copy:
        return Copy(self.machine.database, self._folder)

    def files(self) -> dict[str, bytes]:
        """
        What would be there after a crash: all but the index that SQLite then makes anew.
        """
        paths = (path for path in self.machine.folder.rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in paths if path.suffix != ".db-shm"}

    def save(self) -> Start:
        kept = self._folder / "start"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.machine.folder, kept)
        return Start(kept, self.kernel.read())

    def restore(self, start: Start) -> None:
        # The folder itself stays: it is where the fork server is at home.
        for path in self.machine.folder.iterdir():
            path.unlink()
        shutil.copytree(start.folder, self.machine.folder, dirs_exist_ok=True)
        self.kernel.restore(start.held)
        self.webhook.take()


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """
    A director with folders of its own in *folder*.
    """
    home, kept = folder / "home", folder / "kept"
    home.mkdir()
    kept.mkdir()
    with ExitStack() as open_until_the_end:
        enter = open_until_the_end.enter_context
        namespace = enter(Namespace())
        webhook = enter(Webhook(namespace))
        machine = Machine(namespace, home)
        yield Stage(machine, kept, enter(Killer(machine)), webhook)
