"""
The nouns that every room shares: frozen values, no behaviour beyond what they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from proxyfeed.prefixes import PrefixSet

# ---------------------------------------------------------------- what is configured


@dataclass(frozen=True, slots=True)
class HtmlRules:
    """
    How to find the wanted list in a page; see `proxyfeed.sources.html` for what each means.

    *selector* is a CSS selector for the part of the page to read. *heading*, *exclude* and
    *ignore* are phrases, compared as whole words without regard to case.
    """

    selector: str | None = None
    heading: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """
    Bounds of one fetch: *deadline* in seconds for all attempts at one URL together, *max_bytes*
    for the body, compressed as well as expanded.
    """

    deadline: float = 60.0
    max_bytes: int = 64 * 1024 * 1024
    attempts: int = 3
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What would be absurd in a feed.

    *growth* and *shrink* are shares of the addresses of a family, 0.1 for 10 %. *widest* holds the
    shortest prefix length that is believed, for IPv4 and IPv6. *allow* is special-purpose space
    that this feed may hold all the same.
    """

    growth: float = 0.10
    shrink: float = 0.10
    widest_ipv4: int = 8
    widest_ipv6: int = 19
    allow: PrefixSet = PrefixSet()
    max_age: timedelta | None = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Feed:
    """
    One published list. *urls* are tried in order: the live page, an archived copy, a saved file.
    """

    name: str
    urls: tuple[str, ...]
    format: str
    html: HtmlRules = HtmlRules()
    fetch: FetchLimits = FetchLimits()
    limits: Limits = Limits()
    note: str = ""


@dataclass(frozen=True, slots=True, order=True)
class VirtualService:
    """
    One address and port that clients connect to, as in ``192.0.2.80:80``.
    """

    family: int
    address: str
    port: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.family == 6 else self.address
        suffix = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{host}:{self.port}{suffix}"


@dataclass(frozen=True, slots=True)
class SetSpec:
    """
    What one set should be: the union of *feeds*, less *exclude*, marked with *mark*.

    *families* are the address families that the kernel serves. *protect* holds the ranges that must
    never be in it: virtual services and real servers of the set included.
    """

    name: str
    feeds: tuple[str, ...]
    mark: int
    mask: int = 0xFFFFFFFF
    virtual: tuple[VirtualService, ...] = ()
    exclude: PrefixSet = PrefixSet()
    protect: PrefixSet = PrefixSet()
    families: tuple[int, ...] = (4, 6)
    install_rule: bool = True


# ---------------------------------------------------------------- what was fetched


class FetchOutcome(StrEnum):
    """
    The closed list of what can come of one attempt at one URL.
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

    @property
    def is_good(self) -> bool:
        """
        Whether upstream gave a list that was read, whatever was then decided about it.
        """
        return self in _GOOD


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
    """

    url: str
    outcome: FetchOutcome
    status: int | None
    size: int
    seconds: float
    detail: str = ""
    body: Body | None = None


# ---------------------------------------------------------------- what is kept


class Status(StrEnum):
    ACCEPTED = "accepted"
    HELD = "held"
    REJECTED = "rejected"


class Severity(StrEnum):
    """
    *ABSOLUTE* needs the configuration to change, *RELATIVE* an operator's approval.
    """

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


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
    """

    id: int
    feed: str
    digest: str
    status: Status
    fetched_at: datetime
    upstream_stamp: str | None
    prefixes: int
    addresses_ipv4: int
    addresses_ipv6: int
    findings: tuple[Finding, ...] = ()
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
class Diff:
    """
    What changes from one set to another, in address space: a list that was cut in another way and
    holds the same addresses has an empty diff.
    """

    added: PrefixSet
    removed: PrefixSet

    @classmethod
    def between(cls, old: PrefixSet, new: PrefixSet) -> Diff:
        return cls(added=new - old, removed=old - new)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


# ---------------------------------------------------------------- what the kernel holds


@dataclass(frozen=True, slots=True)
class LiveSet:
    """
    One ipset as the kernel lists it.

    *members* are keys for ``hash:net`` and text for ``hash:ip,port``. *odd* holds the lines that
    proxyfeed would never have written, such as ``10.1.0.0/16 nomatch``.
    """

    name: str
    type: str
    family: int
    max_entries: int
    members: frozenset[int] | frozenset[str]
    odd: tuple[str, ...] = ()


class Action(StrEnum):
    NOTHING = "nothing"
    CREATE = "create"
    DELTA = "delta"
    REPLACE = "replace"
    RETYPE = "retype"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class SetPlan:
    """
    What is to be done to one ipset, and *why* in words for ``--dry-run``.
    """

    name: str
    type: str
    family: int
    action: Action
    why: str
    target: frozenset[int] | frozenset[str]
    add: tuple[int | str, ...] = ()
    delete: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class RulePlan:
    """
    What is to be done to the MARK rule of one family: *present* as the kernel prints our rules,
    *wanted* the one that should stand there, or None for none.
    """

    family: int
    present: tuple[str, ...]
    wanted: str | None

    @property
    def is_nothing(self) -> bool:
        return self.present == ((self.wanted,) if self.wanted else ())


@dataclass(frozen=True, slots=True)
class Plan:
    set_name: str
    sets: tuple[SetPlan, ...]
    rules: tuple[RulePlan, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return all(s.action is Action.NOTHING for s in self.sets) and all(
            r.is_nothing for r in self.rules
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """
    A plan that was carried out: *digest* is what was read back, *seconds* the whole of it.
    """

    plan: Plan
    seconds: float
    digest: str
    notes: tuple[str, ...] = ()


# ---------------------------------------------------------------- what a command did


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing that went wrong, for the report, the alert and the exit code.
    """

    code: str
    exit_code: int
    message: str
    hint: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Everything that one command did: *result* is its own value, of a type of its own.
    """

    command: str
    result: object
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    differs: bool = field(default=False)

    @property
    def exit_code(self) -> int:
        """
        The highest of the problems' codes; 1 for a difference that was asked for by exit code.
        """
        if self.problems:
            return max(problem.exit_code for problem in self.problems)
        return 1 if self.differs else 0


# ---------------------------------------------------------------- what is told


class AlertKind(StrEnum):
    """
    What an alert is about. *CHANGED*, *RECOVERED* and *TEST* happen once; the others last.
    """

    CHANGED = "changed"
    HELD = "held"
    FAILED = "failed"
    STALE = "stale"
    PINNED = "pinned"
    DRIFT = "drift"
    APPLY = "apply failed"
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
