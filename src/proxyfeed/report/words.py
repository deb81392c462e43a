"""
The small phrases that several reports share.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice

from proxyfeed.marked import union
from proxyfeed.model import (
    Attempt,
    Cover,
    Diff,
    Labels,
    MovedLabel,
    Plan,
    SetSplit,
    Stage,
    Trial,
    Version,
    Waiting,
)
from proxyfeed.notation import key_to_text
from proxyfeed.prefixes import FAMILIES, PrefixSet

_SHOWN = 5
_MOVED_SHOWN = 10


def when(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "never"


def attempt_line(attempt: Attempt) -> str:
    """
    ``https://h.example/list: new, HTTP 200, 1,983 bytes in 0.21 s``.
    """
    status = f"HTTP {attempt.status}, " if attempt.status else ""
    detail = f": {attempt.detail}" if attempt.detail else ""
    return (
        f"{attempt.url}: {attempt.outcome}, {status}{attempt.size:,} bytes "
        f"in {attempt.seconds:.2f} s{detail}"
    )


def addresses(prefixes: PrefixSet) -> str:
    """
    ``56,452 IPv4 + 0 IPv6 addresses``.
    """
    return (
        f"{prefixes.family(4).addresses:,} IPv4 + {prefixes.family(6).addresses:,} IPv6 addresses"
    )


def version_addresses(version: Version) -> str:
    return f"{version.addresses_ipv4:,} IPv4 + {version.addresses_ipv6:,} IPv6 addresses"


def change(diff: Diff) -> str:
    """
    ``IPv4 +128 -10,368 addresses``, or that none differs.
    """
    parts = []
    for family in FAMILIES:
        added, removed = diff.added.family(family), diff.removed.family(family)
        if added or removed:
            parts.append(f"IPv{family} +{added.addresses:,} -{removed.addresses:,} addresses")
    if diff.remarked:
        changed = union(one.prefixes for one in diff.remarked)
        parts.append(f"{addresses(changed)} change their mark")
    return ", ".join(parts) or "no address differs"


def diff_body(diff: Diff) -> Iterator[str]:
    """
    ``-`` and ``+`` lines of the prefixes that go and come, in address order.
    """
    for family in FAMILIES:
        signed = [(key, "-") for key in diff.removed.keys(family)]
        signed += [(key, "+") for key in diff.added.keys(family)]
        for key, sign in sorted(signed):
            yield f"{sign}{key_to_text(family, key)}"
    for one in diff.remarked:
        for line in one.prefixes.lines():
            yield f"~{line} mark {mark_word(one.old)} -> {mark_word(one.new)}"


def mark_word(mark: int) -> str:
    """
    ``0xb``; a set that was not split has its mark from the rule.
    """
    return f"{mark:#x}" if mark else "of the rule"


def moved_lines(moved: Collection[MovedLabel]) -> Iterator[str]:
    """
    ``    label DE: mark 0xb -> 0xc``, for the first of them.
    """
    for one in islice(moved, _MOVED_SHOWN):
        name = one.label or "(none)"
        yield f"    label {name}: mark {mark_word(one.old)} -> {mark_word(one.new)}"
    if len(moved) > _MOVED_SHOWN:
        yield f"    and {len(moved) - _MOVED_SHOWN} more labels"


def split_lines(split: SetSplit) -> Iterator[str]:
    """
    ``    mark 0xb   34.1 % of IPv4, 33.0 % of IPv6: US, MX``, for each mark.
    """
    totals = [sum(one.prefixes.family(f).addresses for one in split.labels) for f in FAMILIES]
    for mark in split.marks:
        own = [one for one in split.labels if one.mark == mark]
        counts = [sum(one.prefixes.family(f).addresses for one in own) for f in FAMILIES]
        shares = [
            f"{100 * count / total:.1f} % of IPv{family}"
            for family, count, total in zip(FAMILIES, counts, totals, strict=True)
            if total
        ]
        own.sort(key=lambda one: (-sum(loads(one.prefixes, totals)), one.label))
        names = ", ".join(one.label or "(none)" for one in own[:_MOVED_SHOWN])
        more = f" and {len(own) - _MOVED_SHOWN} more" if len(own) > _MOVED_SHOWN else ""
        yield f"    mark {mark:#x}  {', '.join(shares)}: {names or 'no label'}{more}"


def loads(prefixes: PrefixSet, totals: Iterable[int]) -> Iterator[float]:
    for family, total in zip(FAMILIES, totals, strict=True):
        yield prefixes.family(family).addresses / total if total else 0.0


def waiting_lines(waiting: Iterable[Waiting], cover: Cover | None) -> Iterator[str]:
    """
    ``  waits      256 IPv4 + 0 IPv6 addresses that feed aws dropped stay until 2026-08-24 10:37
    UTC: 20.0.0.0/24``. A *cover* may hold them for longer.
    """
    verb = "count as listed until" if cover else "stay until"
    for one in waiting:
        shown = ", ".join(islice(one.prefixes.lines(), _SHOWN))
        more = f" and {len(one.prefixes) - _SHOWN} more" if len(one.prefixes) > _SHOWN else ""
        yield (
            f"  waits      {addresses(one.prefixes)} that feed {one.feed} dropped {verb} "
            f"{when(one.until)}: {shown}{more}"
        )


def cover_line(cover: Cover) -> str:
    """
    ``max_prefixes = 10: 20 prefixes become 10, added to what is listed: IPv4 +41,980 addresses
    (74.4 %)``.
    """
    counts = f"{cover.prefixes_listed:,} prefixes become {cover.prefixes:,}"
    if cover.prefixes == cover.prefixes_listed:
        counts = f"{cover.prefixes:,} prefixes"
    families = ((4, cover.added_ipv4, cover.listed_ipv4), (6, cover.added_ipv6, cover.listed_ipv6))
    added = [
        f"IPv{family} +{count:,} addresses ({100 * count / listed:,.1f} %)"
        for family, count, listed in families
        if count
    ]
    much = ", MORE than the feeds list" if cover.outgrown else ""
    line = f"{cover.setting}: {counts}, added to what is listed: {', '.join(added) or 'nothing'}"
    return line + much + ("" if cover.is_reached else "; fewer CANNOT be, so it is not applied")


def label_lines(labels: Labels) -> Iterator[str]:
    """
    How many labels there are, and the largest of them by prefixes.
    """
    if not labels:
        return
    parts = sorted(labels.parts, key=lambda part: (-len(part[1]), part[0]))
    yield f"  label {labels.name}: {len(parts):,} of them, the largest:"
    for label, part in parts[:_SHOWN]:
        yield f"    {label or '(none)':<10}  {len(part):,} prefixes, {addresses(part)}"


def relabelled_line(labels: tuple[str, ...]) -> str:
    """
    ``2 labels hold other addresses: DE, US``.
    """
    shown = ", ".join(label or "(none)" for label in labels[:_SHOWN])
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return f"{len(labels)} labels hold other addresses: {shown}{more}"


def percent(share: float) -> str:
    return f"{share * 100:g} %"


def numbers(versions: tuple[int, ...]) -> str:
    """
    ``version 3``, or ``versions 3, 7``.
    """
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(map(str, versions))}"


def former_words(plan: Plan) -> str:
    """
    ``ipset holds proxyfeed_aol_4, proxyfeed_aol_6 and 2 MARK rules of it still``, "" for nothing.
    """
    former = plan.former
    if former is None:
        return ""
    rules = sum(map(len, (*former.rules.values(), *former.strays.values())))
    names = ", ".join(sorted((*former.sets, *former.temporaries))) or "no set"
    return f"{plan.backend.other} holds {names} and {rules} MARK rules of it still"


def trial_line(trial: Trial) -> str:
    """
    ``set aol: the apply by ines at 2026-11-22 03:17 UTC is taken back in 9 min 58 s ...``.
    """
    what = f"set {trial.set}: the {trial.action} by {trial.by} at {when(trial.at)}"
    if trial.stage is Stage.REVERTED:
        return f"{what} was not confirmed, and was taken back"
    return (
        f"{what} is taken back in {span(trial.seconds_left)}, at {when(trial.until)}, by "
        f"{trial.timer or 'no timer that is known'}, unless you type: proxyfeed confirm"
    )


def span(seconds: float) -> str:
    """
    ``1 h 59 min``, ``9 min 58 s`` or ``42 s``.
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
