"""
What was applied and waits for an operator's word, or was taken back for want of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from proxyfeed.model.settings import SetSpec
from proxyfeed.model.versions import Pin
from proxyfeed.prefixes import PrefixSet


class Stage(StrEnum):
    PENDING = "pending"
    REVERTED = "reverted"


@dataclass(frozen=True, slots=True)
class Uptime:
    """
    A moment that no change of the wall clock moves: *seconds* since the *boot* of that name, those
    in which the machine slept included.
    """

    boot: str
    seconds: float

    def after(self, seconds: float) -> Uptime:
        return Uptime(self.boot, self.seconds + seconds)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """
    The way back of one set: the *content* that its kernel held and the *spec* that it was applied
    by, of *versions*.

    One command has one *token* and one *timer*, in words. It was *action*, ``apply`` or
    ``rollback``, by *by* at *at*; what is not confirmed until *due* is taken back. *until* is the
    same moment for people. A rollback has also put a pin to *feed*, in the place of *pin*. A set
    that *was_reverted* before, and has not been confirmed since, is so again.
    """

    host: str
    set_name: str
    token: str
    action: str
    stage: Stage
    at: datetime
    until: datetime
    due: Uptime
    by: str
    versions: tuple[int, ...]
    content: PrefixSet
    spec: SetSpec
    feed: str | None = None
    pin: Pin | None = None
    was_reverted: bool = False
    timer: str = ""

    def seconds_left(self, now: Uptime) -> float:
        """
        How much of the period is left. Of one that was begun before a reboot, nothing is.
        """
        return max(0.0, self.due.seconds - now.seconds) if now.boot == self.due.boot else 0.0

    def is_overdue(self, now: Uptime) -> bool:
        return self.stage is Stage.PENDING and self.seconds_left(now) == 0

    @property
    def stays_away(self) -> bool:
        """
        Whether the nightly update, once this is taken back, has to leave the set alone: what is
        desired is still what was not confirmed. After a rollback it is what it was before.
        """
        return self.action == "apply" or self.was_reverted


@dataclass(frozen=True, slots=True)
class Trial:
    """
    A `Confirmation` as it is reported.
    """

    set: str
    token: str
    action: str
    stage: Stage
    at: datetime
    until: datetime
    seconds_left: float
    by: str
    timer: str


@dataclass(frozen=True, slots=True)
class ConfirmResult:
    confirmed: tuple[Trial, ...]
