"""
A database of schema 0001 that holds rows of every table, brought to the schema of today.
"""

import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from tests.store.readings import DAY, NOW, URL, approve, ask, countries, dump, held, new, record

from proxyfeed.errors import StoreError
from proxyfeed.model import (
    AlertKind,
    AlertState,
    Application,
    Body,
    Delivery,
    FetchOutcome,
    Finding,
    Labels,
    Pin,
    Severity,
    Status,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.shipped import shipped
from proxyfeed.store import Store, connect, create_or_upgrade, engine

STAMPS = {
    "Fri, 06 Feb 2026 20:44:02 GMT": "2026-02-06 20:44:02.000000",
    "Friday, 06-Feb-26 20:44:02 GMT": "2026-02-06 20:44:02.000000",
    "Fri Feb  6 20:44:02 2026": "2026-02-06 20:44:02.000000",
    "Fri, 06 Feb 2026 20:44:02 +0100": "2026-02-06 19:44:02.000000",
    "Fri, 31 Dec 9999 23:59:59 -0100": None,
    "Fri, 30 Feb 2026 20:44:02 GMT": None,
    "yesterday": None,
    "0": None,
    "": None,
    "\\x00;DROP TABLE versions": None,
}
AT = "2026-11-01 03:30:00.123456"
THEN = datetime(2026, 11, 1, 3, 30, 0, 123456, tzinfo=UTC)

FIRST = PrefixSet.parse(["20.0.0.0/24", "20.0.2.0/24", "2a00::/32"])
SECOND = PrefixSet.parse(["20.0.0.0/24", "2a00::/32"])
STOPPED = PrefixSet.parse(["20.0.4.0/24"])
PAGE = b"<li>20.0.0.0/24"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Two accepted versions, the first of them pinned, a held one, and version 9 long deleted.
    """
    folder = tmp_path_factory.mktemp("old")
    path = folder / "proxyfeed.db"
    create_schema_0001(path, folder / "migrations")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        fill(connection)
    return path


@pytest.fixture
def database(old: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(old, tmp_path))


def create_schema_0001(database: Path, folder: Path) -> None:
    newer = [path.name for path in (shipped("migrations") / "versions").glob("0*.py")]
    newer.remove("0001_first_schema.py")
    shutil.copytree(shipped("migrations"), folder, ignore=shutil.ignore_patterns(*newer))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "REVISION", "0001")
        patch.setattr(engine, "shipped", lambda _name: folder)
        create_or_upgrade(f"sqlite:///{database}").dispose()


def fill(connection: sqlite3.Connection) -> None:
    def add(table: str, *row: Any) -> None:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    add("feeds", 1, "aol")
    finding = '[{"rule": "growth", "severity": "relative", "what": "IPv4: 256 addresses come"}]'
    rows = (
        (1, FIRST, "accepted", "Fri, 06 Feb 2026 20:44:02 GMT", "[]", AT),
        (2, SECOND, "accepted", "soon", "[]", AT),
        (3, STOPPED, "held", None, finding, None),
        (9, STOPPED, "rejected", None, "[]", None),
    )
    for number, content, status, stamp, findings, accepted_at in rows:
        counts = [str(content.family(family).addresses) for family in (4, 6)]
        add(
            "versions",
            *(number, 1, content.digest, status, AT, stamp, len(content), *counts),
            *(findings, accepted_at, None, None, None),
        )
    connection.execute("DELETE FROM versions WHERE id = 9")
    for family, size in ((4, 5), (6, 17)):
        for key in FIRST.keys(family):
            until = None if key in SECOND.keys(family) else 2
            add("prefixes", 1, family, key.to_bytes(size, "big"), 1, until)
    add("held_contents", 3, zlib.compress(b"1400040018/"))
    add("bodies", "c0ffee", zlib.compress(PAGE), len(PAGE), "text/html", AT)
    for number, (outcome, version, body) in enumerate(
        [("new", 1, "c0ffee"), ("new", 2, None), ("held", 3, None), ("timed out", None, None)], 1
    ):
        said = '"7"', "Fri, 06 Feb 2026 20:44:02 GMT"
        add(
            "fetches",
            *(number, 1, "lvs1", AT, URL, "digest", "reader", outcome, 200, 15, 0.25, ""),
            *(*said, version, body),
        )
    add("pins", 1, 1, AT, "ines", "carts are lost")
    add("applications", 1, "lvs1", "aol", "update", "[1]", AT, "root", 0.5, "c0ffee", "ipset")
    add("told", "lvs1", "failed", "feed aol", "timed out", AT, AT)
    add("deliveries", "lvs1", "json://chat.example.net", AT, "refused")


@contextmanager
def upgraded(database: Path) -> Iterator[Store]:
    with closing(Store(create_or_upgrade(f"sqlite:///{database}"), host="lvs1")) as store:
        yield store


def test_every_table_of_schema_0001_holds_rows_before_the_upgrade(database: Path) -> None:
    names = ask(database, "SELECT name FROM sqlite_master WHERE type = 'table'")

    assert all(ask(database, f"SELECT * FROM {name}") for (name,) in names)
    with pytest.raises(StoreError, match="has schema 0001"):
        connect(f"sqlite:///{database}")


def test_versions_and_their_contents_are_there_after_the_upgrade(database: Path) -> None:
    with upgraded(database) as store:
        stopped, second, first = store.versions()

        assert [store.content(one) for one in (first, second, stopped)] == [FIRST, SECOND, STOPPED]
        assert {store.labels(one) for one in (first, second, stopped)} == {Labels()}
        assert [one.status for one in (first, second, stopped)] == ["accepted", "accepted", "held"]
        assert first.accepted_at == THEN
        assert first.upstream_stamp == datetime(2026, 2, 6, 20, 44, 2, tzinfo=UTC)
        assert (second.upstream_stamp, stopped.upstream_stamp) == (None, None)
        assert stopped.findings == (
            Finding("growth", Severity.RELATIVE, "IPv4: 256 addresses come"),
        )
        assert store.lives("aol", "20.0.2.1") == ((1, 2),)
        assert store.departed("aol", THEN - DAY) == ((second, PrefixSet.parse(["20.0.2.0/24"])),)


@pytest.mark.parametrize("change", ["key = X'0a00000008'", "family = 5", "key = 'text'"])
def test_an_upgrade_vouches_for_no_damage_and_is_not_stopped_by_it(
    database: Path, change: str
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"UPDATE prefixes SET {change} WHERE until_version = 2 AND family = 4")
    with upgraded(database) as store:
        assert store.content(store.version(2)) == SECOND
        record(store, new("20.0.0.0/24", "20.0.6.0/24", "2a00::/32"), at=NOW)
        if change == "family = 5":
            assert store.departed("aol", THEN - DAY) == ()
        else:
            with pytest.raises(StoreError, match=r"is damaged|never writes"):
                store.departed("aol", THEN - DAY)


def test_where_the_feed_stands_is_the_same_after_the_upgrade(database: Path) -> None:
    with upgraded(database) as store:
        state = store.state("aol", NOW)

        assert state.pin == Pin("aol", 1, THEN, "ines", "carts are lost")
        assert [state.latest, state.active] == [store.version(2), store.version(1)]
        assert state.waiting == (store.version(3),)
        assert state.seen == datetime(2026, 2, 6, 20, 44, 2, tzinfo=UTC)
        assert (state.failing_gaps, state.pauses) == ((), ())
        assert state.last is not None
        assert (state.last.outcome, state.last.at) == ("timed out", THEN)
        assert state.validated is not None
        assert (state.validated.etag, state.validated.version) == ('"7"', 2)
        assert store.body(store.version(1)) == Body(PAGE, "text/html")


def test_what_belongs_to_the_host_is_there_after_the_upgrade(database: Path) -> None:
    with upgraded(database) as store:
        assert store.last_application("aol") == Application(
            "lvs1", "aol", "update", (1,), THEN, "root", 0.5, "c0ffee", "ipset"
        )
        failing = AlertState(AlertKind.FAILED, "feed aol", "timed out", THEN, THEN)
        assert store.told() == (failing,)
        assert store.deliveries() == (Delivery("json://chat.example.net", THEN, "refused"),)


def test_the_nights_go_on_after_the_upgrade(database: Path) -> None:
    with upgraded(database) as store:
        approve(store, store.version(3))
        labels = countries(US="20.0.4.0/24")
        reading = replace(new("20.0.4.0/24", "20.0.6.0/24"), labels=labels, stamp=NOW)
        version = record(store, reading, at=NOW)
        stopped = record(store, replace(held("20.0.8.0/24"), labels=labels), at=NOW + DAY)

        # The numbers go on after the highest that ever was.
        assert (version.id, stopped.id) == (10, 11)
        assert [store.content(store.version(number)) for number in (1, 2, 3)] == [
            FIRST,
            SECOND,
            STOPPED,
        ]
        assert store.content(version) == PrefixSet.parse(["20.0.4.0/24", "20.0.6.0/24"])
        assert store.labels(version) == store.labels(stopped) == labels
        state = store.state("aol", NOW + DAY)
        assert (state.seen, state.failing_gaps) == (NOW, ())
        assert store.version(3).status is Status.ACCEPTED
        assert [row.outcome for row in store.attempts("aol", 2)] == [
            FetchOutcome.HELD,
            FetchOutcome.NEW,
        ]


def test_an_upgraded_database_refers_to_nothing_that_is_not_there(database: Path) -> None:
    with upgraded(database):
        pass

    assert ask(database, "PRAGMA foreign_key_check") == []
    assert ask(database, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize(("said", "stamp"), STAMPS.items())
def test_a_date_that_upstream_gave_becomes_a_time_and_anything_else_none(
    database: Path, said: str, stamp: str | None
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE versions SET upstream_stamp = ? WHERE id = 2", [said])

    with upgraded(database):
        pass

    assert ask(database, "SELECT upstream_stamp FROM versions WHERE id = 2") == [(stamp,)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE versions SET upstream_stamp = 'Fri, 06 Feb 2099 20:44:02 GMT' WHERE id = 1",
        "UPDATE fetches SET url = 'FILE:///srv/list.html' WHERE version_id = 1",
    ],
    ids=["still to come", "when a file was saved"],
)
def test_a_time_that_says_nothing_does_not_outlive_the_upgrade(database: Path, change: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(change).rowcount > 0

    with upgraded(database):
        pass

    assert ask(database, "SELECT upstream_stamp FROM versions WHERE id = 1") == [(None,)]


def test_an_upgrade_that_breaks_at_any_statement_leaves_the_database_as_it_was(
    database: Path,
) -> None:
    before = dump(database)
    statements = 0

    for number in range(1, 99):
        with breaking_at(number) as is_broken, suppress(Broken), upgraded(database):
            pass
        if not is_broken():
            break
        assert dump(database) == before
        statements = number

    assert statements > 12
    assert dump(database) != before


class Broken(Exception):
    """
    What a test breaks a transaction with; nothing catches it on its way.
    """


@contextmanager
def breaking_at(statement: int) -> Iterator[Callable[[], bool]]:
    count = 0

    def before(*_: object) -> None:
        nonlocal count
        count += 1
        if count == statement:
            raise Broken

    event.listen(Engine, "before_cursor_execute", before)
    yield lambda: count >= statement
    event.remove(Engine, "before_cursor_execute", before)
