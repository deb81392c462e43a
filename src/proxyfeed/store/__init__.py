"""
The database: versions, their contents, every fetch, every application. `Store` is its only door.
"""

from proxyfeed.store.engine import connect, create_or_upgrade
from proxyfeed.store.fetched import url_digest
from proxyfeed.store.store import Store

__all__ = ["Store", "connect", "create_or_upgrade", "url_digest"]
