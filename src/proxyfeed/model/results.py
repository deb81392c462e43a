"""
What each command found, for the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from proxyfeed.model.alerts import Delivery
from proxyfeed.model.confirming import Trial
from proxyfeed.model.covering import Cover, Covered
from proxyfeed.model.fetching import Attempt
from proxyfeed.model.impact import Impact
from proxyfeed.model.kernel import Plan
from proxyfeed.model.listing import Labels, Listing
from proxyfeed.model.runs import Waiting
from proxyfeed.model.settings import Feed, SetSpec
from proxyfeed.model.splitting import Carried, MovedLabel, SetSplit
from proxyfeed.model.versions import Diff, FeedState, FetchRow, Finding, Pin, Remarked, Version
from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    One *old* against one *new*, by their names: *entries_added* and *entries_removed* are lines of
    the canonical lists, which differ also where the same addresses are cut in another way.
    *waiting* are addresses of the new side that will leave by themselves, *moved* the labels whose
    users change to another mark; *cover* is what the new side has beyond any list. It is of one
    *set*, or of two versions of one *feed*; *impact* is whom of those who are connected it
    concerns, where that was asked for.
    """

    old: str
    new: str
    diff: Diff
    entries_added: tuple[str, ...]
    entries_removed: tuple[str, ...]
    note: str = ""
    waiting: tuple[Waiting, ...] = ()
    moved: tuple[MovedLabel, ...] = ()
    set: str = ""
    feed: str = ""
    impact: tuple[Impact, ...] = ()
    cover: Cover | None = None


@dataclass(frozen=True, slots=True)
class DiffResult:
    """
    *detail* is how much of it was asked for: ``stat``, ``prefixes``, or "" for the usual.
    """

    comparisons: tuple[Comparison, ...]
    detail: str = ""


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
    `DiffResult`. *covers* are those of the sets that take the feed, as they would be with it.
    """

    version: Version
    is_active: bool
    is_pinned: bool
    before: int | None
    diff: Diff
    content: PrefixSet
    detail: str = ""
    labels: Labels = Labels()
    splits: tuple[SetSplit, ...] = ()
    covers: tuple[Cover, ...] = ()


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
    there; *excluded* are the sets that leave it out. *waits_until* is for one that was dropped and
    is still desired; with *is_expired* nothing of the feed is. *covering* are those sets whose
    cover may hold it for longer.
    """

    feed: str
    is_in: bool
    sets: tuple[str, ...]
    excluded: tuple[str, ...]
    stays: tuple[Stay, ...]
    waits_until: datetime | None = None
    is_expired: bool = False
    carries: tuple[Carried, ...] = ()
    covering: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LookupResult:
    address: str
    memberships: tuple[Membership, ...]
    covered: tuple[Covered, ...] = ()


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
    where the kernel could not be looked at. *missing* and *extra* are against desired, and
    *remarked* is what has another mark than the *split* of the set says. *cover* is what is desired
    beyond any list.
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
    remarked: tuple[Remarked, ...] = ()
    split: SetSplit | None = None
    cover: Cover | None = None


@dataclass(frozen=True, slots=True)
class StatusResult:
    """
    *trials* are the sets that wait for confirmation, and those that were taken back for want of it.
    """

    feeds: tuple[FeedStatus, ...]
    sets: tuple[SetStatus, ...]
    deliveries: tuple[Delivery, ...]
    database: str
    config: str
    orphans: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()


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
    heal: bool
    fetch_as: str
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
