"""
Run proxyfeed again and again, each time in a fork of one process that has imported everything.

A program, started by `tests.crash.killer.Killer` inside a network namespace with one end of a
socket pair, whose number is its argument. A request holds the words of `_run`.

A stepwise run stops before each of its steps, says which, and goes on or kills itself as it is
told. A run that comes to its end says what it printed. Then comes how the process ended, and a last
word when all that it had started have ended too.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import BytesIO, StringIO, TextIOWrapper

from tests.crash.steps import announce_steps, kill_children

GO, DIE = b"go!", b"die"
# What the product imports where it needs it.
_IMPORTED_LATE = (
    *("alembic.command", "bs4", "httpx", "jmespath", "netaddr", "sqlalchemy.dialects.sqlite"),
    *("proxyfeed.cli.app", "proxyfeed.commands.decide", "proxyfeed.commands.update"),
    *("proxyfeed.sources.apart", "proxyfeed.store"),
)
_LONGEST = 65_536
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    _import_everything()
    # What a killed run leaves running becomes a child of this process, which waits for it.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    number = int(sys.argv[1])
    os.set_inheritable(number, False)
    with socket.socket(fileno=number) as channel:
        channel.send(b"{}")
        while request := channel.recv(_LONGEST):
            process = os.fork()
            if process == 0:
                _run(channel, **json.loads(request))
            _, status = os.waitpid(process, 0)
            channel.send(json.dumps({"status": status}).encode())
            _wait_for_orphans()
            channel.send(b"{}")


def _import_everything() -> None:
    # Python looks for no module twice, so that a run's steps are its own.
    sys.dont_write_bytecode = True
    for name in _IMPORTED_LATE:
        import_module(name)
    # Apprise reads its plugins with the first target, and Typer itself with the first command.
    import_module("apprise").Apprise().add("json://127.0.0.1")
    with redirect_stderr(StringIO()):
        import_module("proxyfeed.cli.app").run(["--config", "/nowhere", "status"])
    # So that no run copies the memory in which it all lies.
    gc.freeze()


def _run(
    channel: socket.socket,
    *,
    arguments: list[str],
    is_stepwise: bool = False,
    waiting: str = "",
    child_dies_at: int = 0,
) -> None:
    """
    Run one command. The program *waiting* is started late, see `announce_steps`, and a child that
    the command forks dies at its event of the number *child_dies_at*.
    """

    def stop(step: str) -> None:
        try:
            channel.send(json.dumps({"step": step}).encode())
            goes_on = channel.recv(len(GO)) == GO
        except OSError:
            goes_on = False
        # Also when nobody is there any more to say anything.
        if not goes_on:
            os.kill(os.getpid(), signal.SIGKILL)

    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            from proxyfeed.cli import app

            if is_stepwise:
                announce_steps(stop, waiting)
            if child_dies_at:
                kill_children(child_dies_at)
            os.umask(0o027)
            code = app.run(arguments)
            if is_stepwise:
                stop("the end")
    except BaseException as exc:  # noqa: BLE001 - it is told
        channel.send(json.dumps({"code": -1, "out": "", "err": repr(exc)}).encode())
        os._exit(1)
    channel.send(json.dumps({"code": code, "out": _text(out), "err": _text(err)}).encode())
    os._exit(0)


def _text(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def _wait_for_orphans() -> None:
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
