"""
What a database refuses, in words for the person who has to mend it.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from proxyfeed.errors import OperatorMistake, StoreError

# What SQLite makes beside a database, in the file -shm.
_SHARED_MEMORY = 32 * 1024
_BACKUP = "restore it from a backup"
# What SQLite says, and what it means to the person who reads it.
_CAUSES = (
    ("database is locked", "another program keeps it locked", "proxyfeed status"),
    ("readonly", "it is read-only for this user", "run it as root"),
    ("unable to open", "it cannot be opened by this user", "run it as root, or: proxyfeed init"),
    ("disk is full", "its disk is full", "df -h; df -i"),
    ("disk I/O error", "its disk has an I/O error", "dmesg"),
    ("malformed", "the file is damaged", _BACKUP),
    ("not a database", "the file is no database", _BACKUP),
    ("file format", "the file is damaged", _BACKUP),
    ("Could not decode", "the file is damaged", _BACKUP),
    ("no such column", "the file is damaged", _BACKUP),
    ("no such table", "the file is damaged", _BACKUP),
)
# What comes of reading a value that is none, and of one of another type: SQLite keeps any value in
# any column. The second could also be a bug.
_NO_VALUE = (ValueError, zlib.error)
_OTHER_TYPE = (AssertionError, AttributeError, LookupError, TypeError)


@contextmanager
def store_errors(engine: Engine) -> Iterator[None]:
    """
    Map what SQLAlchemy and the driver raise, and rows that make no sense, to `StoreError`.
    """
    name = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except UnicodeEncodeError as exc:
        # As in `--reason` from a terminal of another encoding.
        raise OperatorMistake(
            f"{exc.object!r} is not UTF-8 and cannot be recorded", hint="write it in UTF-8"
        ) from exc
    except OverflowError as exc:
        # As in `proxyfeed show 99999999999999999999`: no number of ours has so many digits.
        raise OperatorMistake(
            f"that number is too large for any version or fetch: {exc}", hint="proxyfeed history"
        ) from exc
    except (*_NO_VALUE, *_OTHER_TYPE) as exc:
        is_sure = isinstance(exc, _NO_VALUE)
        raise StoreError(
            f"database {name}: it holds what proxyfeed never writes ({exc})",
            hint=_BACKUP if is_sure else f"{_BACKUP}; if that is of no use, report this message",
        ) from exc
    except (SQLAlchemyError, sqlite3.Error, sqlite3.Warning) as exc:
        raise _explained(engine, name, exc) from exc


def _explained(engine: Engine, name: str, exc: Exception) -> StoreError:
    lines = str(getattr(exc, "orig", None) or exc).splitlines()
    said = lines[0] if lines else type(exc).__name__
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    for sign, meaning, hint in (*(_causes_on_disk(Path(file)) if file else ()), *_CAUSES):
        if sign in said:
            return StoreError(f"database {name}: {meaning} ({said})", hint=hint)
    return StoreError(f"database {name}: {said}", hint="proxyfeed status")


def _causes_on_disk(path: Path) -> Iterator[tuple[str, str, str]]:
    """
    As `_CAUSES`, where the disk under *path* says more than SQLite does: a place where nothing can
    be written "cannot be opened", and one without room for its shared memory has an "I/O error".
    """
    if path.is_dir():
        yield "unable to open", "a folder is in its place", f"ls -ld {path}"
    elif path.is_symlink() and not path.exists():
        yield "unable to open", "it is a link to what is not there", f"ls -l {path}"
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return
    if disk.f_flag & os.ST_RDONLY:
        meaning, hint = "its disk is mounted read-only", f"findmnt --target {path.parent}"
        yield from ((sign, meaning, hint) for sign in ("readonly", "unable to open"))
    if disk.f_bavail * disk.f_frsize < _SHARED_MEMORY:
        yield "disk I/O error", "its disk is full", "df -h; df -i"
    if disk.f_files and not disk.f_favail:
        yield "unable to open", "its disk has no room for another file", "df -i"
