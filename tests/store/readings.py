"""
Readings as a run hands them to the store, and ways to look at what became of them.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from proxyfeed.model import (
    Attempt,
    Body,
    FetchOutcome,
    Finding,
    Labels,
    Reading,
    Severity,
    Status,
    Validators,
    Version,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import Store, connect

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
DAY = timedelta(days=1)
URL = "https://lists.example.net/proxies.html"
HOST = "lvs1.example.net"
TOO_MUCH = Finding("growth", Severity.RELATIVE, "IPv4: 512 addresses come")


def open_engine(database: Path) -> Engine:
    engine = connect(f"sqlite:///{database}")
    # The pool gives the same connection again. No test here cuts the power, so none need wait.
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA synchronous = OFF")
    return engine


def open_store(database: Path, host: str = HOST) -> Store:
    return Store(open_engine(database), host=host)


def attempt(outcome: FetchOutcome, body: bytes = b"", etag: str | None = None) -> Attempt:
    validators = Validators(URL, etag, None) if etag else None
    return Attempt(
        url=URL,
        outcome=outcome,
        status=200 if body else None,
        size=len(body),
        seconds=0.25,
        body=Body(body, "text/html", validators) if body else None,
    )


def countries(**rows: str) -> Labels:
    """
    Labels such as `countries(US="20.0.0.0/24", DE="20.0.1.0/24 2a00::/32")`.
    """
    return Labels.of(
        "country", ((text, PrefixSet.parse(row.split())) for text, row in rows.items())
    )


def new(*rows: str, feed: str = "aol", body: bytes = b"", etag: str | None = None) -> Reading:
    """
    A reading that was accepted.
    """
    content = PrefixSet.parse(rows)
    verdict = attempt(FetchOutcome.NEW, body or repr(rows).encode(), etag)
    return Reading(feed, (verdict,), URL, "reader", content, Status.ACCEPTED)


def held(*rows: str, feed: str = "aol", body: bytes = b"") -> Reading:
    """
    A reading that the guard holds.
    """
    verdict = attempt(FetchOutcome.HELD, body or repr(rows).encode())
    content = PrefixSet.parse(rows)
    return Reading(feed, (verdict,), URL, "reader", content, Status.HELD, (TOO_MUCH,))


def failed(outcome: FetchOutcome = FetchOutcome.TIMED_OUT, body: bytes = b"") -> Reading:
    return Reading("aol", (attempt(outcome, body),), URL, "reader")


def seen(outcome: FetchOutcome, version: int, etag: str | None = None) -> Reading:
    """
    A reading of content that is known already.
    """
    body = b"" if outcome is FetchOutcome.NOT_MODIFIED else b"the same list"
    return Reading("aol", (attempt(outcome, body, etag),), URL, "reader", version=version)


def record(store: Store, *readings: Reading, at: datetime = NOW) -> Version:
    """
    Record one run and return the version of its last reading.
    """
    number = store.record(readings, at)[readings[-1].feed]
    assert number is not None
    return store.version(number)


def approve(store: Store, version: Version, at: datetime = NOW) -> None:
    store.approve(version, by="ines", reason=None, now=at)


def reject(store: Store, version: Version, at: datetime = NOW) -> None:
    store.reject(version, by="ines", reason="not announced", now=at)


def ids(versions: tuple[Version, ...]) -> list[int]:
    return [version.id for version in versions]


def ask(database: Path, query: str) -> list[Any]:
    """
    Look into the file by another connection than the store's.
    """
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def damage(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)


def dump(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())
