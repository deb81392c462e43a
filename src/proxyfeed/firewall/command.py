"""
The only place that starts a program. No shell: argument lists and standard input, nothing else.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from proxyfeed.errors import CommandFailed, NoRights, ToolMissing

# Not the caller's PATH: this runs as root, at night.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DENIED = ("operation not permitted", "permission denied", "you must be root")
_SHOWN_INPUT = 120
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Runner:
    """
    Runs one program after another.

    *prefix* goes before each command, for example to enter a network namespace; *path* is where
    programs are looked for; *timeout* in seconds bounds each of them.
    """

    prefix: tuple[str, ...] = ()
    path: str = SYSTEM_PATH
    timeout: float = 120.0

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        """
        Run a program to its end, with *script* as its standard input, and return what it printed.

        Raises:
            ToolMissing: it is not installed.
            NoRights: the kernel refused this user.
            CommandFailed: it failed in any other way, or was not done in time.
        """
        if shutil.which(argv[0], path=self.path) is None:
            raise ToolMissing(f"{argv[0]} is not installed", hint=_package_hint(argv[0]))
        environment = {"PATH": self.path, "LC_ALL": "C"}
        if "XTABLES_LOCKFILE" in os.environ:
            environment["XTABLES_LOCKFILE"] = os.environ["XTABLES_LOCKFILE"]
        source = _as_file(script or "")
        try:
            with _undisturbed():
                done = subprocess.run(
                    [*self.prefix, *argv],
                    stdin=source,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=self.timeout,
                    env=environment,
                    check=False,
                    # A closing terminal ends proxyfeed, and never half of a restore.
                    start_new_session=True,
                )
        except subprocess.TimeoutExpired as exc:
            command = " ".join(argv)
            raise CommandFailed(f"{command} was not done after {self.timeout:g} s") from exc
        except OSError as exc:
            raise CommandFailed(f"{argv[0]} cannot be started: {exc.strerror}") from exc
        finally:
            os.close(source)
        if done.returncode:
            raise _failure(argv, done.returncode, done.stderr)
        return done.stdout


@contextmanager
def _undisturbed() -> Iterator[None]:
    """
    Let a Ctrl-C or a kill wait until the program is done: `subprocess` would end it half-way.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _as_file(script: str) -> int:
    """
    A file in memory that holds *script*, so that the program reads it whole even if we are killed.

    Through a pipe it would stop in the middle, with half of a delta in the kernel.
    """
    source = os.memfd_create("proxyfeed")
    with os.fdopen(os.dup(source), "w", encoding="ascii") as stream:
        stream.write(script)
    os.lseek(source, 0, os.SEEK_SET)
    return source


def _failure(argv: Sequence[str], code: int, said: str) -> CommandFailed | NoRights:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    why = lines[0][:_SHOWN_INPUT] if lines else f"exit code {code}, and not a word"
    command = " ".join(argv)
    if any(sign in said.lower() for sign in _DENIED):
        return NoRights(f"this user may not run {command}: {why}")
    return CommandFailed(f"{command} failed: {why}")


def _package_hint(program: str) -> str:
    package = "ipset" if program == "ipset" else "iptables"
    return f"apt-get install {package}"
