"""
The effects that commands are given: database, kernel, network, clock, mail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from proxyfeed.errors import ProxyfeedError
from proxyfeed.firewall import Firewall
from proxyfeed.model import Delivery, Event, Problem
from proxyfeed.sources import Fetch
from proxyfeed.store import Store

Send = Callable[[Sequence[str], Sequence[Event]], tuple[Delivery, ...]]


def _silent(_step: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Doors:
    """
    *now* is one moment for a whole run; *host* and *who* sign what is written; *progress* is told
    each step in words.
    """

    store: Store
    firewall: Firewall
    fetch: Fetch
    send: Send
    now: datetime
    host: str
    who: str
    progress: Callable[[str], None] = field(default=_silent)


def to_problem(exc: ProxyfeedError, subject: str = "") -> Problem:
    return Problem(exc.code, exc.exit_code, exc.message, exc.hint, subject)
