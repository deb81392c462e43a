"""
Everything that can go wrong, as one tree.

::

    ProxyfeedError
    ├── OperatorMistake            exit 2   a wrong argument, or a request that makes no sense
    │   ├── ConfigError                     every mistake of a configuration at once
    │   ├── Exposed                         a file of ours that others may change
    │   └── Inexpressible                   what another program's configuration has no words for
    ├── FeedError                  exit 3   one feed failed; its last accepted version stays active
    │   ├── FetchError                      the body could not be had
    │   └── ReadError                       a body is there, and is not the list it should be
    │       ├── EmptyList                   it is the right place, and holds nothing
    │       ├── CutShort                    it says itself that a part of it is missing
    │       └── BadPrefix                   one row is not an address, a prefix or a range
    ├── GuardError                 exit 4   a version is held, or must not be accepted
    ├── KernelError                exit 5   the kernel does not hold what it should
    │   ├── CommandFailed                   ipset or iptables said no
    │   └── NotProven                       written, and read back as something else
    ├── ExportFailed               exit 5   a file for another program is not what it should be
    ├── LockHeld                   exit 6   another run is at work
    └── Unequipped                 exit 7   what the work needs is not there
        ├── ToolMissing                     a program is not installed
        ├── NoRights                        this user may not do it
        ├── StoreError                      the database cannot be used
        └── TimerFailed                     nothing would take back what is not confirmed

The exit code and the stable ``code`` for machines live on the class; the hint says what to type
next and may be given anew for each case. What is not in this tree is a bug: exit 70, traceback.
"""

from __future__ import annotations

from typing import ClassVar


class ProxyfeedError(Exception):
    """
    An expected failure: *message* says what happened to what, *hint* what to type next.
    """

    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "error"
    hint: str = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


class OperatorMistake(ProxyfeedError):
    exit_code = 2
    code = "usage"
    hint = "proxyfeed --help"


class ConfigError(OperatorMistake):
    """
    A configuration with mistakes: *mistakes* holds one line for each, with its place.
    """

    code = "config"
    hint = "proxyfeed config"

    def __init__(self, origin: str, mistakes: tuple[str, ...]) -> None:
        self.mistakes = mistakes
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        super().__init__("\n".join([f"{origin} has {count}:", *(f"  {m}" for m in mistakes)]))
        self.hint = f"mend {origin}, then: proxyfeed config"


class Exposed(OperatorMistake):
    """
    A file that the program would go by can be changed by others; the hint is how to end that.
    """

    code = "exposed"


class Inexpressible(OperatorMistake):
    """
    What is configured cannot be said in the format that was asked for; the message has its place.
    """

    code = "inexpressible"


class FeedError(ProxyfeedError):
    exit_code = 3
    code = "feed"
    hint = "proxyfeed status"


class FetchError(FeedError):
    """
    No body: *outcome* is the value of the `FetchOutcome` that is recorded for the attempt.
    """

    code = "fetch"

    def __init__(self, outcome: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.status = status


class ReadError(FeedError):
    code = "not-a-list"


class EmptyList(ReadError):
    code = "empty"


class CutShort(ReadError):
    code = "cut-short"


class BadPrefix(ReadError):
    """
    A text that is no address, prefix or range; *value* is that text as it was found.
    """

    code = "bad-prefix"

    def __init__(self, value: str, why: str, *, row: int | None = None) -> None:
        self.value = value
        self.why = why
        self.row = row
        place = f"row {row}: " if row is not None else ""
        super().__init__(f"{place}{value!r} {why}")


class GuardError(ProxyfeedError):
    exit_code = 4
    code = "guard"
    hint = "proxyfeed history"


class KernelError(ProxyfeedError):
    exit_code = 5
    code = "kernel"
    hint = "proxyfeed status"


class CommandFailed(KernelError):
    """
    A program of the kernel's edge exited with a failure, or not in time.
    """

    code = "command-failed"


class NotProven(KernelError):
    code = "not-proven"


class ExportFailed(ProxyfeedError):
    exit_code = 5
    code = "export"
    hint = "proxyfeed status"


class LockHeld(ProxyfeedError):
    exit_code = 6
    code = "locked"
    hint = "wait for it to end, then type the command again"


class Unequipped(ProxyfeedError):
    exit_code = 7
    code = "unequipped"


class ToolMissing(Unequipped):
    code = "tool-missing"


class NoRights(Unequipped):
    code = "no-rights"
    hint = "run it as root"


class StoreError(Unequipped):
    code = "store"
    hint = "proxyfeed init"


class TimerFailed(Unequipped):
    code = "timer"
