"""
One writer at a time: a lock that the kernel lets go of when its holder dies, however it dies, and
what it had started in the kernel's tools is done.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxyfeed.errors import LockHeld, StoreError
from proxyfeed.refused import look_at, said

_SHOWN = 200
# Between two tries of whoever waits; flock itself knows no deadline.
_PAUSE = 0.1


@contextmanager
def exclusive(path: Path, purpose: str, patience: float = 0) -> Iterator[None]:
    """
    Hold the lock at *path*; *purpose* is what another run is told that finds it held.

    Where it is held, wait for it, *patience* seconds at most.

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
        # Whoever is killed leaves an `ipset restore` behind that still writes, and another run must
        # not read before it is done. `command` hands this descriptor, and the lock, to it.
        os.set_inheritable(descriptor, True)
        _take(descriptor, path, purpose, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, purpose: str, deadline: float) -> None:
    try:
        while not _is_taken(descriptor, is_last=time.monotonic() >= deadline):
            time.sleep(_PAUSE)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()}, {purpose}\n".encode(), 0)
    except BlockingIOError as exc:
        raise LockHeld(f"another run holds {path}: {_holder(descriptor)}") from exc
    except OSError as exc:
        raise _unusable(path, exc) from exc


def _is_taken(descriptor: int, *, is_last: bool) -> bool:
    """
    Try once. At the last time the refusal is the kernel's own `BlockingIOError`.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if is_last:
            raise
        return False
    return True


def _holder(descriptor: int) -> str:
    try:
        text = os.pread(descriptor, _SHOWN, 0)
    except OSError as exc:
        return f"it cannot be read who ({said(exc)})"
    words = text.decode("utf-8", "replace").strip()
    # pid 4711, proxyfeed update, since 2026-11-20 03:30:00 UTC
    process = words.removeprefix("pid ").partition(",")[0]
    if process.isdecimal() and not Path("/proc", process).exists():
        return f"{words}; that process is gone, and a program that it started is still at work"
    return words or "it does not say"


def _unusable(path: Path, exc: OSError) -> StoreError:
    hint = look_at(exc, otherwise=f"ls -l {path}")
    return StoreError(f"the lock {path} cannot be taken: {said(exc)}", hint=hint)
