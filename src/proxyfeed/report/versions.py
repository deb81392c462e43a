"""
What there was: ``diff``, ``history``, ``show`` and ``lookup``.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.model import (
    Comparison,
    DiffResult,
    FetchesResult,
    HistoryResult,
    LookupResult,
    Membership,
    ShowResult,
    Version,
)
from proxyfeed.report.impact import impact_lines
from proxyfeed.report.lengths import lengths_words
from proxyfeed.report.words import (
    change,
    cover_line,
    diff_body,
    label_lines,
    moved_lines,
    split_lines,
    version_addresses,
    waiting_lines,
    when,
)


def diff_lines(result: DiffResult) -> Iterator[str]:
    for one in result.comparisons:
        yield from _comparison(one, result.detail)


def _comparison(one: Comparison, detail: str) -> Iterator[str]:
    yield f"--- {one.old}"
    yield f"+++ {one.new}"
    if one.note:
        yield f"    {one.note}"
    if detail == "prefixes":
        yield from (f"-{line}" for line in one.entries_removed)
        yield from (f"+{line}" for line in one.entries_added)
    elif detail != "stat":
        yield from diff_body(one.diff)
    yield from moved_lines(one.moved)
    yield from waiting_lines(one.waiting, one.cover)
    if one.cover:
        yield f"  cover      {cover_line(one.cover)}"
    recut = len(one.entries_added) + len(one.entries_removed)
    more = ", only cut in another way" if recut and not one.diff else ""
    yield f"    {change(one.diff)}{more}"
    yield from impact_lines(one.impact)


def history_lines(result: HistoryResult) -> Iterator[str]:
    if not result.versions:
        yield "no version yet"
        return
    pins = {pin.version: pin for pin in result.pins}
    width = max(len(version.feed) for version in result.versions)
    for version in result.versions:
        notes = []
        if version.id in result.active:
            notes.append("active")
        if version.id in pins:
            pin = pins[version.id]
            notes.append(f"pinned by {pin.by}" + (f": {pin.reason}" if pin.reason else ""))
        if version.reason:
            notes.append(version.reason)
        yield (
            f"{version.id:>5}  {version.feed:<{width}}  {when(version.fetched_at)}  "
            f"{version.status:<8}  {version.prefixes:>6} prefixes  {version_addresses(version)}"
            + (f"  ({'; '.join(notes)})" if notes else "")
        )


def fetches_lines(result: FetchesResult) -> Iterator[str]:
    if not result.fetches:
        yield "no fetch yet"
    for one in result.fetches:
        status = f"HTTP {one.status}, " if one.status else ""
        version = f", version {one.version}" if one.version else ""
        detail = f": {one.detail}" if one.detail else ""
        yield (
            f"{one.id:>5}  {when(one.at)}  {one.outcome}{version}  "
            f"({status}{one.size:,} bytes in {one.seconds:.2f} s)  {one.url}{detail}"
        )


def show_lines(result: ShowResult) -> Iterator[str]:
    version = result.version
    marks = ["active"] * result.is_active + ["pinned"] * result.is_pinned
    yield f"version {version.id} of feed {version.feed}"
    yield f"  status     {', '.join([version.status, *marks])}"
    yield f"  fetched    {when(version.fetched_at)}"
    if version.upstream_stamp:
        yield f"  upstream   says {version.upstream_stamp}"
    yield from _decision(version)
    yield f"  holds      {version.prefixes} prefixes, {version_addresses(version)}"
    yield f"  lengths    {lengths_words(result.content)}"
    yield f"  digest     {version.digest}"
    for finding in version.findings:
        yield f"  finding    {finding.severity}: {finding.what}"
    if result.detail == "prefixes":
        yield from result.content.lines()
        return
    yield from label_lines(result.labels)
    for split in result.splits:
        yield f"  set {split.set} is split by {split.by}:"
        yield from split_lines(split)
    for cover in result.covers:
        yield f"  set {cover.set} with it: {cover_line(cover)}"
    name = f"version {result.before}" if result.before else "nothing"
    yield f"--- {name}"
    yield f"+++ version {version.id}"
    if result.detail != "stat":
        yield from diff_body(result.diff)
    yield f"    {change(result.diff)}"


def _decision(version: Version) -> Iterator[str]:
    if version.decided_at:
        reason = f": {version.reason}" if version.reason else ""
        verb = "approved" if version.status == "accepted" else "rejected"
        yield f"  decided    {verb} by {version.decided_by} at {when(version.decided_at)}{reason}"
    elif version.reason:
        yield f"  decided    {version.reason}"


def lookup_lines(result: LookupResult) -> Iterator[str]:
    for one in result.memberships:
        yield from _membership(result.address, one)
    for covered in result.covered:
        yield (
            f"{result.address}: in set {covered.set} all the same, though none of its feeds says "
            f"so: covered by {covered.prefix} ({covered.setting})"
        )


def _membership(address: str, one: Membership) -> Iterator[str]:
    kept = one.covering if one.waits_until else ()
    where = [f"counts as listed in set {name}" for name in one.sets if name in kept]
    where += [f"in set {name}" for name in one.sets if name not in kept]
    where += [f"excluded from set {name}" for name in one.excluded]
    if one.is_in and one.is_expired:
        yield f"{address}: in feed {one.feed}, which has expired (expire_after): in no set"
    elif one.is_in:
        yield f"{address}: in feed {one.feed}, {', '.join(where) or 'which is in no set'}"
    elif one.waits_until:
        sets = ", ".join(where) or "which is in no set"
        yield f"{address}: dropped by feed {one.feed}, {sets} until {when(one.waits_until)}"
    else:
        yield f"{address}: not in feed {one.feed}"
    for carried in one.carries:
        label = carried.label or "unknown"
        yield f"  in set {carried.set}: {carried.by} {label}, mark {carried.mark:#x}"
    for stay in one.stays:
        came = f"came with version {stay.since.id} ({when(stay.since.accepted_at)})"
        if stay.until:
            yield f"  {came}, went with version {stay.until.id} ({when(stay.until.accepted_at)})"
        else:
            yield f"  {came}, in the newest version still"
    if not one.stays:
        yield "  no accepted version ever held it"
