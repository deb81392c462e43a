"""
May this content replace that one? Judged by addresses, never by lines.

Absolute rules catch what no operator could want and only the configuration can allow. Relative
rules catch what is improbable: AWS changed 3,699 times in eleven years, and plus or minus 10 % of
a family's addresses would have held three of those changes, all of them real growth.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

from proxyfeed.model import Finding, Limits, Listing, SetSpec, Severity
from proxyfeed.prefixes import FAMILIES, PrefixSet

# IANA IPv4 Special-Purpose Address Registry (RFC 6890), multicast (RFC 5771), class E (RFC 1112).
_SPECIAL_IPV4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
# Global unicast is 2000::/3 (RFC 4291); all around it is special, and so are these inside it.
_SPECIAL_IPV6 = (
    "::/3", "4000::/2", "8000::/1",
    "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)  # fmt: skip
_DEFAULT_ROUTES = ("0.0.0.0/0", "::/0")
_SHOWN = 3
# A clock of upstream's may run a little ahead; a stamp of the year 2099 would outdate all others.
_AHEAD = timedelta(days=1)
_MILLION = 1_000_000


@cache
def special_purpose() -> PrefixSet:
    """
    The addresses that no public list of proxies can hold.
    """
    return PrefixSet.parse((*_SPECIAL_IPV4, *_SPECIAL_IPV6))


def judge(
    content: PrefixSet,
    limits: Limits,
    protected: PrefixSet,
    earlier: tuple[tuple[str, PrefixSet], ...] = (),
) -> tuple[Finding, ...]:
    """
    What speaks against accepting *content*, the absolute findings first; nothing if it is empty.

    *protected* is what must never be in a set: own virtual services, real servers, ``protect``.
    *earlier* are accepted contents to compare with, each with its name for the sentence; a feed's
    first version has none.
    """
    findings = [*_absolute(content, limits, protected)]
    for name, old in earlier:
        findings += _relative(content, old, limits, name)
    return tuple(findings)


def judge_set(
    spec: SetSpec, desired: PrefixSet, *, may_be_empty: bool = False
) -> tuple[Finding, ...]:
    """
    The absolute rules once more, for what a whole set is about to hold.

    Feeds are judged when they are fetched; the configuration may have changed since then.
    """
    findings = [*([] if may_be_empty else _nothing_left(desired)), *_default_route(desired)]
    return (*findings, *_protected(desired, spec.protect), *_too_many(spec, desired))


def judge_stamp(stamp: datetime | None, seen: datetime | None) -> tuple[Finding, ...]:
    """
    Whether a body is older than what was accepted before, by upstream's own time.

    Apple's edges served an older list on 6 of 109 days; that the ETag changed does not say that
    the list is newer.
    """
    if stamp is None or seen is None or stamp >= seen:
        return ()
    what = f"upstream's own time, {_time(stamp)}, is older than {_time(seen)}, seen before"
    return (_finding("older", what, Severity.RELATIVE),)


def exceeds(change: int, before: int, limit: float) -> bool:
    """
    Whether so many addresses are more than the share *limit* of those *before*.
    """
    # Integers all the way: IPv6 counts pass what a float can tell apart, and 100 * 0.29 is less
    # than 29.
    return change * _MILLION > before * round(limit * _MILLION)


def believed_stamp(stamp: datetime | None, now: datetime) -> datetime | None:
    """
    Upstream's own time, None where it gives none or one in the future.
    """
    return stamp if stamp is not None and stamp <= now + _AHEAD else None


def notes_on(listing: Listing, now: datetime, *, has_stamp: bool = False) -> tuple[Finding, ...]:
    """
    What an operator may want to know of a body that was read; nothing of it holds a version.

    *has_stamp* says that its feed usually gives its own time.
    """
    notes = []
    if listing.rejections:
        more = listing.rejections - len(listing.rejected)
        shown = "; ".join(map(str, listing.rejected)) + (f"; and {more} more" if more else "")
        rows = f"{listing.rejections} of {listing.rows} rows"
        notes.append(_note("rejected-rows", f"left out {rows}, which are no prefixes: {shown}"))
    if listing.maskings:
        first = "; ".join(listing.masked[:_SHOWN])
        what = f"cleared the host bits of {listing.maskings} rows, the first: {first}"
        notes.append(_note("host-bits", what))
    if has_stamp and listing.stamp is None:
        notes.append(_note("no-stamp", "found no time of upstream's where `stamp` looks for it"))
    if listing.stamp is not None and believed_stamp(listing.stamp, now) is None:
        what = f"did not believe upstream's time, {_time(listing.stamp)}, which is still to come"
        notes.append(_note("future-stamp", what))
    return tuple(notes)


def _absolute(content: PrefixSet, limits: Limits, protected: PrefixSet) -> Iterator[Finding]:
    if not limits.may_be_empty:
        yield from _nothing_left(content)
    yield from _default_route(content)
    special = (content & special_purpose()) - limits.allow
    if special:
        yield _finding(
            "special-purpose",
            f"holds special-purpose addresses: {_some(special)}; "
            "`allow` of the feed could admit them",
        )
    yield from _protected(content, protected)
    for family, widest in ((4, limits.widest_ipv4), (6, limits.widest_ipv6)):
        wide = [key for key in content.keys(family) if key & 0xFF < widest]
        if wide:
            prefixes = PrefixSet.from_keys(*((wide, ()) if family == 4 else ((), wide)))
            yield _finding(
                "too-wide",
                f"holds a prefix wider than /{widest}: {_some(prefixes)}; "
                f"`widest_ipv{family}` of the feed could admit it",
            )


def _nothing_left(content: PrefixSet) -> Iterator[Finding]:
    if not content:
        yield _finding("nothing-left", "holds no address at all")


def _default_route(content: PrefixSet) -> Iterator[Finding]:
    # The kernel refuses /0 and accepts its halves, so anything shorter than /2 counts as one.
    for family, route in zip(FAMILIES, _DEFAULT_ROUTES, strict=True):
        if any(key & 0xFF < 2 for key in content.keys(family)):
            yield _finding("default-route", f"holds {route} or a half of it")


def _protected(content: PrefixSet, protected: PrefixSet) -> Iterator[Finding]:
    own = content & protected
    if own:
        yield _finding(
            "protected",
            f"holds addresses of own virtual services, real servers or `protect`: {_some(own)}",
        )


def _too_many(spec: SetSpec, desired: PrefixSet) -> Iterator[Finding]:
    if spec.max_prefixes is not None and len(desired) > spec.max_prefixes:
        yield _finding(
            "too-many",
            f"needs {len(desired):,} prefixes, and {spec.covering}: with fewer it would hold "
            "excluded, protected or special-purpose addresses, or prefixes wider than its feeds' "
            "`widest_ipv4` and `widest_ipv6`",
        )


def _relative(content: PrefixSet, old: PrefixSet, limits: Limits, name: str) -> Iterator[Finding]:
    for family in FAMILIES:
        before, after = old.family(family), content.family(family)
        if not before:
            if after:
                yield _finding(
                    "growth",
                    f"IPv{family} appears with {after.addresses:,} addresses, "
                    f"where {name} has none",
                    Severity.RELATIVE,
                )
            continue
        for rule, change, limit, verb in (
            ("shrink", before - after, limits.shrink, "leave"),
            ("growth", after - before, limits.growth, "come"),
        ):
            if exceeds(change.addresses, before.addresses, limit):
                share = change.addresses / before.addresses
                yield _finding(
                    rule,
                    f"IPv{family}: {change.addresses:,} addresses {verb}, "
                    f"{share:.1%} of the {before.addresses:,} of {name}; the limit is {limit:.1%}",
                    Severity.RELATIVE,
                )


def _some(prefixes: PrefixSet) -> str:
    shown = [line for line, _ in zip(prefixes.lines(), range(_SHOWN), strict=False)]
    more = len(prefixes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _time(stamp: datetime) -> str:
    return f"{stamp:%Y-%m-%d %H:%M} UTC"


def _note(rule: str, what: str) -> Finding:
    return _finding(rule, what, Severity.NOTE)


def _finding(rule: str, what: str, severity: Severity = Severity.ABSOLUTE) -> Finding:
    return Finding(rule=rule, severity=severity, what=what)
