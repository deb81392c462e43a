"""
The only place that starts the kernel's tools. No shell: argument lists and standard input, nothing
else.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from proxyfeed.errors import CommandFailed, NoRights, ToolMissing, Unequipped
from proxyfeed.refused import look_at, said

# Not the caller's PATH: this runs as root, at night.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DENIED = ("operation not permitted", "permission denied", "you must be root")
# What says that the kernel cannot do it, whoever asks, and what to type then.
_UNSUPPORTED = {
    "cannot open session to kernel": "modprobe ip_set_hash_net",
    "kernel support protocol versions": "ipset --version; uname -r: one of the two is too old",
    "set type not supported": "modprobe --all ip_set_hash_net ip_set_hash_ipport",
    "set type does not supported": "modprobe --all ip_set_hash_net ip_set_hash_ipport",
    "can't open socket to ipset": "modprobe --all ip_set_hash_net xt_set",
    "module xt_set is not loaded": "modprobe --all xt_set xt_mark",
    "missing kernel module": "modprobe --all xt_set xt_mark xt_comment",
    "can't initialize ipvs: protocol not available": "modprobe ip_vs",
    "scheduler or persistence engine not found": "modprobe ip_vs_wlc, or whichever is configured",
    "do you need to insmod?": "modprobe --all iptable_mangle ip6table_mangle",
}
# What says why it did not work this time.
_HINTS = {
    "holding the xtables lock": "fuser --verbose /run/xtables.lock, then: proxyfeed apply",
    "cannot allocate memory": "free -h, then: proxyfeed apply",
    "in use by a kernel component": "(iptables-save; ip6tables-save) | grep match-set",
}
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
            Unequipped: the kernel cannot do it, whoever asks.
            CommandFailed: it failed in any other way, or was not done in time.
        """
        if shutil.which(argv[0], path=self.path) is None:
            raise ToolMissing(f"{argv[0]} is not installed", hint=_package_hint(argv[0]))
        environment = {"PATH": self.path, "LC_ALL": "C"}
        if "XTABLES_LOCKFILE" in os.environ:
            environment["XTABLES_LOCKFILE"] = os.environ["XTABLES_LOCKFILE"]
        try:
            with _as_file(script or "") as source, _undisturbed():
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
                    # If we are killed the lock is its until it is done: see `proxyfeed.lock`. All
                    # other descriptors of ours close by themselves.
                    close_fds=False,
                )
        except subprocess.TimeoutExpired as exc:
            command = " ".join(argv)
            raise CommandFailed(
                f"{command} was not done after {self.timeout:g} s and was killed",
                hint="dmesg | tail, then: proxyfeed apply",
            ) from exc
        except OSError as exc:
            raise CommandFailed(
                f"{argv[0]} cannot be started: {said(exc)}",
                hint=look_at(exc, otherwise="dmesg | tail, then: proxyfeed apply"),
            ) from exc
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


@contextmanager
def _as_file(script: str) -> Iterator[int]:
    """
    A file in memory that holds *script*, so that the program reads it whole even if we are killed.

    Through a pipe it would stop in the middle, with half of a delta in the kernel.
    """
    source = os.memfd_create("proxyfeed")
    try:
        with os.fdopen(os.dup(source), "w", encoding="ascii") as stream:
            stream.write(script)
        os.lseek(source, 0, os.SEEK_SET)
        yield source
    finally:
        os.close(source)


def _failure(argv: Sequence[str], code: int, complaint: str) -> CommandFailed | Unequipped:
    command = " ".join(argv)
    if code < 0:
        return CommandFailed(
            f"{command} was killed by {_signal_name(-code)}",
            hint="dmesg | tail, to see whether memory ran out, then: proxyfeed apply",
        )
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    why = lines[0][:_SHOWN_INPUT] if lines else f"exit code {code}, and not a word"
    for sign, hint in _UNSUPPORTED.items():
        if line := _line_with(sign, lines):
            return Unequipped(f"this kernel cannot do {command}: {line}", hint=hint)
    if any(_line_with(sign, lines) for sign in _DENIED):
        return NoRights(f"this user may not run {command}: {why}")
    for sign, hint in _HINTS.items():
        if line := _line_with(sign, lines):
            return CommandFailed(f"{command} failed: {line}", hint=hint)
    return CommandFailed(f"{command} failed: {why}")


def _line_with(sign: str, lines: Sequence[str]) -> str:
    return next((line[:_SHOWN_INPUT] for line in lines if sign in line.lower()), "")


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def _package_hint(program: str) -> str:
    packages = {"ipset": "ipset", "nft": "nftables", "ipvsadm": "ipvsadm", "ip": "iproute2"}
    package = packages.get(program, "iptables")
    return f"apt-get install {package}"
