"""
The only door to the database. Every public method is one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select, update

from proxyfeed.errors import OperatorMistake, StoreError
from proxyfeed.model import (
    AlertKind,
    AlertState,
    Application,
    Body,
    Delivery,
    FeedState,
    FetchRow,
    Pin,
    Reading,
    Status,
    Version,
)
from proxyfeed.notation import read_address
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import contents, fetched
from proxyfeed.store import versions as chain
from proxyfeed.store.contents import Life
from proxyfeed.store.engine import for_writing, store_errors
from proxyfeed.store.schema import applications, deliveries, pins, told, versions


class Store:
    """
    An open database. *host* names this director: rows that belong to a machine carry it.
    """

    def __init__(self, engine: Engine, *, host: str) -> None:
        self._engine = engine
        self._writer = for_writing(engine)
        self._host = host

    def close(self) -> None:
        self._engine.dispose()

    # ------------------------------------------------------------ feeds and versions

    def state(self, feed: str, now: datetime) -> FeedState:
        with self._reading() as connection:
            return chain.read_state(connection, feed, now)

    def record(self, readings: Iterable[Reading], now: datetime) -> dict[str, int | None]:
        """
        Write what a run found: every attempt, and the versions that came of it.

        Returns the version of each feed's reading by the feed's name, None where it has none.
        """
        numbers: dict[str, int | None] = {}
        with self._writing() as connection:
            for reading in readings:
                number = chain.ensure_feed(connection, reading.feed)
                version = reading.version
                if reading.status is not None:
                    version = self._make_version(connection, number, reading, now)
                fetched.write_reading(
                    connection, number, reading, version, host=self._host, now=now
                )
                if reading.status is Status.ACCEPTED:
                    fetched.prune_bodies(connection, number)
                numbers[reading.feed] = version
        return numbers

    def _make_version(
        self, connection: Connection, number: int, reading: Reading, now: datetime
    ) -> int:
        assert reading.content is not None and reading.status is not None  # noqa: S101, PT018
        body = reading.attempts[-1].body
        version = chain.insert_version(
            connection,
            number,
            reading.content,
            reading.status,
            findings=reading.findings,
            stamp=body.validators.last_modified if body and body.validators else None,
            now=now,
        )
        if reading.status is Status.ACCEPTED:
            chain.enter_chain(connection, number, version, reading.content)
        else:
            contents.write_held(connection, version, reading.content)
        return version

    def version(self, number: int) -> Version:
        """
        Raises:
            OperatorMistake: there is no such version.
        """
        with self._reading() as connection:
            return self._version(connection, number)

    def _version(self, connection: Connection, number: int) -> Version:
        row = connection.execute(chain.select_versions().where(versions.c.id == number)).first()
        if row is None:
            raise OperatorMistake(f"there is no version {number}", hint="proxyfeed history")
        return chain.to_version(row)

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
        query = (
            chain.select_versions()
            .where(
                versions.c.feed_id
                == select(versions.c.feed_id).where(versions.c.id == version.id).scalar_subquery(),
                versions.c.status == Status.ACCEPTED,
                versions.c.id < version.id,
            )
            .order_by(versions.c.id.desc())
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(query).first()
            return chain.to_version(row) if row else None

    def content(self, version: Version) -> PrefixSet:
        """
        Raises:
            StoreError: what is there is not what was recorded: a kernel set must not be made of it.
        """
        with self._reading() as connection:
            if version.status is Status.ACCEPTED:
                number = chain.ensure_feed(connection, version.feed)
                content = contents.read_accepted(connection, number, version.id)
            else:
                content = contents.read_held(connection, version.id)
        if content.digest != version.digest:
            raise StoreError(
                f"version {version.id} of feed {version.feed} does not read back as it was "
                "recorded: the database is damaged",
                hint="restore it from a backup",
            )
        return content

    def body(self, version: Version) -> Body | None:
        """
        The bytes that *version* was first read from, None where they are no longer kept.
        """
        with self._reading() as connection:
            return fetched.read_body(connection, version.id)

    def fetched_body(self, fetch: int) -> Body | None:
        """
        The bytes that one attempt gave, None where they were not kept: those that failed or were
        held are.
        """
        with self._reading() as connection:
            return fetched.read_fetched_body(connection, fetch)

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
        with self._writing() as connection:
            number = chain.ensure_feed(connection, version.feed)
            content = contents.read_held(connection, version.id)
            self._decide(connection, version, Status.ACCEPTED, by=by, reason=reason, now=now)
            contents.drop_held(connection, version.id)
            chain.enter_chain(connection, number, version.id, content)

    def reject(self, version: Version, *, by: str, reason: str | None, now: datetime) -> None:
        with self._writing() as connection:
            self._decide(connection, version, Status.REJECTED, by=by, reason=reason, now=now)

    def _decide(
        self,
        connection: Connection,
        version: Version,
        status: Status,
        *,
        by: str,
        reason: str | None,
        now: datetime,
    ) -> None:
        connection.execute(
            update(versions)
            .where(versions.c.id == version.id)
            .values(
                status=status,
                accepted_at=now if status is Status.ACCEPTED else None,
                decided_at=now,
                decided_by=by,
                reason=reason,
            )
        )

    def pin(self, pin: Pin) -> None:
        with self._writing() as connection:
            number = chain.ensure_feed(connection, pin.feed)
            connection.execute(delete(pins).where(pins.c.feed_id == number))
            connection.execute(
                insert(pins).values(
                    feed_id=number, version_id=pin.version, at=pin.at, by=pin.by, reason=pin.reason
                )
            )

    def release(self, feed: str) -> None:
        with self._writing() as connection:
            number = chain.ensure_feed(connection, feed)
            connection.execute(delete(pins).where(pins.c.feed_id == number))

    # ------------------------------------------------------------ this host

    def applied(self, application: Application) -> None:
        with self._writing() as connection:
            connection.execute(
                insert(applications).values(
                    host=application.host,
                    set_name=application.set_name,
                    action=application.action,
                    versions=json.dumps(application.versions),
                    at=application.at,
                    by=application.by,
                    seconds=application.seconds,
                    digest=application.digest,
                    layout=application.layout,
                )
            )

    def last_application(self, set_name: str) -> Application | None:
        query = (
            select(applications)
            .where(applications.c.host == self._host, applications.c.set_name == set_name)
            .order_by(applications.c.id.desc())
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Application(
            host=row.host,
            set_name=row.set_name,
            action=row.action,
            versions=tuple(json.loads(row.versions)),
            at=row.at,
            by=row.by,
            seconds=row.seconds,
            digest=row.digest,
            layout=row.layout,
        )

    def told(self) -> tuple[AlertState, ...]:
        query = select(told).where(told.c.host == self._host).order_by(told.c.kind, told.c.subject)
        with self._reading() as connection:
            return tuple(
                AlertState(AlertKind(row.kind), row.subject, row.key, row.since, row.sent_at)
                for row in connection.execute(query)
            )

    def deliveries(self) -> tuple[Delivery, ...]:
        query = (
            select(deliveries).where(deliveries.c.host == self._host).order_by(deliveries.c.target)
        )
        with self._reading() as connection:
            return tuple(
                Delivery(row.target, row.at, row.error) for row in connection.execute(query)
            )

    def remember_alerts(self, states: Sequence[AlertState], sent: Sequence[Delivery]) -> None:
        """
        Replace what was told by *states*, and note the last delivery to each target.
        """
        with self._writing() as connection:
            connection.execute(delete(told).where(told.c.host == self._host))
            for state in states:
                connection.execute(
                    insert(told).values(
                        host=self._host,
                        kind=state.kind,
                        subject=state.subject,
                        key=state.key,
                        since=state.since,
                        sent_at=state.sent_at,
                    )
                )
            for delivery in sent:
                mine = (deliveries.c.host == self._host) & (deliveries.c.target == delivery.target)
                connection.execute(delete(deliveries).where(mine))
                connection.execute(
                    insert(deliveries).values(
                        host=self._host,
                        target=delivery.target,
                        at=delivery.at,
                        error=delivery.error,
                    )
                )

    # ------------------------------------------------------------ transactions

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with store_errors(self._engine), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with store_errors(self._engine), self._writer.begin() as connection:
            yield connection
