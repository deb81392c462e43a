"""
What is told, and what was told already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertKind(StrEnum):
    """
    What an alert is about. *CHANGED*, *MENDED*, *RECOVERED* and *TEST* happen once, and so
    does *ACCEPTED* for each version; the others last.
    """

    ACCEPTED = "accepted"
    CHANGED = "changed"
    HELD = "held"
    FAILED = "failed"
    STALE = "stale"
    UNCHANGED = "unchanged"
    EXPIRED = "expired"
    PINNED = "pinned"
    DRIFT = "drift"
    MENDED = "mended"
    APPLY = "apply failed"
    REVERTED = "taken back"
    RECOVERED = "recovered"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Event:
    """
    Something to tell. *subject* is like ``feed aol`` or ``set aol``; *key* tells one trouble from
    the next of the same kind: a failure with another outcome is told anew, the same one is not.
    """

    kind: AlertKind
    subject: str
    key: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class AlertState:
    """
    A lasting trouble that was already told, as the database remembers it between runs.
    """

    kind: AlertKind
    subject: str
    key: str
    since: datetime
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    How the last message to one target went: *target* without secrets, *error* "" when it arrived.
    """

    target: str
    at: datetime
    error: str = ""
