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
        StoreError: the file cannot be opened or written by this user.
    """
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        # Not through a symbolic link: root would empty the file that somebody points it to.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        raise _unusable(path, exc) from exc
    try:
        _take(descriptor, path, purpose)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, purpose: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()}, {purpose}\n".encode(), 0)
    except BlockingIOError as exc:
        holder = os.pread(descriptor, _SHOWN, 0).decode("utf-8", "replace").strip()
        raise LockHeld(f"another run holds {path}: {holder or 'it does not say'}") from exc
    except OSError as exc:
        raise _unusable(path, exc) from exc


def _unusable(path: Path, exc: OSError) -> StoreError:
    hint = "run it as root" if isinstance(exc, PermissionError) else f"ls -l {path}"
    return StoreError(f"the lock {path} cannot be taken: {exc.strerror}", hint=hint)
