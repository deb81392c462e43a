"""
A command of the operator's own, run without a shell and for so long at most: the question whether
all is well, or the word to a program that its list is new.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from proxyfeed.errors import OperatorMistake
from proxyfeed.refused import said

_KEPT_BYTES = 8192
# All that a pipe holds is read at once.
_PIPE = 65536
_SHOWN_LINES = 10


# What was not done because of a command that cannot be run, and how one looks.
_OPTIONS = {
    "--health": ("nothing was applied", "curl --fail --max-time 5 http://192.0.2.80/"),
    "--reload": ("nothing was written", "systemctl reload haproxy"),
}


def read_command(text: str, path: str, option: str = "--health") -> tuple[str, ...]:
    """
    Split *text*, the value of *option*, into words as a shell would, the first one a program that
    is in *path*.

    Raises:
        OperatorMistake: it cannot be run.
    """
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise _mistake(option, f"cannot be read ({exc})", text) from exc
    program = shutil.which(words[0], path=path) if words else None
    if program is None:
        raise _mistake(option, f"names no program in {path}" if words else "is empty", text)
    return (program, *words[1:])


def check(words: Sequence[str], seconds: float, environ: Mapping[str, str]) -> str:
    """
    Run a command to its end and return what is wrong, "" if it exits with 0.

    Whatever it has started is gone when this returns, also by Ctrl-C.
    """
    reader, writer = os.pipe()
    output = bytearray()
    # A Ctrl-C waits until there is somebody to end what was started.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process = _start(words, environ, writer, before)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            is_done = _listen(process, reader, seconds, output)
        finally:
            # Before it is waited for, so that the number is still that of its process group.
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
    except OSError as exc:
        return f"{words[0]} cannot be run: {said(exc)}"
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(reader)
    code = os.waitstatus_to_exitcode(status)
    if is_done and code == 0:
        return ""
    ending = f"exited with {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
    what = ending if is_done else f"was not done after {seconds:.0f} s"
    return "\n".join([f"{shlex.join(words)} {what}", *_last_lines(output)])


def _start(
    words: Sequence[str], environ: Mapping[str, str], output: int, mask: Iterable[int]
) -> int:
    try:
        return os.posix_spawn(
            words[0],
            list(words),
            dict(environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
            setsigmask=mask,
        )
    finally:
        os.close(output)


def _listen(process: int, reader: int, seconds: float, output: bytearray) -> bool:
    """
    Keep the end of what *process* says, and tell whether it has ended in time.
    """
    deadline = time.monotonic() + seconds
    with os.fdopen(os.pidfd_open(process)) as ended:
        watched = [ended.fileno(), reader]
        while (left := deadline - time.monotonic()) > 0:
            ready = select.select(watched, [], [], left)[0]
            if reader in ready:
                piece = os.read(reader, _PIPE)
                output += piece
                del output[:-_KEPT_BYTES]
                if not piece:
                    watched.remove(reader)
            if ended.fileno() in ready:
                return True
    return False


def _last_lines(output: bytearray) -> list[str]:
    lines = [line.rstrip() for line in output.decode("utf-8", "replace").splitlines()]
    return [f"  {line}" for line in lines if line][-_SHOWN_LINES:]


def _mistake(option: str, what: str, text: str) -> OperatorMistake:
    undone, example = _OPTIONS[option]
    return OperatorMistake(
        f"the command of {option} {what}: {text!r}; {undone}", hint=f'{option} "{example}"'
    )
