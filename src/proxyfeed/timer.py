"""
Who takes back what is not confirmed in time, whatever becomes of the caller, its terminal and its
session: a service of systemd, or a process in a session of its own.

Both run ``proxyfeed revert --overdue TOKEN``, which reads configuration and database at once, says
`ARMED`, and waits. What stands is thereby proven to be able to find its way back, and a mistake
that is made in the configuration afterwards cannot stop it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from proxyfeed.errors import OperatorMistake, ProxyfeedError, TimerFailed
from proxyfeed.model import Uptime
from proxyfeed.refused import said

ARMED = "armed"
# Not with the folder that it starts in before the installed packages: this runs as root.
PROGRAM = (sys.executable, "-P", "-m", "proxyfeed")
_PATIENCE = 30.0
# A clock that stands still while the machine sleeps is asked again after so many seconds.
_NAP = 30.0
# What a service of systemd does not inherit, and the program goes by.
_INHERITED = ("PROXYFEED_STATE", "PYTHONPATH", "XTABLES_LOCKFILE")


def uptime() -> Uptime:
    """
    Now, by a clock that nobody sets.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return Uptime(boot, time.clock_gettime(time.CLOCK_BOOTTIME))


def wait_until(
    due: Uptime,
    clock: Callable[[], Uptime] = uptime,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """
    Return at *due*, or at once in another boot than its own.
    """
    while (now := clock()).boot == due.boot and now.seconds < due.seconds:
        sleep(min(_NAP, due.seconds - now.seconds))


def is_systemd_here(
    booted: Path = Path("/run/systemd/system"), its_network: Path = Path("/proc/1/ns/net")
) -> bool:
    """
    Whether systemd runs, and would start a service for us in the network that we are in: the sets
    and rules of another network namespace are others.
    """
    try:
        is_same = its_network.samefile("/proc/self/ns/net")
    except OSError:
        return False
    return is_same and os.geteuid() == 0 and booted.is_dir()


@dataclass(frozen=True, slots=True)
class RevertTimer:
    """
    *command* is how this very program is started, with its configuration, and *environ* what it is
    started with. *run* runs a program of the system to its end.
    """

    command: tuple[str, ...]
    environ: Mapping[str, str]
    run: Callable[[Sequence[str]], str]
    has_systemd: Callable[[], bool] = is_systemd_here

    def start(self, token: str) -> str:
        """
        Start what takes back all that is pending under *token* once it is due; return its name,
        such as ``process 4711``.

        Raises:
            TimerFailed: it does not stand.
        """
        words = [*self.command, "revert", "--overdue", token]
        if not self.has_systemd():
            return f"process {_start_process(words, self.environ)}"
        unit = f"proxyfeed-confirm-{token}.service"
        try:
            self.run(self._systemd_run(unit, words))
        except ProxyfeedError as exc:
            # A service that fails at its start is restarted like any other, for ever.
            self.stop(token, f"unit {unit}")
            raise TimerFailed(
                f"systemd does not start the timer of the revert: {exc.message}",
                hint="journalctl -n 20; or without a timer, leave --confirm-within out",
            ) from exc
        return f"unit {unit}"

    def stop(self, token: str, timer: str) -> None:
        """
        End a timer that was started under the name *timer*. One that cannot be ended finds nothing
        to take back when it is due.
        """
        kind, _, name = timer.partition(" ")
        if kind == "unit":
            with suppress(ProxyfeedError):
                self.run(["systemctl", "stop", name])
        elif kind == "process" and name.isdecimal():
            _stop_process(int(name), token)

    def _systemd_run(self, unit: str, words: Sequence[str]) -> list[str]:
        """
        A service that counts as started once it says so, and that comes back when it is killed,
        but not again and again after its work was done: that nothing waits is a mistake.
        """
        known = [f"--setenv={n}={self.environ[n]}" for n in _INHERITED if n in self.environ]
        return [
            *("systemd-run", "--quiet", "--collect", f"--unit={unit}", "--service-type=notify"),
            "--description=Takes back what proxyfeed applied, unless it is confirmed",
            *("--property=Restart=on-failure", "--property=RestartSec=10s"),
            f"--property=RestartPreventExitStatus={OperatorMistake.exit_code}",
            f"--property=TimeoutStartSec={_PATIENCE:.0f}s",
            *known,
            "--",
            # systemd would put a variable in the place of "$HOME".
            *(word.replace("$", "$$") for word in words),
        ]


def _start_process(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Start a process that has nothing of ours: no terminal, no session, no descriptor.
    """
    reader, writer = os.pipe()
    ours = [int(each.name) for each in Path("/proc/self/fd").iterdir()]
    try:
        process = os.posix_spawn(
            words[0],
            list(words),
            dict(environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writer, 1),
                (os.POSIX_SPAWN_DUP2, writer, 2),
                # Whoever reads from a pipe that we were given waits for all its writers.
                *((os.POSIX_SPAWN_CLOSE, number) for number in ours if number > 2),
            ],
            setsid=True,
            setsigmask=(),
        )
    except OSError as exc:
        os.close(reader)
        raise _no_process(f"{words[0]}: {said(exc)}") from exc
    finally:
        os.close(writer)
    told = ""
    try:
        told = _hear(reader)
    finally:
        if told != ARMED:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
    if told != ARMED:
        raise _no_process(told.replace("\n", "; ") or "not a word from it")
    return process


def _hear(reader: int) -> str:
    """
    What a new process says, until it says that it is armed, ends, or has had its time.
    """
    deadline = time.monotonic() + _PATIENCE
    heard = b""
    with os.fdopen(reader, "rb", buffering=0) as stream:
        while heard != f"{ARMED}\n".encode():
            left = max(0.0, deadline - time.monotonic())
            is_there = select.select([stream], [], [], left)[0]
            piece = stream.read(4096) if is_there else b""
            if not piece:
                break
            heard += piece
    return heard.decode("utf-8", "replace").strip()


def _stop_process(number: int, token: str) -> None:
    try:
        process = os.pidfd_open(number)
    except OSError:
        return  # it has ended
    with os.fdopen(process), suppress(OSError):
        # By now the number may be that of another process.
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        if token.encode() in words:
            signal.pidfd_send_signal(process, signal.SIGTERM)


def _no_process(why: str) -> TimerFailed:
    return TimerFailed(
        f"the process that would take it back does not start: {why}",
        hint="proxyfeed status; or without a timer, leave --confirm-within out",
    )
