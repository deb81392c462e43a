"""
A director without a kernel: the real commands on a real database, night after night.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import ssl
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.update import update
from proxyfeed.config import Config, parse
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.model import Delivery, Event, Outcome, UpdateResult, Version
from proxyfeed.sources.fetch import Transport, fetch
from proxyfeed.store import Store, connect

T = TypeVar("T")

DAY = timedelta(days=1)
FIRST_NIGHT = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
TARGET = "json://chat.example.net"

ONE_FEED = """
apply = "manual"

[feeds.aol]
url = "file:aol.html"
format = "html"
html.heading = ["proxies"]

[sets.aol]
feeds = ["aol"]
mark = 1
"""

ALERTS = f"""
[alerts]
to = ["{TARGET}"]
repeat_after = "7d"
"""


def rows(count: int, first: int = 0) -> list[str]:
    """
    So many prefixes of 256 addresses each: of a hundred, one more or less is 1 %.
    """
    return [f"20.0.{number}.0/24" for number in range(first, first + count)]


def page(*prefixes: str) -> bytes:
    items = "".join(f"<li>{prefix}</li>\n" for prefix in prefixes)
    return f"<html><body><h1>Proxies</h1>\n<ul>\n{items}</ul></body></html>\n".encode()


@dataclass
class Director:
    """
    *sent* are the alerts as they went out; while *mail_is_down* none of them arrives.
    """

    folder: Path
    config: Config
    now: datetime = FIRST_NIGHT
    sent: list[Event] = field(default_factory=list)
    mail_is_down: bool = False
    _published: int = 0

    @classmethod
    def start(cls, folder: Path, empty_database: Path) -> Director:
        shutil.copy(empty_database, folder / "proxyfeed.db")
        (folder / "nothing installed").mkdir()
        return cls(folder, read_config(ONE_FEED, folder))

    @property
    def database(self) -> Path:
        return self.folder / "proxyfeed.db"

    def configure(self, toml: str) -> None:
        self.config = read_config(toml, self.folder)

    def publish(self, *prefixes: str, to: str = "aol.html", body: bytes = b"") -> None:
        """
        Write a page, always with a later time than the one before.
        """
        path = self.folder / to
        path.write_bytes(body or page(*prefixes))
        self._published += 1
        os.utime(path, ns=(0, self._published * 1_000_000_000))

    @contextmanager
    def doors(self) -> Iterator[Doors]:
        engine = connect(f"sqlite:///{self.database}")
        # The pool gives the same connection again. No test here cuts the power, so none need wait.
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA synchronous = OFF")
        with closing(Store(engine, host="lvs1")) as store:
            yield Doors(
                store=store,
                firewall=Firewall(Runner(path=str(self.folder / "nothing installed"))),
                fetch=partial(fetch, transport=_transport()),
                send=self._send,
                now=self.now,
                host="lvs1",
                who="ines",
            )

    def run(self, command: Callable[[Doors], T]) -> T:
        """
        Run one command as the program does: on a database that is opened for it alone.
        """
        with self.doors() as doors:
            return command(doors)

    def update(self, *feeds: str, dry_run: bool = False) -> Outcome:
        with self.doors() as doors:
            return update(self.config, doors, feeds, dry_run=dry_run)

    def night(self, *prefixes: str) -> Outcome:
        """
        Publish *prefixes*, if any are given, and update a day after the last time.
        """
        if prefixes:
            self.publish(*prefixes)
        self.now += DAY
        return self.update()

    def versions(self) -> list[tuple[int, str]]:
        found: tuple[Version, ...] = self.run(lambda doors: doors.store.versions())
        return [(version.id, version.status.value) for version in reversed(found)]

    def active(self, feed: str = "aol") -> int | None:
        state = self.run(lambda doors: doors.store.state(feed, self.now))
        return state.active.id if state.active else None

    def dump(self) -> list[str]:
        with closing(sqlite3.connect(self.database)) as connection:
            return list(connection.iterdump())

    def _send(self, urls: Sequence[str], events: Sequence[Event]) -> tuple[Delivery, ...]:
        assert list(urls) == [TARGET]
        self.sent += events
        error = "connection refused" if self.mail_is_down else ""
        return (Delivery(TARGET, self.now, error),)


def read_config(toml: str, folder: Path) -> Config:
    return parse(tomllib.loads(toml), "proxyfeed.toml", folder, folder)


def outcomes(outcome: Outcome) -> dict[str, str]:
    """
    What came of each feed of an update.
    """
    result = outcome.result
    assert isinstance(result, UpdateResult)
    return {report.feed: report.outcome.value for report in result.feeds}


def _transport() -> Transport:
    # A context without authorities is made faster than one with all, and nothing here needs any.
    return Transport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), sleep=lambda _seconds: None)
