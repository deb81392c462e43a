"""
What was fetched: bodies, attempts, and the closed list of what can come of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FetchOutcome(StrEnum):
    """
    The closed list of what can come of one attempt at one URL; *NOT_DUE* is none at all.
    """

    NEW = "new"
    SAME = "same content"
    NOT_MODIFIED = "not modified"
    HELD = "held"
    REJECTED = "rejected before"
    EMPTY = "empty"
    NOT_A_LIST = "not a list"
    TOO_LARGE = "too large"
    TRUNCATED = "truncated"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    BAD_STATUS = "bad status"
    BAD_REDIRECT = "bad redirect"
    NO_FILE = "no file"
    NOT_DUE = "not due"

    @property
    def is_good(self) -> bool:
        """
        Whether upstream gave a list that was read, whatever was then decided about it.
        """
        return self in _GOOD

    @property
    def confirms(self) -> bool:
        """
        Whether upstream gave what counts, or what counts from now on.
        """
        return self in _CONFIRMING


_CONFIRMING = frozenset({FetchOutcome.NEW, FetchOutcome.SAME, FetchOutcome.NOT_MODIFIED})
_GOOD = frozenset(
    {
        FetchOutcome.NEW,
        FetchOutcome.SAME,
        FetchOutcome.NOT_MODIFIED,
        FetchOutcome.HELD,
        FetchOutcome.REJECTED,
    }
)


@dataclass(frozen=True, slots=True)
class Validators:
    """
    What the last good GET of *url* said of its version; sent back only to that same URL.
    """

    url: str
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class Body:
    """
    One body as it came, expanded: *content_type* as the server named it, "" if it did not.
    """

    content: bytes
    content_type: str = ""
    validators: Validators | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One try at one URL, as it is recorded: *url* without secrets, *size* in bytes of the expanded
    body, *seconds* from the first byte sent. *status* is None where no HTTP answer came.
    *retry_after* are the seconds that the server asks to be left alone for, 0 for none.
    """

    url: str
    outcome: FetchOutcome
    status: int | None
    size: int
    seconds: float
    detail: str = ""
    body: Body | None = None
    retry_after: float = 0.0
