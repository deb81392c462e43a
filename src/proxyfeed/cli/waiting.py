"""
The process that waits for a word, and takes back what has none. `proxyfeed.timer` starts it.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from proxyfeed.cli.output import say
from proxyfeed.cli.surroundings import Surroundings, reading, writing
from proxyfeed.errors import OperatorMistake, ProxyfeedError

if TYPE_CHECKING:
    from proxyfeed.config import Config
    from proxyfeed.model import Uptime

# For the lock: longer than any run lasts.
LONG_WAIT = 6 * 3600.0
# What cannot be taken back, as on a full disk, is tried again every minute for a day.
_TRIES, _PAUSE = 24 * 60, 60.0


def wait_and_take_back(around: Surroundings, token: str) -> int:
    """
    Wait until *token* is due, and take back what is still pending under it.

    Configuration and database are read at once: what can fail is to fail before anything is
    applied.
    """
    from proxyfeed.commands.taking_back import pending

    os.chdir("/")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with reading(around) as (config, doors):
        due = next((one.due for one in pending(doors) if one.token == token), None)
    if due is None:
        raise OperatorMistake(f"nothing waits for confirmation under {token!r}")
    _say_armed()
    try:
        return _take_back(around, config, token, due)
    except Exception as exc:
        _log(f"a bug ended what was to take back {token}: {exc!r}")
        raise


def _take_back(around: Surroundings, config: Config, token: str, due: Uptime) -> int:
    from proxyfeed.commands.confirm import expire
    from proxyfeed.timer import wait_until

    gc.enable()  # off for short commands; this one may try for a day
    code = 0
    for _ in range(_TRIES):
        wait_until(due)
        try:
            purpose = f"revert --overdue {token}"
            with writing(around, purpose, config=config, patience=LONG_WAIT) as (_config, doors):
                outcome = expire(config, doors, token)
        except ProxyfeedError as exc:
            code = exc.exit_code
            _log(exc.message)
        else:
            code = outcome.exit_code
            for line in (*outcome.warnings, *(one.message for one in outcome.problems)):
                _log(line)
        if code == 0:
            break
        time.sleep(_PAUSE)
    return code


def _say_armed() -> None:
    """
    Tell whoever started this, by standard output and as systemd wants it, and then let go of both.
    """
    from proxyfeed.timer import ARMED

    with suppress(BrokenPipeError):  # it was killed; this waits all the same
        sys.stdout.write(f"{ARMED}\n")
        sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    address = os.environ.get("NOTIFY_SOCKET")
    if address is None:
        os.dup2(nowhere, 2)
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        # "@" stands for the zero byte that an abstract name begins with.
        manager.sendto(b"READY=1", address.replace("@", "\0", 1) if address[0] == "@" else address)


def _log(line: str) -> None:
    """
    systemd reads standard error; who has no more of it tells the system's log.
    """
    if "NOTIFY_SOCKET" in os.environ:
        say(f"proxyfeed: {line}")
        return
    import syslog

    from proxyfeed.plain import plain

    syslog.openlog("proxyfeed", syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_WARNING, plain(line, keep=""))
