"""
A director without a kernel: the real commands on a real database, night after night.
"""

from __future__ import annotations

import os
import shutil
import ssl
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from proxyfeed.commands.desired import Desired, desired
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.update import update
from proxyfeed.config import Config, parse
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.model import Delivery, Draft, Event, Outcome, UpdateResult
from proxyfeed.sources import Read, read, take_in
from proxyfeed.sources.fetch import Transport, fetch
from proxyfeed.store import Store, connect

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

# Set `aol` takes feed `aol`; feed `opera` is in no set.
TWO_FEEDS = ONE_FEED.replace(
    "[sets.aol]",
    """
[feeds.opera]
url = "file:opera.html"
format = "html"
html.heading = ["proxies"]

[sets.aol]""",
)

TEXT_FEED = """
apply = "manual"

[feeds.relay]
url = "file:relay.txt"
format = "text"
text.stamp = "last change:"

[sets.relay]
feeds = ["relay"]
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


def text(*prefixes: str, stamp: datetime | None = None) -> bytes:
    """
    A list in the text format, with upstream's own time in a comment if there is one.
    """
    head = f"# last change: {stamp.isoformat()}\n" if stamp else "# the relay\n"
    return (head + "".join(f"{prefix}\n" for prefix in prefixes)).encode()


def page(*prefixes: str) -> bytes:
    items = "".join(f"<li>{prefix}</li>\n" for prefix in prefixes)
    return f"<html><body><h1>Proxies</h1>\n<ul>\n{items}</ul></body></html>\n".encode()


@dataclass
class Director:
    """
    *sent* are the alerts as they went out; while *mail_is_down* none of them arrives. *read* is
    what bodies are read with.
    """

    folder: Path
    store: Store
    config: Config
    now: datetime = FIRST_NIGHT
    sent: list[Event] = field(default_factory=list)
    mail_is_down: bool = False
    read: Read = read
    _published: int = 0

    @classmethod
    def start(cls, folder: Path, empty_database: Path) -> Director:
        database = shutil.copy(empty_database, folder / "proxyfeed.db")
        engine = connect(f"sqlite:///{database}")
        # The pool gives the same connection again. No test here cuts the power, so none need wait.
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA synchronous = OFF")
        (folder / "nothing installed").mkdir()
        return cls(folder, Store(engine, host="lvs1"), read_config(ONE_FEED, folder))

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

    def doors(self) -> Doors:
        return Doors(
            store=self.store,
            firewall=Firewall(Runner(path=str(self.folder / "nothing installed"))),
            take_in=partial(take_in, fetch=partial(fetch, transport=transport()), read=self.read),
            send=self._send,
            now=self.now,
            host="lvs1",
            who="ines",
        )

    def update(self, *feeds: str, dry_run: bool = False, force_fetch: bool = False) -> Outcome:
        return update(self.config, self.doors(), feeds, dry_run=dry_run, force_fetch=force_fetch)

    def night(self, *prefixes: str) -> Outcome:
        """
        Publish *prefixes*, if any are given, and update a day after the last time.
        """
        if prefixes:
            self.publish(*prefixes)
        self.now += DAY
        return self.update()

    def text_night(self, *prefixes: str, stamp: datetime | None = None) -> Outcome:
        """
        The same for the feed of `TEXT_FEED`.
        """
        self.publish(to="relay.txt", body=text(*prefixes, stamp=stamp))
        return self.night()

    def desired(self, name: str, drafts: Mapping[str, Draft] | None = None) -> Desired:
        states = {feed: self.store.state(feed, self.now) for feed in self.config.feeds}
        return desired(self.config, self.doors(), self.config.sets[name], states, drafts)

    def versions(self) -> list[tuple[int, str]]:
        found = reversed(self.store.versions())
        return [(version.id, version.status.value) for version in found]

    def active(self, feed: str = "aol") -> int | None:
        state = self.store.state(feed, self.now)
        return state.active.id if state.active else None

    def files(self) -> dict[str, bytes]:
        """
        What is on the disk, down to the bytes; all but what SQLite keeps for its own locks.
        """
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in paths if path.suffix != ".db-shm"}

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


def transport() -> Transport:
    # A context without authorities is made faster than one with all, and nothing here needs any.
    return Transport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), sleep=lambda _seconds: None)
