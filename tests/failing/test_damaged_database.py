"""
A database file that is damaged, foreign or not one at all: it is told from a sound one or does no
harm, and with a sound one in its place the next run needs no repair.
"""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.machine import Machine, Session
from tests.e2e.pages import GROWN, LIST, page
from tests.e2e.servers import PAGE, Site
from tests.failing.told import assert_told
from tests.servers import response

pytestmark = pytest.mark.kernel

COMMANDS = ("status", "diff", "apply", "update", "rollback 1")
DISK_PAGE = 4096


@pytest.fixture
def session(running: Machine) -> Iterator[Session]:
    with running.session() as session:
        yield session


@pytest.fixture
def sound(running: Machine) -> bytes:
    """
    The database of *running* as one file.
    """
    with closing(sqlite3.connect(running.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return running.database.read_bytes()


def remove(database: Path) -> None:
    for path in (database, *database.parent.glob(f"{database.name}-*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def put(database: Path, content: bytes) -> None:
    remove(database)
    database.write_bytes(content)


# ---------------------------------------------------------------- bytes


def test_random_bytes_at_any_place_are_told_or_do_no_harm(
    running: Machine, session: Session, sound: bytes
) -> None:
    written = [place for place, byte in enumerate(sound) if byte]
    live = running.kernel()
    codes = set()
    for seed in range(50):
        chance = random.Random(seed)
        damaged = bytearray(sound)
        start = chance.choice(written)
        damaged[start : start + 8] = chance.randbytes(len(damaged[start : start + 8]))
        put(running.database, damaged)

        for words in COMMANDS:
            done = session.proxyfeed(*words.split(), code=None)
            codes.add(done.code)
            # 3 is of a feed that the database names otherwise, or knows nothing good of.
            assert done.code in (0, 3, 7), (seed, done)
            if done.code:
                assert_told(done, done.code)
            assert running.kernel() == live, seed
    assert {0, 7} <= codes

    put(running.database, sound)
    assert session.proxyfeed("status").err == ""


def columns(database: Path) -> list[tuple[str, str]]:
    query = (
        "SELECT tables.name, columns.name FROM sqlite_master AS tables "
        "JOIN pragma_table_info(tables.name) AS columns "
        "WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%'"
    )
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_a_value_of_a_type_that_no_column_has_is_told_or_does_no_harm(
    running: Machine, session: Session, sound: bytes
) -> None:
    live = running.kernel()
    refused = []
    for table, column in columns(running.database):
        put(running.database, sound)
        with closing(sqlite3.connect(running.database)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            try:
                with connection:
                    connection.execute(f"UPDATE {table} SET {column} = x'00ff'")
            except sqlite3.IntegrityError:
                continue  # a number of a row, or a key of several

        done = session.proxyfeed("apply", code=None)

        assert done.code in (0, 7), (table, column, done)
        if done.code:
            refused.append((table, column))
            assert_told(done, 7)
        assert running.kernel() == live, (table, column)
    assert {("versions", "fetched_at"), ("versions", "digest")} <= set(refused)
    assert {("alembic_version", "version_num"), ("applications", "versions")} <= set(refused)


# ---------------------------------------------------------------- the whole file


def zeroed(sound: bytes, page: int) -> bytes:
    start = page * DISK_PAGE
    return sound[:start] + bytes(DISK_PAGE) + sound[start + DISK_PAGE :]


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no header": (lambda sound: zeroed(sound, 0), "restore it from a backup"),
    "another header": (lambda sound: b"PK\3\4" + sound[4:], "the file is no database"),
    "the first page only": (lambda sound: sound[:DISK_PAGE], "the file is damaged"),
    "the first half": (lambda sound: sound[: len(sound) // 2], "the file is damaged"),
    "nothing": (lambda _sound: b"", "proxyfeed init"),
    "an error page": (lambda _sound: b"<p>503</p>" * 999, "the file is no database"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_file_that_is_no_longer_a_database_is_told(
    running: Machine, session: Session, sound: bytes, site: Site, name: str
) -> None:
    damage, word = DAMAGES[name]
    live = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    put(running.database, damage(sound))

    for words in COMMANDS:
        if (name, words) == ("nothing", "update"):
            continue  # a first update makes its database, and test_losses.py has what comes then
        done = session.proxyfeed(*words.split(), code=None)
        assert_told(done, 7, word)
        assert running.kernel() == live

    put(running.database, sound)
    assert session.proxyfeed("update").err == ""
    assert session.proxyfeed("status").err == ""


def folder_instead(database: Path) -> None:
    remove(database)
    database.mkdir()


def dangling(database: Path) -> None:
    remove(database)
    database.symlink_to(database.with_name("gone") / "proxyfeed.db")


def to_itself(database: Path) -> None:
    remove(database)
    database.symlink_to(database)


def older(database: Path) -> None:
    set_revision(database, "0001")


def newer(database: Path) -> None:
    set_revision(database, "9999")


def set_revision(database: Path, revision: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])


INSTEAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "a folder": (folder_instead, "a folder is in its place"),
    "a link to nowhere": (dangling, "proxyfeed.db"),
    "a link to itself": (to_itself, "Too many levels of symbolic links"),
    "an older schema": (older, "has schema 0001, this proxyfeed needs"),
    "a newer schema": (newer, "upgrade proxyfeed"),
}


@pytest.mark.parametrize("name", INSTEAD)
def test_what_stands_in_the_place_of_the_database_is_told(
    running: Machine, session: Session, sound: bytes, site: Site, name: str
) -> None:
    spoil, word = INSTEAD[name]
    live = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    spoil(running.database)

    for words in COMMANDS:
        done = session.proxyfeed(*words.split(), code=None)
        assert_told(done, 7, word)
        assert running.kernel() == live

    put(running.database, sound)
    assert session.proxyfeed("update").err == ""


# ---------------------------------------------------------------- files beside it

# Writes version 1 anew as another, and is killed with that in the journal.
KILLED_WRITER = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint = 0")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE versions SET reason = 'as it should not be'")
connection.execute("PRAGMA cache_spill = 1")
connection.execute(sys.argv[2])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("has_shm", [True, False], ids=["with -shm", "without -shm"])
@pytest.mark.parametrize(("end", "reason"), [("COMMIT", "as it should not be"), ("SELECT 1", None)])
def test_what_a_killed_writer_has_left_is_taken_in_whole_or_not_at_all(
    running: Machine, session: Session, end: str, reason: str | None, has_shm: bool
) -> None:
    live = running.kernel()
    command = [sys.executable, "-c", KILLED_WRITER, str(running.database), end]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert Path(f"{running.database}-wal").stat().st_size > 0 or end != "COMMIT"
    if not has_shm:
        Path(f"{running.database}-shm").unlink()

    assert session.proxyfeed("update").err == ""

    assert running.kernel() == live
    assert running.rows("SELECT reason FROM versions") == [(reason,)]


def test_the_journal_of_another_database_is_not_taken_in(
    running: Machine, session: Session, sound: bytes, tmp_path: Path, site: Site
) -> None:
    live = running.kernel()
    other = tmp_path / "other.db"
    other.write_bytes(sound)
    command = [sys.executable, "-c", KILLED_WRITER, str(other), "COMMIT"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    foreign = Path(f"{other}-wal").read_bytes()
    site.pages[PAGE] = response(page(LIST))
    session.proxyfeed("update")
    Path(f"{running.database}-shm").unlink(missing_ok=True)
    # Of a database with as many pages: SQLite takes it for its own, and its checksums are right.
    # The damage of such a mix is told by digests.
    Path(f"{running.database}-wal").write_bytes(bytes(32) + foreign[32:])

    done = session.proxyfeed("status", code=None)

    assert done.code in (0, 7)
    assert running.kernel() == live
    assert session.proxyfeed("apply", code=None).code in (0, 7)
    assert running.kernel() == live
