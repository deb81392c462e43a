"""
Many rows at once, as the tuples that the driver takes and gives.

With SQLAlchemy's own rows 300,000 keys are read in 0.19 s instead of 0.09 s, and with its
dictionaries they are written in 3.3 s instead of 0.9 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

Row = tuple[int | bytes, ...]


def read(connection: Connection, query: Executable) -> list[Any]:
    """
    The rows as plain tuples, of integers, bytes and text: no type of a column is applied to them.
    """
    with connection.execute(query) as result:
        assert result.cursor is not None  # noqa: S101 - a query has rows
        return list(result.cursor.fetchall())


def write(
    connection: Connection, statement: UpdateBase, names: Sequence[str], rows: Sequence[Row]
) -> None:
    """
    Execute *statement* with each of *rows*, the values of its parameters *names* in that order.

    The driver has to take parameters by position, as SQLite's does.
    """
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - as that of any statement with values
    assert compiled.positiontup == list(names)  # noqa: S101 - or values would change places
    connection.exec_driver_sql(str(compiled), list(rows))
