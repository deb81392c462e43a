"""
What is kept: versions, what the guard says of them, and where a feed stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from proxyfeed.marked import MarkedSet, remarked
from proxyfeed.model.fetching import Attempt, FetchOutcome
from proxyfeed.model.listing import Labels
from proxyfeed.model.settings import SetSpec
from proxyfeed.prefixes import PrefixSet


class Status(StrEnum):
    ACCEPTED = "accepted"
    HELD = "held"
    REJECTED = "rejected"


class Severity(StrEnum):
    """
    *ABSOLUTE* needs the configuration to change, *RELATIVE* an operator's approval; a *NOTE* holds
    nothing back.
    """

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What the guard says: *rule* is its name, *what* a sentence with the number and its limit.
    """

    rule: str
    severity: Severity
    what: str


@dataclass(frozen=True, slots=True)
class Version:
    """
    One numbered content of one feed, as it is listed. Counts are those of the aggregated set.

    *label* is the name of the labels that it carries, such as ``country``, and *labels_digest*
    theirs; both are "" without labels. *upstream_stamp* is upstream's own time.
    """

    id: int
    feed: str
    digest: str
    status: Status
    fetched_at: datetime
    upstream_stamp: datetime | None
    prefixes: int
    addresses_ipv4: int
    addresses_ipv6: int
    label: str = ""
    labels_digest: str = ""
    findings: tuple[Finding, ...] = ()
    accepted_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    feed: str
    version: int
    at: datetime
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FetchRow:
    """
    One recorded attempt, as the database remembers it; *url* is without secrets.
    """

    feed: str
    at: datetime
    url: str
    url_digest: str
    reader: str
    outcome: FetchOutcome
    status: int | None
    size: int
    seconds: float
    detail: str
    etag: str | None = None
    last_modified: str | None = None
    version: int | None = None
    id: int = 0
    stamp: datetime | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FeedState:
    """
    Where one feed stands.

    *latest* is the newest accepted version, *active* the one that counts: the pinned one, or else
    the latest. *waiting* are the held versions newer than the latest, the newest first; *refused*
    are those that an operator rejected since. *baseline* is what the guard compares with
    besides the latest. *last* is the newest attempt, *last_good* the newest that gave a list, and
    *validated* the newest GET whose content is the latest version.

    *seen* is the newest stamp of what was accepted, counted anew from an operator's approval on.
    *failing_gaps* are the times from one failure to the next since content was last confirmed or
    accepted. *is_first* says that the latest version is the only one that was ever accepted.
    *pauses* are the URLs, without secrets, that ask to be left alone until a time still to come.
    """

    feed: str
    latest: Version | None = None
    active: Version | None = None
    pin: Pin | None = None
    waiting: tuple[Version, ...] = ()
    is_first: bool = False
    refused: tuple[Version, ...] = ()
    baseline: Version | None = None
    last: FetchRow | None = None
    last_good: FetchRow | None = None
    validated: FetchRow | None = None
    seen: datetime | None = None
    failing_gaps: tuple[timedelta, ...] = ()
    pauses: tuple[tuple[str, datetime], ...] = ()

    @property
    def undecided(self) -> int | None:
        """
        The newest held version, None if there is none or upstream has withdrawn it.
        """
        for version in self.waiting[:1]:
            if self.last_good is None or self.last_good.version == version.id:
                return version.id
        return None


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What one run found out about one feed, ready to be recorded.

    *attempts* carry their final outcomes, the last one is the verdict. With a *status* the
    *content* becomes a new version; *version* names the known version that the content is.
    *source* is the URL of the verdict in full, *reader* the digest of the rules it was read by.
    *labels* belong to the content, *stamp* is upstream's time of it. Without any attempt the feed
    was not due.
    """

    feed: str
    attempts: tuple[Attempt, ...]
    source: str
    reader: str
    content: PrefixSet | None = None
    status: Status | None = None
    findings: tuple[Finding, ...] = ()
    version: int | None = None
    labels: Labels = Labels()
    stamp: datetime | None = None

    @property
    def outcome(self) -> FetchOutcome:
        return self.attempts[-1].outcome if self.attempts else FetchOutcome.NOT_DUE


@dataclass(frozen=True, slots=True)
class Application:
    """
    One writing of one set to the kernel of one host: *digest* is what was read back,
    *layout* names the kernel objects that it made, *spec* is what it was made by, None where that
    was not recorded yet.
    """

    host: str
    set_name: str
    action: str
    versions: tuple[int, ...]
    at: datetime
    by: str
    seconds: float
    digest: str
    layout: str = ""
    spec: SetSpec | None = None


@dataclass(frozen=True, slots=True)
class Remarked:
    """
    Addresses of a split set whose mark changes. 0 is that of a set that was not split.
    """

    old: int
    new: int
    prefixes: PrefixSet


@dataclass(frozen=True, slots=True)
class Diff:
    """
    What changes from one set to another, in address space: a list that was cut in another way and
    holds the same addresses has an empty diff. *remarked* is what stays, with another mark.
    """

    added: PrefixSet
    removed: PrefixSet
    remarked: tuple[Remarked, ...] = ()

    @classmethod
    def between(cls, old: PrefixSet, new: PrefixSet) -> Diff:
        changed: tuple[Remarked, ...] = ()
        if isinstance(old, MarkedSet) and isinstance(new, MarkedSet):
            changed = tuple(Remarked(*one) for one in remarked(old.marks, new.marks))
        return cls(added=new - old, removed=old - new, remarked=changed)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.remarked)
