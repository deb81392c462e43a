"""
What the process is given by its surroundings: who runs it, where things are, how to open them.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from proxyfeed.errors import OperatorMistake, Unequipped
from proxyfeed.plain import plain
from proxyfeed.refused import look_at, said

if TYPE_CHECKING:
    from proxyfeed.commands.doors import Doors
    from proxyfeed.config import Config
    from proxyfeed.model import Feed, Validators
    from proxyfeed.sources import Intake
    from proxyfeed.sources.apart import Apart
    from proxyfeed.timer import RevertTimer


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
            return _absolute(self.environ["PROXYFEED_STATE"])
        if self.is_root:
            return Path("/var/lib/proxyfeed")
        base = self.environ.get("XDG_STATE_HOME") or _home() / ".local/state"
        return Path(base) / "proxyfeed"

    @property
    def usual_config(self) -> Path:
        if self.is_root:
            return Path("/etc/proxyfeed/proxyfeed.toml")
        base = self.environ.get("XDG_CONFIG_HOME") or _home() / ".config"
        return Path(base) / "proxyfeed/proxyfeed.toml"

    def config(self) -> Config:
        """
        Load the chosen configuration, or the usual one, or what is built in.
        """
        from proxyfeed.config import is_there, load

        if self.chosen is not None:
            if not is_there(self.chosen):
                raise OperatorMistake(
                    f"there is no configuration at {self.chosen}",
                    hint=f"proxyfeed --config {self.chosen} init",
                )
            return load(self.chosen, self.state_folder)
        usual = self.usual_config
        return load(usual if is_there(usual) else None, self.state_folder)

    @property
    def search_path(self) -> str:
        """
        Where an operator's own command is looked for; for root not just anywhere.
        """
        from proxyfeed.command import SYSTEM_PATH

        return SYSTEM_PATH if self.is_root else self.environ.get("PATH", SYSTEM_PATH)

    def timer(self) -> RevertTimer:
        """
        What takes back that which is not confirmed, by the same configuration and state.
        """
        from proxyfeed.firewall import Runner
        from proxyfeed.timer import PROGRAM, RevertTimer

        named = ("--config", str(self.chosen.absolute())) if self.chosen else ()
        environ = {**self.environ, "PROXYFEED_STATE": str(self.state_folder)}
        return RevertTimer((*PROGRAM, *named), environ, Runner().run)

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
    around: Surroundings,
    purpose: str,
    *,
    may_create: bool = False,
    has_lock: bool = True,
    patience: float = 0,
    config: Config | None = None,
) -> Iterator[tuple[Config, Doors]]:
    """
    Doors for a command that writes, under the lock.

    With *may_create* a missing database is made, so that a first ``update`` does the whole job.
    A dry run writes nothing and takes no lock: *has_lock* is then false. A lock that is held is
    waited for, *patience* seconds at most. *config* is one that was read before.
    """
    from proxyfeed.lock import exclusive

    config = config or around.config()
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    path = around.lock_path(config)
    said_to_others = f"proxyfeed {purpose}, since {now}"
    lock = exclusive(path, said_to_others, patience) if has_lock else nullcontext()
    with lock, _doors(config, around, may_create=may_create) as doors:
        yield config, doors


@contextmanager
def _doors(config: Config, around: Surroundings, *, may_create: bool) -> Iterator[Doors]:
    from proxyfeed.alert import send
    from proxyfeed.cli.progress import Progress
    from proxyfeed.commands.doors import Doors
    from proxyfeed.firewall import Firewall
    from proxyfeed.store import Store, connect, create_or_upgrade
    from proxyfeed.store.engine import is_empty

    def take_in(feed: Feed, urls: Sequence[str], known: Validators | None) -> Intake:
        return apart(config, around).take_in(feed, urls, known)

    opening = create_or_upgrade if may_create and is_empty(config.database) else connect
    host, now = host_name(), datetime.now(UTC)
    store = Store(opening(config.database), host=host)
    with Progress() as progress:
        try:
            yield Doors(
                store=store,
                firewall=Firewall(),
                take_in=take_in,
                send=partial(send, host=host, now=now),
                now=now,
                host=host,
                who=_who(around.environ),
                progress=progress.step,
                timer=around.timer(),
            )
        finally:
            store.close()


def apart(config: Config, around: Surroundings) -> Apart:
    """
    What fetches and reads without any of the rights that this process has.
    """
    from proxyfeed.sources.apart import Apart, Identity

    return Apart(Identity.of(config.fetch_as) if around.is_root else None)


def host_name() -> str:
    """
    The name that rows of this machine carry: never a made-up one, that two machines could share.

    Raises:
        Unequipped: the system does not tell it.
    """
    try:
        return plain(socket.gethostname(), keep="")
    except OSError as exc:
        raise Unequipped(
            f"the name of this host cannot be had: {said(exc)}",
            hint=look_at(exc, otherwise="hostnamectl"),
        ) from exc


def _who(environ: Mapping[str, str]) -> str:
    """
    The person behind the command, also through sudo.
    """
    try:
        name = environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, ImportError, OSError):
        return f"uid {os.getuid()}"
    return plain(name, keep="")


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as exc:
        raise OperatorMistake(
            f"user {os.getuid()} has no home folder, and HOME does not name one",
            hint="proxyfeed --config FILE ..., and the environment PROXYFEED_STATE=FOLDER",
        ) from exc


def _absolute(path: str) -> Path:
    try:
        return Path(path).absolute()
    except OSError as exc:
        raise OperatorMistake(
            f"PROXYFEED_STATE={path} is of the working folder, and that is gone: {said(exc)}",
            hint="cd /, or: PROXYFEED_STATE=/var/lib/proxyfeed",
        ) from exc
