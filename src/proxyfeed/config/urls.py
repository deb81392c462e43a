"""
The addresses of feeds and databases, as they are written and as they are used.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit


def is_usable(url: str) -> bool:
    """
    Whether *url* is one of http, https or file, with all that it takes.
    """
    try:
        parts = urlsplit(url)
        # Reading the port is what tells whether it is one.
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    if parts.scheme == "file":
        return parts.path.startswith("/")
    return parts.scheme in ("http", "https") and has_host


def resolve(url: str, folder: Path) -> str:
    """
    Anchor ``file:pages/list.html`` in *folder*; every other URL stays as it is.
    """
    name = url.removeprefix("file:")
    if name == url or name.startswith("/"):
        return url
    return (folder / unquote(name)).as_uri()


def anchor(database: str, folder: Path) -> str:
    """
    Anchor ``sqlite:///proxyfeed.db`` in *folder*; every other URL stays as it is.
    """
    name = database.removeprefix("sqlite:///")
    if name == database or name.startswith("/"):
        return database
    return f"sqlite:///{folder / name}"
