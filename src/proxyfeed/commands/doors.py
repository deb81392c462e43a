"""
The effects that commands are given: database, kernel, network, clock, mail.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from proxyfeed.errors import ProxyfeedError
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.lvs.ipvs import Ipvs
from proxyfeed.lvs.sysctls import Sysctls
from proxyfeed.model import Delivery, Event, Problem, Uptime
from proxyfeed.sources import TakeIn
from proxyfeed.store import Store
from proxyfeed.timer import PROGRAM, RevertTimer, uptime

Send = Callable[[Sequence[str], Sequence[Event]], tuple[Delivery, ...]]


class Timer(Protocol):
    """
    What takes back that which nobody confirms; `proxyfeed.timer.RevertTimer` is the real one.
    """

    def start(self, token: str) -> str: ...

    def stop(self, token: str, timer: str) -> None: ...


def _silent(_step: str) -> None:
    pass


def _usual_timer() -> Timer:
    return RevertTimer(PROGRAM, os.environ, Runner().run)


@dataclass(frozen=True, slots=True)
class Doors:
    """
    *now* is one moment for a whole run; *host* and *who* sign what is written; *progress* is told
    each step in words. *timer* and *uptime* belong to what waits for confirmation, *ipvs* and
    *sysctls* to the virtual services.
    """

    store: Store
    firewall: Firewall
    take_in: TakeIn
    send: Send
    now: datetime
    host: str
    who: str
    progress: Callable[[str], None] = field(default=_silent)
    timer: Timer = field(default_factory=_usual_timer)
    uptime: Callable[[], Uptime] = field(default=uptime)
    ipvs: Ipvs = field(default_factory=Ipvs)
    sysctls: Sysctls = field(default_factory=Sysctls)


def to_problem(exc: ProxyfeedError, subject: str = "") -> Problem:
    return Problem(exc.code, exc.exit_code, exc.message, exc.hint, subject)
