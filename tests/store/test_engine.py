import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import OperationalError

from proxyfeed.errors import OperatorMistake, StoreError
from proxyfeed.model import Attempt, Body, FetchOutcome, Reading, Status
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import Store, connect, create_or_upgrade, engine

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
PAGE_SIZE = 4096
NOBODY = 65534
OPENINGS = pytest.mark.parametrize("opening", [connect, create_or_upgrade])
Opening = Callable[[str], Engine]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/proxyfeed.db"


@pytest.fixture
def database(url: str, tmp_path: Path) -> Path:
    """
    A database with two versions in it, closed.
    """
    store = Store(create_or_upgrade(url), host="lvs1")
    store.record([reading(*CONTENTS[1].lines())], NOW)
    store.record([reading(*CONTENTS[2].lines())], NOW)
    store.close()
    return tmp_path / "proxyfeed.db"


# Enough that the contents take several pages of the file.
CONTENTS = {
    number: PrefixSet.parse(
        [f"20.{index}.{number}.0/24" for index in range(256)]
        + [f"2a00:{index:x}:{number}::/48" for index in range(256)]
    )
    for number in (1, 2)
}


def reading(*rows: str) -> Reading:
    url = "https://lists.example.net/"
    body = Body("\n".join(rows).encode())
    attempt = Attempt(url, FetchOutcome.NEW, 200, len(body.content), 0.1, body=body)
    return Reading("aol", (attempt,), url, "reader", PrefixSet.parse(rows), Status.ACCEPTED)


def failure(opening: Opening, url: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        opening(url)
    return caught.value


# ---------------------------------------------------------------- opening


def test_a_missing_database_is_not_made_by_a_command_that_only_reads(
    url: str, tmp_path: Path
) -> None:
    error = failure(connect, url)

    assert error.message == f"there is no database at {tmp_path}/proxyfeed.db"
    assert error.hint == "proxyfeed init"
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_missing_database(tmp_path: Path) -> None:
    error = failure(connect, f"sqlite:///{tmp_path}/no/folder/proxyfeed.db")

    assert error.message == f"there is no database at {tmp_path}/no/folder/proxyfeed.db"


def test_making_a_database_makes_its_folders(tmp_path: Path) -> None:
    create_or_upgrade(f"sqlite:///{tmp_path}/a/b/proxyfeed.db").dispose()

    connect(f"sqlite:///{tmp_path}/a/b/proxyfeed.db").dispose()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    error = failure(create_or_upgrade, f"sqlite:///{tmp_path}/file/proxyfeed.db")

    assert error.message.startswith(f"the folder {tmp_path}/file of the database cannot be made:")


@OPENINGS
def test_a_link_that_leads_to_itself_is_no_database(opening: Opening, tmp_path: Path) -> None:
    (tmp_path / "proxyfeed.db").symlink_to("proxyfeed.db")

    error = failure(opening, f"sqlite:///{tmp_path}/proxyfeed.db")

    assert "cannot be looked at: Too many levels of symbolic links" in error.message


@OPENINGS
def test_a_folder_in_the_place_of_the_database_is_refused(opening: Opening, tmp_path: Path) -> None:
    error = failure(opening, f"sqlite:///{tmp_path}")

    assert "a folder is in its place (unable to open database file)" in error.message


@OPENINGS
@pytest.mark.parametrize(
    "url",
    [
        "not a URL, pa55w0rd",
        "nosuch://ops:pa55w0rd@db.example/x",
        "sqlite://var/lib/proxyfeed/proxyfeed.db",
    ],
)
def test_what_is_no_url_of_a_database_is_the_configurations_mistake(
    opening: Opening, url: str
) -> None:
    with pytest.raises(OperatorMistake, match="no URL of a database") as caught:
        opening(url)
    assert "pa55w0rd" not in caught.value.message + caught.value.hint


@OPENINGS
def test_a_driver_that_is_not_installed_is_named(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)

    error = failure(opening, "postgresql+psycopg2://ops:pa55w0rd@db.example/x")

    assert error.message == "the driver for postgresql+psycopg2 is not installed: psycopg2"
    assert error.hint == "pip install psycopg2"


@OPENINGS
def test_what_cannot_be_used_is_not_kept_open(opening: Opening, url: str, database: Path) -> None:
    with closing(sqlite3.connect(database)) as other, other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")

    failure(opening, url)

    assert str(database) not in open_files()


def open_files() -> set[str]:
    found = set()
    for number in Path("/proc/self/fd").iterdir():
        # One of them was the listing itself.
        with suppress(FileNotFoundError):
            found.add(str(number.readlink()))
    return found


def test_what_a_database_says_is_passed_on_without_its_password(url: str) -> None:
    opened = create_or_upgrade(url)
    opened.url = make_url("postgresql://ops:pa55w0rd@db.example/proxyfeed")
    no_route = OperationalError("SELECT 1", {}, Exception("no route to host\nand more"))

    with pytest.raises(StoreError) as caught, engine.store_errors(opened):
        raise no_route
    opened.dispose()

    assert caught.value.message == (
        "database postgresql://ops:***@db.example/proxyfeed: no route to host"
    )


def test_a_database_is_empty_until_it_was_made(url: str, tmp_path: Path) -> None:
    assert engine.is_empty(url)

    (tmp_path / "proxyfeed.db").touch()
    assert engine.is_empty(url)

    create_or_upgrade(url).dispose()
    assert not engine.is_empty(url)


def test_a_database_that_is_no_file_is_never_said_to_be_empty() -> None:
    assert not engine.is_empty("postgresql://db.example/proxyfeed")


# ---------------------------------------------------------------- files that are no database


@OPENINGS
def test_another_file_is_no_database(opening: Opening, url: str, tmp_path: Path) -> None:
    (tmp_path / "proxyfeed.db").write_text("<p>503 Service Unavailable</p>" * 200)

    error = failure(opening, url)

    assert "the file is no database" in error.message
    assert error.hint == "restore it from a backup"


@OPENINGS
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6])
def test_a_truncated_database_is_damaged(
    opening: Opening, url: str, database: Path, share: float
) -> None:
    os.truncate(database, int(database.stat().st_size * share))

    error = failure(opening, url)

    assert "the file is damaged" in error.message
    assert error.hint == "restore it from a backup"


def test_a_page_that_was_overwritten_is_never_read_as_other_addresses(
    url: str, database: Path
) -> None:
    whole = database.read_bytes()
    found = []
    for start in range(0, len(whole), PAGE_SIZE):
        for junk in (b"\0", b"\xff", whole[-PAGE_SIZE:]):
            page = (junk * PAGE_SIZE)[:PAGE_SIZE]
            database.write_bytes(whole[:start] + page + whole[start + PAGE_SIZE :])
            found.append(read_all(url))
            for leftover in database.parent.glob("proxyfeed.db-*"):
                leftover.unlink()

    assert {str(contents) for contents in found} == {str(CONTENTS), "damaged"}


def read_all(url: str) -> dict[int, PrefixSet] | str:
    try:
        with closing(Store(connect(url), host="lvs1")) as store:
            return {number: store.content(store.version(number)) for number in CONTENTS}
    except (StoreError, OperatorMistake):
        return "damaged"


# ---------------------------------------------------------------- rights


@contextmanager
def an_ordinary_user() -> Iterator[None]:
    """
    Have the rights of nobody: root may write to what is read-only.
    """
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """
    A folder with a database, where nobody can go; pytest's own are closed to others.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create_or_upgrade(f"sqlite:///{folder}/proxyfeed.db").dispose()
        (folder / "proxyfeed.db").chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


@OPENINGS
def test_a_read_only_database_is_said_to_be_that(opening: Opening, open_folder: Path) -> None:
    with an_ordinary_user():
        error = failure(opening, f"sqlite:///{open_folder}/proxyfeed.db")

    assert "it is read-only for this user" in error.message
    assert error.hint == "run it as root"


@OPENINGS
def test_a_database_that_may_not_be_read_is_said_to_be_that(
    opening: Opening, open_folder: Path
) -> None:
    (open_folder / "proxyfeed.db").chmod(0)

    with an_ordinary_user():
        error = failure(opening, f"sqlite:///{open_folder}/proxyfeed.db")

    assert "it cannot be opened by this user" in error.message
    assert error.hint.startswith("run it as root")


def test_a_database_in_a_closed_folder_is_not_said_to_be_absent(open_folder: Path) -> None:
    open_folder.chmod(0)

    with an_ordinary_user():
        error = failure(connect, f"sqlite:///{open_folder}/proxyfeed.db")
        with pytest.raises(StoreError, match="cannot be looked at"):
            engine.is_empty(f"sqlite:///{open_folder}/proxyfeed.db")

    assert error.message.endswith("proxyfeed.db cannot be looked at: Permission denied")
    assert error.hint == "run it as root"


# ---------------------------------------------------------------- other programs


def test_a_database_that_another_program_keeps_locked_is_said_to_be_that(
    url: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_MILLISECONDS", 1)
    store = Store(connect(url), host="lvs1")
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="another program keeps it locked") as caught:
            store.record([reading("30.0.0.0/24")], NOW)
        # Whoever only reads need not wait.
        assert store.content(store.version(1)) == CONTENTS[1]

        other.execute("ROLLBACK")
    assert caught.value.hint == "proxyfeed status"
    assert store.record([reading("30.0.0.0/24")], NOW) == {"aol": 3}
    store.close()


def test_a_database_that_is_locked_before_it_was_made_is_said_to_be_that(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_MILLISECONDS", 1)
    with closing(sqlite3.connect(tmp_path / "proxyfeed.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        assert "another program keeps it locked" in failure(create_or_upgrade, url).message


def test_another_program_is_waited_for(url: str, database: Path) -> None:
    opened = connect(url)
    with opened.connect() as connection:
        waits = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    opened.dispose()

    assert waits == 10_000


def test_readers_and_a_writer_do_not_wait_for_each_other(url: str, database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM versions").fetchone() == (2,)

        with closing(Store(connect(url), host="lvs1")) as store:
            assert store.record([reading("30.0.0.0/24")], NOW) == {"aol": 3}

        assert reader.execute("SELECT count(*) FROM versions").fetchone() == (2,)


def test_a_program_killed_in_the_middle_of_a_run_leaves_the_database_as_it_was(
    url: str, database: Path
) -> None:
    program = """
import os, signal, sys
from sqlalchemy import event
sys.path.insert(0, sys.argv[2])
from test_engine import NOW, Store, connect, reading
engine = connect(sys.argv[1])
event.listen(engine, "commit", lambda connection: os.kill(os.getpid(), signal.SIGKILL))
Store(engine, host="lvs1").record([reading("30.0.0.0/24")], NOW)
"""
    folder = str(Path(__file__).parent)
    killed = subprocess.run([sys.executable, "-c", program, url, folder], check=False)

    assert killed.returncode == -9
    assert read_all(url) == CONTENTS
    with closing(Store(connect(url), host="lvs1")) as store:
        assert len(store.versions()) == 2
        assert len(store.attempts("aol", 9)) == 2
        assert store.record([reading("30.0.0.0/24")], NOW) == {"aol": 3}
