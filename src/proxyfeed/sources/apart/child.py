"""
A piece of work in a process of its own that has no rights, and that nobody waits for too long.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from proxyfeed.errors import FetchError, NoRights, Unequipped
from proxyfeed.model import FetchOutcome
from proxyfeed.plain import plain
from proxyfeed.sources.apart import kernel
from proxyfeed.sources.apart.bounds import Bounds
from proxyfeed.sources.apart.provisions import NothingMore
from proxyfeed.sources.apart.rights import HINT, Identity, check_rights, drop_rights

Work = Callable[[], bytes]

# What a child says first, before it has seen a byte from outside ...
_READY, _REFUSED = b"R", b"N"
# ... and then, before its answer.
_DONE, _NO_MEMORY, _BUG = b"D", b"M", b"B"
_LONGEST_TRACEBACK = 20_000
_PIECE = 1024 * 1024
# As Python has it: a socket whose other end is gone is an error, and no end of the process.
_IGNORED = frozenset({signal.SIGPIPE, signal.SIGXFSZ})
_UNCHANGEABLE = frozenset({signal.SIGKILL, signal.SIGSTOP})


class BugApart(Exception):
    """
    A bug that showed in a child; the message is its traceback there.
    """


def run_apart(work: Work, bounds: Bounds, identity: Identity | None) -> bytes:
    """
    Do *work* in a forked child that becomes *identity* (None: it stays who we are) and has no
    rights.

    A fork and no new program: that takes milliseconds, and the child needs nothing of Python's
    files, which may lie where only root can look. So what *work* imports must be imported before.

    Raises:
        FetchError: the child did not come to its end; with the outcome that fits.
        MemoryError: there was not enough for *work*.
        NoRights: the child could not get rid of its rights, and *work* was not begun.
        BugApart: *work* raised something else.
    """
    check_rights(identity)
    parent = os.getpid()
    receiving, sending = os.pipe()
    # Until both know who they are: a signal here would find a child that nobody ends, or raise
    # KeyboardInterrupt in one that still has all rights.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    child = _fork(mask, receiving, sending)
    if child == 0:
        _be_child(work, sending, bounds, identity, parent)
    try:
        os.close(sending)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        said = _hear(receiving, bounds)
    finally:
        status = _end(child)
        os.close(receiving)
    return _answer(said, os.waitstatus_to_exitcode(status), bounds)


def _fork(mask: Iterable[int], *pipe: int) -> int:
    try:
        with warnings.catch_warnings():
            # From Python 3.12 on it warns of threads. Ours shows on a terminal what takes long; the
            # child prints nothing, and waits for no lock that such a thread may have held.
            warnings.simplefilter("ignore", DeprecationWarning)
            return os.fork()
    except OSError as exc:
        for descriptor in pipe:
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        what = f"no process can be started to fetch and read in: {exc.strerror}"
        raise Unequipped(what, hint="ulimit -u; free -m") from exc


# ---------------------------------------------------------------- the parent


def _hear(pipe: int, bounds: Bounds) -> bytes:
    """
    Take what the child says, until it has closed its end.
    """
    end = time.monotonic() + bounds.seconds
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    heard = bytearray()
    while (left := end - time.monotonic()) > 0:
        if not poll.poll(min(left, 3600) * 1000):
            continue
        piece = os.read(pipe, _PIECE)
        if not piece:
            return bytes(heard)
        heard += piece
        if len(heard) > bounds.answer:
            what = f"the {bounds.role} was ended: it answered with more than {bounds.answer} bytes"
            raise FetchError(FetchOutcome.TOO_LARGE, what)
    what = f"the {bounds.role} was ended: it was not done after {bounds.seconds:g} s"
    raise FetchError(FetchOutcome.TIMED_OUT, what)


def _end(child: int) -> int:
    """
    End *child* and return its status. One that has ended, or is about to, keeps its own.
    """
    try:
        os.kill(child, signal.SIGKILL)
        return os.waitpid(child, 0)[1]
    except (ProcessLookupError, ChildProcessError):
        # Whoever started us ignores SIGCHLD, and so do we: the kernel keeps no status.
        return 0


def _answer(said: bytes, code: int, bounds: Bounds) -> bytes:
    if said[:1] == _REFUSED:
        raise NoRights(_text(said[1:]), hint=HINT)
    if code:
        raise _ended(code, bounds)
    match said[:2]:
        case b"RD":
            return said[2:]
        case b"RM":
            raise MemoryError
        case b"RB":
            raise BugApart(_text(said[2:]))
    raise FetchError(FetchOutcome.NOT_A_LIST, f"the {bounds.role} ended and said nothing")


def _ended(code: int, bounds: Bounds) -> FetchError:
    """
    *code* is the exit code, or the number of a signal below 0.
    """
    if code == -signal.SIGXCPU:
        what = f"SIGXCPU: it took more than {bounds.processor} s of processor time"
        return FetchError(FetchOutcome.TIMED_OUT, f"the {bounds.role} was ended by {what}")
    if code == -signal.SIGKILL:
        what = "SIGKILL: another hand, or no memory left"
        return FetchError(FetchOutcome.NOT_A_LIST, f"the {bounds.role} was ended by {what}")
    if code < 0:
        name = next((one.name for one in signal.Signals if one == -code), f"signal {-code}")
        return FetchError(FetchOutcome.NOT_A_LIST, f"the {bounds.role} was ended by {name}")
    return FetchError(FetchOutcome.NOT_A_LIST, f"the {bounds.role} ended itself with code {code}")


def _text(said: bytes) -> str:
    return plain(said[:_LONGEST_TRACEBACK].decode("utf-8", "replace"))


# ---------------------------------------------------------------- the child


def _be_child(
    work: Work, sending: int, bounds: Bounds, identity: Identity | None, parent: int
) -> NoReturn:
    code = 1
    try:
        # What the parent holds is never cleared away here: a file object that goes would close a
        # descriptor that is another's by now.
        gc.freeze()
        gc.enable()
        pipe = _let_go_of_all_but(sending)
        try:
            _confine(bounds, identity, parent)
        except Exception as exc:  # noqa: BLE001 - the parent raises it
            _say(pipe, _REFUSED + str(exc).encode("utf-8", "backslashreplace"))
        else:
            _say(pipe, _READY)
            _say(pipe, _done(work))
        code = 0
    finally:
        os._exit(code)


def _let_go_of_all_but(sending: int) -> int:
    """
    Close every descriptor but *sending*, and return what that is now.

    Standard error too: on a terminal of root's, whoever has it can type there in root's name.
    """
    pipe = fcntl.fcntl(sending, fcntl.F_DUPFD_CLOEXEC, 3)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if descriptor > 2 and descriptor != pipe:
            with suppress(OSError):  # the one that listed them is closed already
                os.close(descriptor)
    return pipe


def _confine(bounds: Bounds, identity: Identity | None, parent: int) -> None:
    # No controlling terminal, which /dev/tty would give back, and no Ctrl-C: the parent ends us.
    os.setsid()
    for each in signal.valid_signals() - _UNCHANGEABLE:
        signal.signal(each, signal.SIG_IGN if each in _IGNORED else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    sys.meta_path[:] = [NothingMore]
    drop_rights(identity)
    kernel.end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    bounds.impose()


def _done(work: Work) -> bytes:
    try:
        return _DONE + work()
    except BaseException as exc:  # noqa: BLE001 - the parent raises it
        if _is_of_memory(exc):
            return _NO_MEMORY
        trace = traceback.format_exc()[-_LONGEST_TRACEBACK:]
        return _BUG + trace.encode("utf-8", "backslashreplace")


def _is_of_memory(exc: BaseException | None) -> bool:
    """
    Whether memory ran out, there or before. Where none is left even for that, Python comes upon "an
    error return without exception set", which is a SystemError.
    """
    while exc is not None:
        if isinstance(exc, MemoryError | SystemError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _say(pipe: int, what: bytes) -> None:
    left = memoryview(what)
    while left:
        left = left[os.write(pipe, left) :]
