"""
What a run did: `update`, `apply`, and what an operator decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from proxyfeed.model.confirming import Trial
from proxyfeed.model.covering import Cover
from proxyfeed.model.fetching import Attempt, FetchOutcome
from proxyfeed.model.kernel import Plan
from proxyfeed.model.versions import Diff, FetchRow, Finding, Pin, Severity
from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class FeedReport:
    """
    What came of one feed: *version* is the number that its content has, None if nothing was read;
    *diff* is against the newest accepted version before it, for new and held content. Where the
    feed was not asked, *due_at* is when it may be; *last* is the newest attempt, *held* the version
    that waits for a decision. *relabelled* are labels that hold other addresses than before. A
    feed that *is_expired* has died (``expire_after``).
    """

    feed: str
    outcome: FetchOutcome
    attempts: tuple[Attempt, ...]
    version: int | None
    diff: Diff | None = None
    findings: tuple[Finding, ...] = ()
    pin: Pin | None = None
    latest: int | None = None
    active: int | None = None
    due_at: datetime | None = None
    last: FetchRow | None = None
    held: int | None = None
    relabelled: tuple[str, ...] = ()
    is_expired: bool = False

    @property
    def against(self) -> tuple[Finding, ...]:
        """
        The findings that hold the content back.
        """
        return tuple(one for one in self.findings if one.severity is not Severity.NOTE)

    @property
    def notes(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity is Severity.NOTE)

    @property
    def kept(self) -> str:
        """
        What holds while nothing new was accepted, in words.
        """
        if self.is_expired:
            return "it has expired, and none of its addresses is desired"
        return f"version {self.active} stays active" if self.active else "it has no version yet"


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    Addresses that a feed has dropped and that stay desired *until* they have been gone for its
    ``hold_removals``.
    """

    feed: str
    prefixes: PrefixSet
    until: datetime


@dataclass(frozen=True, slots=True)
class SetReport:
    """
    What came of one set: *plan* as it was carried out, or would be; *change* of what the kernel
    holds; *drift* is what was found otherwise than it was last applied; *skipped* says why nothing
    was tried, *failed* why it did not succeed. *waiting* is part of what is desired, and so is what
    its *cover* adds.
    """

    set: str
    versions: tuple[int, ...] = ()
    plan: Plan | None = None
    change: Diff | None = None
    holds: PrefixSet = PrefixSet()
    seconds: float = 0.0
    digest: str = ""
    notes: tuple[str, ...] = ()
    drift: str = ""
    skipped: str = ""
    failed: str = ""
    waiting: tuple[Waiting, ...] = ()
    cover: Cover | None = None


@dataclass(frozen=True, slots=True)
class UpdateResult:
    feeds: tuple[FeedReport, ...]
    sets: tuple[SetReport, ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """
    *trials* are what of *sets* is yet to be confirmed.
    """

    sets: tuple[SetReport, ...]
    dry_run: bool = False
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True, slots=True)
class RevertResult:
    """
    The *sets* that were brought back to what they held before.
    """

    sets: tuple[SetReport, ...]


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """
    What an operator decided: *action* is approve, reject, rollback or release; *diff* is what it
    changes in what the feed counts as, and *sets* what was written to the kernel. *trials* are
    what of it is yet to be confirmed.
    """

    action: str
    feed: str
    version: int
    active: int | None
    diff: Diff
    note: str
    sets: tuple[SetReport, ...] = ()
    trials: tuple[Trial, ...] = ()
