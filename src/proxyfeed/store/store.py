"""
The only door to the database. Every public method is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine

from proxyfeed.errors import OperatorMistake
from proxyfeed.model import (
    AlertState,
    Application,
    Body,
    Delivery,
    FeedState,
    FetchRow,
    Labels,
    Pin,
    Reading,
    Status,
    Version,
)
from proxyfeed.notation import read_address
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import bodies, contents, departures, fetched, hosts, state
from proxyfeed.store import versions as chain
from proxyfeed.store.allotments import Allotments
from proxyfeed.store.confirming import Confirmations
from proxyfeed.store.contents import Life
from proxyfeed.store.engine import for_writing
from proxyfeed.store.failures import store_errors
from proxyfeed.store.labelled import Departed
from proxyfeed.store.proven import Proven
from proxyfeed.store.pruning import prune
from proxyfeed.store.schema import versions


class Store:
    """
    An open database. *host* names this director: rows that belong to a machine carry it.
    *confirmations* are what waits for an operator's word, *allotments* the marks of the labels of
    split sets.
    """

    def __init__(self, engine: Engine, *, host: str) -> None:
        self._engine = engine
        self._writer = for_writing(engine)
        self._host = host
        self._proven = Proven()
        self.allotments = Allotments(self._reading, self._writing)
        self.confirmations = Confirmations(self._reading, self._writing, host=host)

    def close(self) -> None:
        self._engine.dispose()

    # ------------------------------------------------------------ feeds and versions

    def state(self, feed: str, now: datetime) -> FeedState:
        with self._reading() as connection:
            return state.read_state(connection, feed, now)

    def record(self, readings: Iterable[Reading], now: datetime) -> dict[str, int | None]:
        """
        Write what a run found: every attempt, and the versions that came of it.

        Returns the version of each feed's reading by the feed's name, None where it has none. Of a
        feed that was not due, nothing is written.
        """
        numbers: dict[str, int | None] = {}
        with self._writing() as connection:
            for reading in readings:
                version = reading.version
                if reading.attempts:
                    version = self._record(connection, reading, now)
                numbers[reading.feed] = version
        return numbers

    def _record(self, connection: Connection, reading: Reading, now: datetime) -> int | None:
        number = chain.ensure_feed(connection, reading.feed)
        version = reading.version
        if reading.status is not None:
            version = chain.make_version(connection, number, reading, now, self._proven)
        fetched.write_reading(connection, number, reading, version, host=self._host, now=now)
        prune(connection, number)
        return version

    def version(self, number: int) -> Version:
        """
        Raises:
            OperatorMistake: there is no such version.
        """
        with self._reading() as connection:
            query = chain.select_versions().where(versions.c.id == number)
            found = chain.first_version(connection, query)
        if found is None:
            raise OperatorMistake(f"there is no version {number}", hint="proxyfeed history")
        return found

    def versions(self, feed: str | None = None, limit: int | None = None) -> tuple[Version, ...]:
        """
        The newest first, of one feed or of all.
        """
        query = chain.select_versions().order_by(versions.c.id.desc()).limit(limit)
        with self._reading() as connection:
            if feed is not None:
                query = query.where(versions.c.feed_id == chain.feed_id(connection, feed))
            return tuple(chain.to_version(row) for row in connection.execute(query))

    def before(self, version: Version) -> Version | None:
        """
        The version that was the newest accepted one of the same feed when *version* came.
        """
        with self._reading() as connection:
            number = chain.feed_id(connection, version.feed)
            return None if number is None else chain.read_before(connection, number, version.id)

    def content(self, version: Version) -> PrefixSet:
        """
        Raises:
            StoreError: what is there is not what was recorded: a kernel set must not be made of it.
        """
        with self._reading() as connection:
            return self._proven.content(connection, version)

    def labels(self, version: Version) -> Labels:
        """
        Which prefixes of *version* carry which label, the empty value for a version without any.

        Raises:
            StoreError: what is there is not what was recorded.
        """
        with self._reading() as connection:
            return self._proven.labels(connection, version)

    def departed(self, feed: str, since: datetime) -> tuple[tuple[Version, PrefixSet], ...]:
        """
        The versions accepted after *since* that dropped prefixes, and those prefixes, the newest
        first. Some of their addresses may have stayed, in a prefix that was cut anew, or be back.

        Raises:
            StoreError: what is there is not what was recorded.
        """
        with self._reading() as connection:
            return departures.read(connection, feed, since)

    def departed_labels(self, feed: str, since: datetime) -> tuple[Departed, ...]:
        """
        The labels that each of the versions accepted after *since* took from prefixes, and those
        prefixes, the newest first. They may have got another label, or have left the feed.
        """
        with self._reading() as connection:
            return departures.read_labels(connection, feed, since)

    def body(self, version: Version) -> Body | None:
        """
        The bytes that *version* was first read from, None where they are no longer kept.
        """
        with self._reading() as connection:
            return bodies.read_body_of_version(connection, version.id)

    def fetched_body(self, fetch: int) -> Body | None:
        """
        The bytes that one attempt gave, None where they were not kept: those that failed or were
        held are.
        """
        with self._reading() as connection:
            return bodies.read_body_of_fetch(connection, fetch)

    def attempts(self, feed: str, limit: int) -> tuple[FetchRow, ...]:
        with self._reading() as connection:
            number = chain.feed_id(connection, feed)
            if number is None:
                return ()
            return tuple(fetched.read_attempts(connection, number, feed, limit))

    def lives(self, feed: str, address: str) -> tuple[Life, ...]:
        """
        The versions that brought and dropped *address*, as pairs, oldest first.
        """
        family, number = read_address(address)
        with self._reading() as connection:
            owner = chain.feed_id(connection, feed)
            if owner is None:
                return ()
            return tuple(contents.read_lives(connection, owner, family, number))

    # ------------------------------------------------------------ an operator's decisions

    def approve(self, version: Version, *, by: str, reason: str | None, now: datetime) -> None:
        """
        Raises:
            OperatorMistake: another run accepted a newer version meanwhile.
            StoreError: what was held is not what was recorded.
        """
        with self._writing() as connection:
            chain.approve(connection, version, self._proven, by=by, reason=reason, now=now)

    def reject(self, version: Version, *, by: str, reason: str | None, now: datetime) -> None:
        with self._writing() as connection:
            chain.decide(connection, version, Status.REJECTED, by=by, reason=reason, now=now)

    def pin(self, pin: Pin) -> None:
        with self._writing() as connection:
            chain.write_pin(connection, pin)

    def release(self, feed: str) -> None:
        with self._writing() as connection:
            chain.drop_pin(connection, chain.ensure_feed(connection, feed))

    # ------------------------------------------------------------ this host

    def applied(self, application: Application) -> None:
        with self._writing() as connection:
            hosts.write_application(connection, application)

    def last_application(self, set_name: str) -> Application | None:
        with self._reading() as connection:
            return hosts.read_last_application(connection, self._host, set_name)

    def told(self) -> tuple[AlertState, ...]:
        with self._reading() as connection:
            return hosts.read_told(connection, self._host)

    def deliveries(self) -> tuple[Delivery, ...]:
        with self._reading() as connection:
            return hosts.read_deliveries(connection, self._host)

    def remember_alerts(self, states: Sequence[AlertState], sent: Sequence[Delivery]) -> None:
        """
        Replace what was told by *states*, and note the last delivery to each target.
        """
        with self._writing() as connection:
            hosts.replace_told(connection, self._host, states)
            hosts.write_deliveries(connection, self._host, sent)

    # ------------------------------------------------------------ transactions

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with store_errors(self._engine), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with store_errors(self._engine), self._writer.begin() as connection:
            yield connection
