"""
What others may read that is not theirs: secrets in the configuration, and the database.
"""

from __future__ import annotations

from proxyfeed.config import Config
from proxyfeed.modes import caller, readable_database
from proxyfeed.store.engine import sqlite_path


def exposed(config: Config) -> tuple[str, ...]:
    """
    Say who may read what, a sentence for each file, with what to type against it.

    ``update``, ``status`` and ``config`` say it; a look at a version need not be told each time.
    """
    path = sqlite_path(config.database)
    return (*config.warnings, *(readable_database(path, caller()) if path else ()))
