"""
What a database holds, read without the program and without touching the database itself.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from ipaddress import ip_network
from pathlib import Path
from typing import Any

# Written by no run that was not cut off in the middle.
_HALVES = {
    "a version counts other prefixes than it has": """
        SELECT id FROM versions WHERE status = 'accepted' AND prefixes != (
            SELECT count(*) FROM prefixes WHERE prefixes.feed_id = versions.feed_id
            AND since_version <= versions.id
            AND (until_version IS NULL OR until_version > versions.id))""",
    "a version is held without its content": """
        SELECT id FROM versions WHERE status = 'held'
        AND id NOT IN (SELECT version_id FROM held_contents)""",
    "a version came with no fetch": """
        SELECT id FROM versions WHERE id NOT IN (
            SELECT version_id FROM fetches WHERE version_id IS NOT NULL)""",
}


class Copy:
    """
    A copy of a database, and of its write-ahead log, as they are on the disk at this instant.

    To open the database itself would mend it: SQLite reads the log in, and forgets it on closing.
    """

    def __init__(self, database: Path, folder: Path) -> None:
        self.path = folder / "copy.db"
        self.log = folder / "copy.db-wal"
        for path in folder.glob("copy.db*"):
            path.unlink()
        for source, target in ((database, self.path), (Path(f"{database}-wal"), self.log)):
            if source.exists():
                shutil.copyfile(source, target)

    def cut_log(self, length: int) -> None:
        """
        Lose what was to be written to the log after so many bytes.
        """
        with self.log.open("r+b") as stream:
            stream.truncate(length)

    def complaints(self) -> list[str]:
        """
        All that is wrong with the database.
        """
        try:
            integrity = self._rows("PRAGMA integrity_check")
            found = [] if integrity == [("ok",)] else [f"integrity_check says {integrity}"]
            found += [f"a foreign key leads nowhere: {row}" for row in self._foreign_keys()]
            if self._has_tables():
                halves = {what: self._rows(query) for what, query in _HALVES.items()}
                found += [f"{what}: {rows}" for what, rows in halves.items() if rows]
            elif tables := self._rows("SELECT name FROM sqlite_master"):
                found.append(f"the schema is not whole: {tables}")
        except sqlite3.DatabaseError as exc:
            return [f"the database cannot be read: {exc}"]
        return found

    def accepted(self) -> frozenset[str]:
        """
        The prefixes of the newest accepted version.
        """
        if not self._has_tables():
            return frozenset()
        newest = "(SELECT max(id) FROM versions WHERE status = 'accepted')"
        rows = self._rows(
            f'SELECT "key" FROM prefixes WHERE since_version <= {newest} '
            f"AND (until_version IS NULL OR until_version > {newest})"
        )
        return frozenset(str(ip_network((key[:-1], key[-1]))) for (key,) in rows)

    def decisions(self) -> list[tuple[Any, ...]]:
        """
        The versions and pins, which no further run changes.
        """
        if not self._has_tables():
            return []
        versions = self._rows("SELECT id, digest, status, decided_by FROM versions ORDER BY id")
        return [*versions, *self._rows("SELECT feed_id, version_id FROM pins")]

    def _foreign_keys(self) -> list[tuple[Any, ...]]:
        return self._rows("PRAGMA foreign_key_check")

    def _has_tables(self) -> bool:
        return bool(self._rows("SELECT 1 FROM sqlite_master WHERE name = 'labelled_prefixes'"))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()
