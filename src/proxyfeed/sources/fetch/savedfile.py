"""
A page that was saved to disk, read as if it came from a server.
"""

from __future__ import annotations

import os
import stat
from urllib.parse import unquote_to_bytes, urlsplit

from proxyfeed.errors import FetchError
from proxyfeed.model import Body, FetchLimits, FetchOutcome, Validators
from proxyfeed.sources.fetch.coding import too_large
from proxyfeed.sources.fetch.transport import Answer, one_line


def read_saved(url: str, limits: FetchLimits, validators: Validators | None) -> Answer:
    """
    Read the file that *url* names, such as ``file:///var/lib/proxyfeed/aol%20list.html``.
    """
    try:
        descriptor = _open(_path(url))
        try:
            return _read(descriptor, url, limits, validators)
        finally:
            os.close(descriptor)
    except FetchError as error:
        return Answer(FetchOutcome(error.outcome), detail=error.message)
    except OSError as error:
        return _no_file(error.strerror or str(error))
    except ValueError as error:
        # A NUL byte in the path, or brackets in the host that hold no address.
        return _no_file(f"not a usable file URL: {error}")


def _path(url: str) -> bytes:
    parts = urlsplit(url)
    if parts.netloc.lower() not in ("", "localhost"):
        raise _refused("a file URL cannot name another host")
    if "?" in url or "#" in url:
        raise _refused("a file URL has no query and no fragment: ? is written %3F, # is %23")
    path = unquote_to_bytes(parts.path)
    if not path.startswith(b"/"):
        raise _refused("the path is not absolute: a file URL begins with file:///")
    return path


def _open(path: bytes) -> int:
    # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def _read(descriptor: int, url: str, limits: FetchLimits, known: Validators | None) -> Answer:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise _refused("not a regular file")
    etag = f'"{before.st_mtime_ns:x}-{before.st_size:x}"'
    if known is not None and known.url == url and known.etag == etag:
        return Answer(FetchOutcome.NOT_MODIFIED)
    if before.st_size > limits.max_bytes:
        raise too_large(limits.max_bytes)
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read(limits.max_bytes + 1)
    after = os.fstat(descriptor)
    if (len(content), after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise FetchError(FetchOutcome.TRUNCATED, "somebody wrote to the file while it was read")
    body = Body(content, validators=Validators(url, etag, _http_date(before.st_mtime)))
    if not content:
        return Answer(FetchOutcome.EMPTY, detail="the file is empty", body=body)
    return Answer(FetchOutcome.NEW, size=len(content), body=body)


def _http_date(mtime: float) -> str | None:
    from email.utils import formatdate

    try:
        return formatdate(mtime, usegmt=True)
    except (ValueError, OverflowError, OSError):
        # A damaged inode may claim the year 30828; the ETag alone will do.
        return None


def _refused(why: str) -> FetchError:
    return FetchError(FetchOutcome.NO_FILE, why)


def _no_file(why: str) -> Answer:
    return Answer(FetchOutcome.NO_FILE, detail=one_line(why))
