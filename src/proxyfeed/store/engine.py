"""
Opening the database, and the one place that knows what only SQLite has.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

import proxyfeed
from proxyfeed import modes
from proxyfeed.errors import OperatorMistake, StoreError
from proxyfeed.refused import look_at, said
from proxyfeed.shipped import shipped
from proxyfeed.store.failures import store_errors
from proxyfeed.store.schema import REVISION

_BUSY_MILLISECONDS = 10_000
# The execution option that `for_writing` sets and `_begin` reads.
_WRITES = "proxyfeed_writes"
# A file without a table is one page, and none is larger.
_LARGEST_PAGE = 65_536


def connect(url: str) -> Engine:
    """
    Open an existing database of exactly this program's schema.

    Raises:
        StoreError: it is not there, cannot be used, or has another schema.
        Exposed: others may change it.
    """
    path = sqlite_path(url)
    if path and _size(path) is None:
        raise StoreError(f"there is no database at {path}", hint="proxyfeed init")
    if path:
        modes.check_database(path, modes.caller())
    engine = _engine(url)
    with ExitStack() as failure:
        failure.callback(engine.dispose)
        found = _revision(engine)
        if found != REVISION:
            raise _wrong_schema(engine, found)
        failure.pop_all()
    return engine


def create_or_upgrade(url: str) -> Engine:
    """
    Open a database, making it or bringing its schema up to date where need be.
    """
    path = sqlite_path(url)
    if path:
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(
                f"the folder {path.parent} of the database cannot be made: {said(exc)}",
                hint=look_at(exc, otherwise="change `database` in the configuration"),
            ) from exc
        _size(path)  # a link that leads to itself ends here
        modes.check_database(path, modes.caller())
    engine = _engine(url)
    with ExitStack() as failure:
        failure.callback(engine.dispose)
        found = _revision(engine)
        if found is not None and found > REVISION:
            raise _wrong_schema(engine, found)
        if found != REVISION:
            _migrate(engine)
        failure.pop_all()
    return engine


def sqlite_path(url: str) -> Path | None:
    """
    The file of an SQLite URL, None for any other database.

    Raises:
        OperatorMistake: it is no URL of a database.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def for_writing(engine: Engine) -> Engine:
    """
    The same database, in transactions that are the only writing ones from their beginning.

    SQLite refuses the writes of a transaction that was overtaken after its first read, at once and
    however long it would have waited.
    """
    return engine.execution_options(**{_WRITES: True})


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
        if parsed.get_backend_name() == "sqlite" and parsed.host:
            # With two slashes instead of four, "var" of /var/lib/proxyfeed is the name of a host.
            raise ArgumentError("SQLite has no host")
    except (ArgumentError, ValueError) as exc:
        # Neither the value nor the cause is printed: a mistyped URL may hold a password.
        raise OperatorMistake(
            "`database` is no URL of a database that SQLAlchemy knows",
            hint='write database = "sqlite:////var/lib/proxyfeed/proxyfeed.db"',
        ) from exc
    return parsed


def is_empty(url: str) -> bool:
    """
    Whether an SQLite URL names a file that is not there yet, or one in which a run that was cut off
    made no table.
    """
    path = sqlite_path(url)
    if path is None:
        return False
    size = _size(path)
    if not size or size > _LARGEST_PAGE:
        return not size
    engine = _engine(url)
    with ExitStack() as cleanup:
        cleanup.callback(engine.dispose)
        cleanup.enter_context(store_errors(engine))
        connection = cleanup.enter_context(engine.connect())
        return not connection.dialect.get_table_names(connection)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StoreError(
            f"the database {path} cannot be looked at: {said(exc)}",
            hint=look_at(exc, otherwise=f"ls -l {path}"),
        ) from exc


def _engine(url: str) -> Engine:
    parsed = _parse(url)
    try:
        engine = create_engine(parsed)
    except ImportError as exc:
        raise StoreError(
            f"the driver for {parsed.drivername} is not installed: {exc.name}",
            hint=f"pip install {exc.name}",
        ) from exc
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    # Python's driver would begin only before the first write, and not at all before a change of
    # the schema; with its own handling off, `_begin` makes migrations all or nothing.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(engine: Engine) -> str | None:
    with store_errors(engine), engine.connect() as connection:
        if not connection.dialect.has_table(connection, "alembic_version"):
            return None
        query = text("SELECT version_num FROM alembic_version")
        found = connection.execute(query).scalar()
        return None if found is None else str(found)


def _wrong_schema(engine: Engine, found: str | None) -> StoreError:
    name = engine.url.render_as_string(hide_password=True)
    if found is not None and found > REVISION:
        return StoreError(
            f"database {name} has schema {found}, newer than {REVISION} of this proxyfeed "
            f"{proxyfeed.__version__}",
            hint="upgrade proxyfeed",
        )
    return StoreError(
        f"database {name} has schema {found or 'none'}, this proxyfeed needs {REVISION}",
        hint="proxyfeed init",
    )


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    with store_errors(engine), for_writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except (CommandError, RevisionError) as exc:
            name = engine.url.render_as_string(hide_password=True)
            raise StoreError(
                f"database {name} is as it was and cannot be upgraded: {exc}",
                hint="install proxyfeed anew, all of one release, then: proxyfeed init",
            ) from exc
