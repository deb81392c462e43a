"""
What each command found or did, for the report and the alerts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from proxyfeed.model.alerts import Delivery
from proxyfeed.model.fetching import Attempt, FetchOutcome
from proxyfeed.model.kernel import Plan
from proxyfeed.model.listing import Listing
from proxyfeed.model.settings import Feed, SetSpec
from proxyfeed.model.versions import Diff, FeedState, FetchRow, Finding, Pin, Version
from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class FeedReport:
    """
    What came of one feed: *version* is the number that its content has, None if nothing was read;
    *diff* is against the newest accepted version before it, for new and held content. Where the
    feed was not asked, *due_at* is when it may be; *last* is the newest attempt.
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
    was tried, *failed* why it did not succeed. *waiting* is part of what is desired.
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


@dataclass(frozen=True, slots=True)
class UpdateResult:
    feeds: tuple[FeedReport, ...]
    sets: tuple[SetReport, ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ApplyResult:
    sets: tuple[SetReport, ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    One *old* against one *new*, by their names: *entries_added* and *entries_removed* are lines of
    the canonical lists, which differ also where the same addresses are cut in another way.
    *waiting* are addresses of the new side that will leave by themselves.
    """

    old: str
    new: str
    diff: Diff
    entries_added: tuple[str, ...]
    entries_removed: tuple[str, ...]
    note: str = ""
    waiting: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffResult:
    """
    *detail* is how much of it was asked for: ``stat``, ``prefixes``, or "" for the usual.
    """

    comparisons: tuple[Comparison, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """
    What an operator decided: *action* is approve, reject, rollback or release; *diff* is what it
    changes in what the feed counts as, and *sets* what was written to the kernel.
    """

    action: str
    feed: str
    version: int
    active: int | None
    diff: Diff
    note: str
    sets: tuple[SetReport, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryResult:
    versions: tuple[Version, ...]
    active: tuple[int, ...]
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class FetchesResult:
    fetches: tuple[FetchRow, ...]


@dataclass(frozen=True, slots=True)
class ShowResult:
    """
    One version: *diff* is against *before*, the version accepted before it. *detail* is as in
    `DiffResult`.
    """

    version: Version
    is_active: bool
    is_pinned: bool
    before: int | None
    diff: Diff
    content: PrefixSet
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """
    One stay of an address in a feed: the versions that brought and dropped it, None for not yet.
    """

    since: Version
    until: Version | None


@dataclass(frozen=True, slots=True)
class Membership:
    """
    One feed's word on an address: *is_in* its active version, and the *sets* that take it from
    there; *excluded* are the sets that leave it out.
    """

    feed: str
    is_in: bool
    sets: tuple[str, ...]
    excluded: tuple[str, ...]
    stays: tuple[Stay, ...]


@dataclass(frozen=True, slots=True)
class LookupResult:
    address: str
    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """
    Where one feed stands now, in seconds or None: *stale_for* since the last good fetch, where that
    is past its ``max_age``; *unchanged_for* since upstream changed, past ``max_unchanged``;
    *dead_for* of nothing but failures, past ``expire_after``. *due_at* is when it may be asked.
    """

    state: FeedState
    sets: tuple[str, ...]
    stale_for: float | None
    unchanged_for: float | None = None
    dead_for: float | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetStatus:
    """
    What one set should hold and what the kernel holds: *plan* is what ``apply`` would do, None
    where the kernel could not be looked at. *missing* and *extra* are against desired.
    """

    set: str
    versions: tuple[int, ...]
    desired: PrefixSet
    mark: str
    plan: Plan | None
    missing: PrefixSet
    extra: PrefixSet
    applied_at: datetime | None
    note: str = ""
    waiting: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusResult:
    feeds: tuple[FeedStatus, ...]
    sets: tuple[SetStatus, ...]
    deliveries: tuple[Delivery, ...]
    database: str
    config: str
    orphans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleLines:
    set: str
    wanted: tuple[str, ...]
    present: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleResult:
    action: str
    rules: tuple[RuleLines, ...]


@dataclass(frozen=True, slots=True)
class ConfigResult:
    origin: str
    database: str
    apply: str
    feeds: tuple[Feed, ...]
    sets: tuple[SetSpec, ...]
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InitResult:
    config: str
    wrote_config: bool
    database: str
    next_steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeedEntry:
    feed: Feed
    sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeedsResult:
    """
    *is_list* tells a list of all feeds from all that is known of one.
    """

    feeds: tuple[FeedEntry, ...]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class TryResult:
    """
    What a feed gave when it was tried: *listing* is None if it could not be read. *is_new* says
    that no configuration has it yet.
    """

    feed: Feed
    attempts: tuple[Attempt, ...]
    listing: Listing | None
    findings: tuple[Finding, ...]
    is_new: bool


@dataclass(frozen=True, slots=True)
class AlertTestResult:
    deliveries: tuple[Delivery, ...]
