"""
One writer at a time: a lock that the kernel lets go of when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxyfeed.errors import LockHeld, StoreError

_SHOWN = 200


@contextmanager
def exclusive(path: Path, purpose: str) -> Iterator[None]:
    """
    Hold the lock at *path*; *purpose* is what another run is told that finds it held.

    Raises:
        LockHeld: another run has it.
        StoreError: the file cannot be opened by this user.
    """
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        raise StoreError(
            f"the lock {path} cannot be opened: {exc.strerror}", hint="run it as root"
        ) from exc
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.pread(descriptor, _SHOWN, 0).decode("utf-8", "replace").strip()
            raise LockHeld(f"another run holds {path}: {holder or 'it does not say'}") from exc
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()}, {purpose}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
