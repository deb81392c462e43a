"""
``update``: the nightly job, straight through: fetch, read, judge, record, apply, tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxyfeed.commands.apply import apply_sets, look_at_set
from proxyfeed.commands.desired import states_of
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.notify import apply_events, feed_events, notify, stale_event
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake
from proxyfeed.guard import judge
from proxyfeed.model import (
    Diff,
    Event,
    Feed,
    FeedReport,
    FeedState,
    FetchOutcome,
    Finding,
    Outcome,
    Problem,
    Reading,
    SetReport,
    Status,
    UpdateResult,
    Validators,
    Version,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.shipped import shipped
from proxyfeed.sources import Intake, reader_digest, take_in
from proxyfeed.store import url_digest


@dataclass(frozen=True, slots=True)
class _Judged:
    """
    A reading and what it changes: *diff* is None where the content is known already.
    """

    reading: Reading
    diff: Diff | None


def update(
    config: Config,
    doors: Doors,
    names: tuple[str, ...],
    *,
    dry_run: bool = False,
    skip_apply: bool = False,
) -> Outcome:
    """
    Bring the named feeds, or all, up to date, and then the sets that they fill.
    """
    feeds = _chosen_feeds(config, names)
    before = states_of(doors, tuple(config.feeds))
    judged = {feed.name: _judge_feed(config, doors, feed, before[feed.name]) for feed in feeds}
    if dry_run:
        numbers = {name: one.reading.version for name, one in judged.items()}
        after = before
    else:
        numbers = doors.store.record([one.reading for one in judged.values()], doors.now)
        after = states_of(doors, tuple(config.feeds))
    reports = tuple(_report(one, numbers[name], after[name]) for name, one in judged.items())
    problems = tuple(problem for report in reports for problem in _problems(report))
    sets, failed = _apply(config, doors, judged, after, dry_run=dry_run, skip_apply=skip_apply)
    if not dry_run:
        events = _events(config, doors, reports, before, problems, sets, failed)
        tried = [f"set {one.set}" for one in sets if one.plan or one.failed]
        notify(config, doors, events, [*(f"feed {name}" for name in judged), *tried])
    warnings = tuple(_warnings(reports, sets))
    return Outcome("update", UpdateResult(reports, sets, dry_run), (*problems, *failed), warnings)


def protected(config: Config, feed: str) -> PrefixSet:
    """
    What no content of *feed* may hold: what any set that takes it must never mark.
    """
    whole = PrefixSet()
    for spec in config.sets.values():
        if feed in spec.feeds:
            whole |= spec.protect - spec.exclude
    return whole


def findings_for(
    config: Config, doors: Doors, feed: Feed, state: FeedState, content: PrefixSet
) -> tuple[Finding, ...]:
    """
    What the guard says of *content* where *feed* stands now.
    """
    earlier: dict[int, Version] = {
        version.id: version for version in (state.latest, state.baseline) if version
    }
    contents = tuple(
        (f"version {number}", doors.store.content(version)) for number, version in earlier.items()
    )
    return judge(content, feed.limits, protected(config, feed.name), contents)


def _chosen_feeds(config: Config, names: tuple[str, ...]) -> tuple[Feed, ...]:
    for name in names:
        if name not in config.feeds:
            known = ", ".join(config.feeds)
            raise OperatorMistake(f"there is no feed {name!r} in {config.origin}; known: {known}")
    return tuple(config.feeds[name] for name in (dict.fromkeys(names) or config.feeds))


def _judge_feed(config: Config, doors: Doors, feed: Feed, state: FeedState) -> _Judged:
    doors.progress(f"fetching {feed.name}")
    intake = take_in(feed, _open_urls(feed, state), _validators(feed, state), doors.fetch)
    base = Reading(feed.name, intake.attempts, _identity(intake.source), reader_digest(feed))
    latest = state.latest
    if intake.verdict.outcome is FetchOutcome.NOT_MODIFIED and latest:
        return _Judged(replace(base, version=latest.id), None)
    if intake.content is None:
        return _Judged(base, None)
    digest = intake.content.digest
    known = [(version, FetchOutcome.REJECTED) for version in state.refused]
    if latest:
        known.insert(0, (latest, FetchOutcome.SAME))
    for version, outcome in known:
        if version.digest == digest:
            return _Judged(_settled(base, intake, outcome, version=version.id), None)
    findings = findings_for(config, doors, feed, state, intake.content)
    diff = Diff.between(doors.store.content(latest) if latest else PrefixSet(), intake.content)
    status = Status.HELD if findings else Status.ACCEPTED
    outcome = FetchOutcome.HELD if findings else FetchOutcome.NEW
    for version in state.waiting:
        if version.digest == digest and findings:
            settled = _settled(base, intake, outcome, version=version.id)
            return _Judged(replace(settled, findings=findings), diff)
    settled = _settled(base, intake, outcome, version=None)
    return _Judged(replace(settled, status=status, findings=findings), diff)


def _settled(
    base: Reading, intake: Intake, outcome: FetchOutcome, *, version: int | None
) -> Reading:
    attempts = (*intake.attempts[:-1], replace(intake.verdict, outcome=outcome))
    return replace(base, attempts=attempts, content=intake.content, version=version)


def _open_urls(feed: Feed, state: FeedState) -> tuple[str, ...]:
    """
    The URLs that may still be tried: up to the one that gave the last good list.

    Those after it are older copies. Once the live page was read, its archived copy must not
    replace what it gave.
    """
    if not (state.latest and state.last_good):
        return feed.urls
    for rank, url in enumerate(feed.urls, 1):
        if url_digest(_identity(url)) == state.last_good.url_digest:
            return feed.urls[:rank]
    # The one that gave the last good list is no longer among them: nobody knows how old they are.
    return feed.urls[:1]


def _identity(url: str) -> str:
    """
    The URL, but for a saved page that is shipped: that moves with each new installation.
    """
    place = shipped("fixtures").as_uri()
    return f"shipped:{url.removeprefix(place)}" if url.startswith(place) else url


def _validators(feed: Feed, state: FeedState) -> Validators | None:
    known = state.validated
    if known is None or known.reader != reader_digest(feed):
        return None
    for url in feed.urls:
        if url_digest(_identity(url)) == known.url_digest and (known.etag or known.last_modified):
            return Validators(url, known.etag, known.last_modified)
    return None


def _report(judged: _Judged, number: int | None, state: FeedState) -> FeedReport:
    reading = judged.reading
    return FeedReport(
        feed=reading.feed,
        outcome=reading.outcome,
        attempts=reading.attempts,
        version=number,
        diff=judged.diff,
        findings=reading.findings,
        pin=state.pin,
        latest=state.latest.id if state.latest else None,
        active=state.active.id if state.active else None,
    )


def _problems(report: FeedReport) -> list[Problem]:
    subject = f"feed {report.feed}"
    if report.outcome is FetchOutcome.HELD:
        which = f"version {report.version}" if report.version else "the new version"
        what = f"feed {report.feed}: {which} is held: {report.findings[0].what}"
        more = len(report.findings) - 1
        if more:
            what += f" (and {more} more finding{'s' if more > 1 else ''})"
        hint = f"proxyfeed diff {report.version}" if report.version else "proxyfeed update"
        return [Problem("guard", 4, what, hint, subject)]
    if report.outcome.is_good:
        return []
    last = report.attempts[-1]
    kept = f"version {report.active} stays active" if report.active else "it has no version yet"
    what = f"feed {report.feed}: {report.outcome}: {last.detail or last.url}; {kept}"
    return [Problem("feed", 3, what, "proxyfeed status", subject)]


def _apply(
    config: Config,
    doors: Doors,
    judged: dict[str, _Judged],
    states: dict[str, FeedState],
    *,
    dry_run: bool,
    skip_apply: bool,
) -> tuple[tuple[SetReport, ...], tuple[Problem, ...]]:
    touched = [spec for spec in config.sets.values() if set(spec.feeds) & set(judged)]
    reason = "--no-apply was given" if skip_apply else 'the configuration says apply = "manual"'
    if skip_apply or not config.is_automatic:
        return tuple(look_at_set(doors, spec, states, reason) for spec in touched), ()
    instead = {
        name: one.reading.content
        for name, one in judged.items()
        if dry_run and one.reading.status is Status.ACCEPTED and one.reading.content is not None
    }
    return apply_sets(doors, touched, states, "update", dry_run=dry_run, instead=instead)


def _events(
    config: Config,
    doors: Doors,
    reports: tuple[FeedReport, ...],
    before: dict[str, FeedState],
    problems: tuple[Problem, ...],
    sets: tuple[SetReport, ...],
    failed: tuple[Problem, ...],
) -> list[Event]:
    events: list[Event] = []
    for report in reports:
        state = before[report.feed]
        subject = f"feed {report.feed}"
        events += feed_events(report, state, [p for p in problems if p.subject == subject])
        limit = config.feeds[report.feed].limits.max_age
        if not report.outcome.is_good and limit and state.last_good:
            age = doors.now - state.last_good.at
            if age > limit:
                events.append(stale_event(report.feed, age))
    return [*events, *apply_events(sets, failed)]


def _warnings(reports: tuple[FeedReport, ...], sets: tuple[SetReport, ...]) -> list[str]:
    found = []
    for report in reports:
        pin = report.pin
        if pin and report.latest is not None and report.latest != pin.version:
            found.append(
                f"feed {report.feed} is pinned to version {pin.version}, and upstream is at "
                f"{report.latest}; to follow it again: proxyfeed release {report.feed}"
            )
        if report.outcome is FetchOutcome.REJECTED:
            found.append(
                f"feed {report.feed}: upstream serves version {report.version}, which was rejected"
            )
    found += [f"set {one.set}: {note}" for one in sets for note in one.notes]
    return found
