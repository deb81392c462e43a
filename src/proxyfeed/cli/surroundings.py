"""
What the process is given by its surroundings: who runs it, where things are, how to open them.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from proxyfeed.config import Config, is_there, load
from proxyfeed.errors import OperatorMistake

if TYPE_CHECKING:
    from proxyfeed.commands.doors import Doors


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    *chosen* is the configuration that the operator named, by option or environment.
    """

    chosen: Path | None
    environ: Mapping[str, str]
    is_root: bool

    @property
    def state_folder(self) -> Path:
        if "PROXYFEED_STATE" in self.environ:
            return Path(self.environ["PROXYFEED_STATE"]).absolute()
        if self.is_root:
            return Path("/var/lib/proxyfeed")
        base = self.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
        return Path(base) / "proxyfeed"

    @property
    def usual_config(self) -> Path:
        if self.is_root:
            return Path("/etc/proxyfeed/proxyfeed.toml")
        base = self.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        return Path(base) / "proxyfeed/proxyfeed.toml"

    def config(self) -> Config:
        """
        Load the chosen configuration, or the usual one, or what is built in.
        """
        if self.chosen is not None:
            if not is_there(self.chosen):
                raise OperatorMistake(
                    f"there is no configuration at {self.chosen}",
                    hint=f"proxyfeed --config {self.chosen} init",
                )
            return load(self.chosen, self.state_folder)
        usual = self.usual_config
        return load(usual if is_there(usual) else None, self.state_folder)

    def lock_path(self, config: Config) -> Path:
        """
        Beside the database; for one that is elsewhere, in the state folder of this host.
        """
        from proxyfeed.store.engine import sqlite_path

        database = sqlite_path(config.database)
        if database is None:
            return self.state_folder / "proxyfeed.lock"
        return database.with_name(f"{database.name}.lock")


@contextmanager
def reading(around: Surroundings) -> Iterator[tuple[Config, Doors]]:
    """
    Doors for a command that changes nothing.
    """
    config = around.config()
    with _doors(config, around, may_create=False) as doors:
        yield config, doors


@contextmanager
def writing(
    around: Surroundings, purpose: str, *, may_create: bool = False, has_lock: bool = True
) -> Iterator[tuple[Config, Doors]]:
    """
    Doors for a command that writes, under the lock.

    With *may_create* a missing database is made, so that a first ``update`` does the whole job.
    A dry run writes nothing and takes no lock: *has_lock* is then false.
    """
    from proxyfeed.lock import exclusive

    config = around.config()
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    path = around.lock_path(config)
    lock = exclusive(path, f"proxyfeed {purpose}, since {now}") if has_lock else nullcontext()
    with lock, _doors(config, around, may_create=may_create) as doors:
        yield config, doors


@contextmanager
def _doors(config: Config, around: Surroundings, *, may_create: bool) -> Iterator[Doors]:
    from proxyfeed.alert import send
    from proxyfeed.cli.progress import Progress
    from proxyfeed.commands.doors import Doors
    from proxyfeed.firewall import Firewall
    from proxyfeed.sources.fetch import fetch
    from proxyfeed.store import Store, connect, create_or_upgrade
    from proxyfeed.store.engine import is_empty

    opening = create_or_upgrade if may_create and is_empty(config.database) else connect
    host, now = socket.gethostname(), datetime.now(UTC)
    store = Store(opening(config.database), host=host)
    with Progress() as progress:
        try:
            yield Doors(
                store=store,
                firewall=Firewall(),
                fetch=fetch,
                send=partial(send, host=host, now=now),
                now=now,
                host=host,
                who=_who(around.environ),
                progress=progress.step,
            )
        finally:
            store.close()


def _who(environ: Mapping[str, str]) -> str:
    """
    The person behind the command, also through sudo.
    """
    if "SUDO_USER" in environ:
        return environ["SUDO_USER"]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
