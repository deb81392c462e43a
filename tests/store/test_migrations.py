import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from proxyfeed.errors import StoreError
from proxyfeed.model import Attempt, FetchOutcome, Reading, Status
from proxyfeed.prefixes import PrefixSet
from proxyfeed.shipped import shipped
from proxyfeed.store import Store, connect, create_or_upgrade, engine
from proxyfeed.store.schema import REVISION, metadata

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
CONTENT = PrefixSet.parse(["20.0.0.0/24", "2a00::/32"])

# The next migration, as one that goes wrong half-way: in its last line.
HALF_A_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True))
    with op.batch_alter_table("versions") as versions:
        versions.add_column(sa.Column("colour", sa.Text()))
    op.execute("DELETE FROM fetches")
    op.execute("INSERT INTO nowhere VALUES (1)")
"""

# One that has written nothing yet when another program tries to, and notes what that was told.
A_LOOK_AROUND = """
import sqlite3
from contextlib import closing

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    path = op.get_bind().engine.url.database
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        try:
            answer = str(other.execute("BEGIN IMMEDIATE"))
        except sqlite3.OperationalError as exc:
            answer = str(exc)
    op.create_table(answer, sa.Column("id", sa.Integer(), primary_key=True))
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/proxyfeed.db"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "proxyfeed.db"


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    A release of proxyfeed whose schema is 0006; the result is its folder of migrations.
    """
    folder = tmp_path / "migrations"
    shutil.copytree(shipped("migrations"), folder)
    monkeypatch.setattr(engine, "shipped", lambda _name: folder)
    monkeypatch.setattr(engine, "REVISION", "0006")
    return folder


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")))
    return ScriptDirectory.from_config(config)


def dump(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def tables(database: Path) -> dict[str, tuple[str, list[str], str]]:
    """
    Each table and index by name: what makes it, its columns and constraints in any order, options.
    """
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: _parts(" ".join(sql.replace('"', "").split())) for name, sql in rows}


def _parts(sql: str) -> tuple[str, list[str], str]:
    head, _, rest = sql.partition("(")
    body, _, options = rest.rpartition(")")
    return head, sorted(part.strip() for part in body.split(",")), options


def set_schema(database: Path, revision: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])


def fill(url: str) -> None:
    store = Store(connect(url), host="lvs1")
    page = "https://lists.example.net/"
    attempt = Attempt(page, FetchOutcome.NEW, 200, 9, 0.1)
    store.record([Reading("aol", (attempt,), page, "reader", CONTENT, Status.ACCEPTED)], NOW)
    store.close()


def test_the_migrations_make_the_schema_that_the_code_is_written_for(
    url: str, database: Path
) -> None:
    made = create_or_upgrade(url)
    with made.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    made.dispose()

    assert differences == []


def test_the_migrations_make_the_very_tables_that_the_schema_describes(
    url: str, database: Path, tmp_path: Path
) -> None:
    create_or_upgrade(url).dispose()
    described = create_engine(f"sqlite:///{tmp_path}/described.db")
    metadata.create_all(described)
    described.dispose()

    migrated = tables(database)
    del migrated["alembic_version"]

    # Alembic compares neither AUTOINCREMENT nor WITHOUT ROWID, nor what a CHECK says.
    assert migrated == tables(tmp_path / "described.db")


def test_the_schema_that_connect_asks_for_is_the_newest_migration() -> None:
    assert script().get_heads() == [REVISION]


def test_revisions_rise_so_that_older_and_newer_can_be_told_apart() -> None:
    revisions = [one.revision for one in script().walk_revisions()]

    assert revisions == sorted(revisions, reverse=True)
    assert {len(revision) for revision in revisions} == {4}


def test_a_database_of_this_schema_is_opened_without_alembic(url: str) -> None:
    create_or_upgrade(url).dispose()
    program = (
        "import sys; from proxyfeed.store import connect, create_or_upgrade; "
        "connect(sys.argv[1]).dispose(); create_or_upgrade(sys.argv[1]).dispose(); "
        "sys.exit('alembic' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program, url], check=False).returncode == 0


def test_making_a_database_that_is_there_changes_nothing(url: str, database: Path) -> None:
    create_or_upgrade(url).dispose()
    fill(url)
    before = dump(database)

    create_or_upgrade(url).dispose()

    assert dump(database) == before


def test_an_upgrade_keeps_what_is_recorded(url: str, database: Path, next_release: Path) -> None:
    create_the_old_schema(url)
    whole = HALF_A_MIGRATION.partition('    op.execute("DELETE')[0]
    (next_release / "versions" / "0006_notes.py").write_text(whole)

    store = Store(create_or_upgrade(url), host="lvs1")

    assert store.content(store.version(1)) == CONTENT
    assert [row.outcome for row in store.attempts("aol", 9)] == [FetchOutcome.NEW]
    store.close()
    assert {"notes", "versions", "prefixes"} <= tables(database).keys()


def test_nobody_else_writes_while_an_upgrade_looks_and_works(
    url: str, database: Path, next_release: Path
) -> None:
    create_the_old_schema(url)
    (next_release / "versions" / "0006_notes.py").write_text(A_LOOK_AROUND)

    create_or_upgrade(url).dispose()

    assert tables(database).keys() >= {"database is locked"}


def test_an_upgrade_that_fails_in_the_middle_leaves_the_database_as_it_was(
    url: str, database: Path, next_release: Path
) -> None:
    create_the_old_schema(url)
    before = dump(database)
    (next_release / "versions" / "0006_notes.py").write_text(HALF_A_MIGRATION)

    with pytest.raises(StoreError, match="no such table: nowhere"):
        create_or_upgrade(url)

    assert dump(database) == before


def test_a_creation_that_fails_in_the_middle_leaves_an_empty_database(
    url: str, database: Path, next_release: Path
) -> None:
    (next_release / "versions" / "0006_notes.py").write_text(HALF_A_MIGRATION)

    with pytest.raises(StoreError, match="no such table: nowhere"):
        create_or_upgrade(url)

    assert tables(database) == {}


def create_the_old_schema(url: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "REVISION", REVISION)
        patch.setattr(engine, "shipped", shipped)
        create_or_upgrade(url).dispose()
        fill(url)


def test_a_newer_schema_is_left_alone_and_asks_for_a_newer_proxyfeed(
    url: str, database: Path
) -> None:
    create_or_upgrade(url).dispose()
    set_schema(database, "9999")
    before = dump(database)

    for opening in (connect, create_or_upgrade):
        with pytest.raises(StoreError, match=f"has schema 9999, newer than {REVISION}") as caught:
            opening(url)
        assert caught.value.hint == "upgrade proxyfeed"
    assert dump(database) == before


def test_an_older_schema_is_not_used_until_it_is_upgraded(url: str, database: Path) -> None:
    create_or_upgrade(url).dispose()
    set_schema(database, "0000")

    with pytest.raises(StoreError, match=f"has schema 0000, .* needs {REVISION}") as caught:
        connect(url)
    assert caught.value.hint == "proxyfeed init"


def test_a_schema_that_no_migration_knows_cannot_be_upgraded(url: str, database: Path) -> None:
    create_or_upgrade(url).dispose()
    set_schema(database, "0000")

    with pytest.raises(StoreError, match=r"cannot be upgraded: .*0000"):
        create_or_upgrade(url)


def test_a_database_without_a_schema_asks_for_one(url: str, database: Path) -> None:
    database.touch()

    with pytest.raises(StoreError, match=f"has schema none, .* needs {REVISION}") as caught:
        connect(url)
    assert caught.value.hint == "proxyfeed init"
