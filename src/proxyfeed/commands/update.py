"""
``update``: the nightly job, straight through: fetch, read, judge, record, apply, tell.
"""

from __future__ import annotations

from proxyfeed.commands.apply import apply_sets, look_at_set
from proxyfeed.commands.clocks import dead_for, stale_for, unchanged_for
from proxyfeed.commands.desired import states_of
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.judging import Judged, judge_feed
from proxyfeed.commands.notify import (
    apply_events,
    expired_event,
    expired_problem,
    feed_events,
    left_events,
    notify,
    stale_event,
    unchanged_event,
)
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import (
    Event,
    Feed,
    FeedReport,
    FeedState,
    FetchOutcome,
    Outcome,
    Problem,
    SetReport,
    Severity,
    Status,
    UpdateResult,
)
from proxyfeed.report.words import when

_CONFIRMED = (FetchOutcome.SAME, FetchOutcome.NOT_MODIFIED)


def update(
    config: Config,
    doors: Doors,
    names: tuple[str, ...],
    *,
    dry_run: bool = False,
    skip_apply: bool = False,
    force_fetch: bool = False,
) -> Outcome:
    """
    Bring the named feeds, or all, up to date, and then the sets that they fill.

    With *force_fetch* a feed is asked although it is not due.
    """
    feeds = _chosen_feeds(config, names)
    before = states_of(doors, tuple(config.feeds))
    judged: dict[str, Judged] = {}
    numbers: dict[str, int | None] = {}
    for feed in feeds:
        one = judge_feed(config, doors, feed, before[feed.name], force_fetch=force_fetch)
        judged[feed.name] = one
        numbers[feed.name] = one.reading.version
        if not dry_run:
            # Each by itself: whatever the next one brings, this one has had its night.
            numbers |= doors.store.record([one.reading], doors.now)
    after = before if dry_run else states_of(doors, tuple(config.feeds))
    reports = tuple(
        _report(config.feeds[name], one, numbers[name], after[name]) for name, one in judged.items()
    )
    problems = tuple(
        problem
        for report in reports
        for problem in (*_problems(report), *_expired(config, report, after[report.feed]))
    )
    sets, failed = _apply(config, doors, judged, after, dry_run=dry_run, skip_apply=skip_apply)
    if not dry_run:
        events = _events(config, doors, reports, before, after, problems, sets, failed)
        tried = [f"set {one.set}" for one in sets if one.plan or one.failed]
        asked = [f"feed {report.feed}" for report in reports if report.attempts]
        notify(config, doors, events, [*asked, *tried])
    warnings = tuple(_warnings(reports, sets))
    return Outcome("update", UpdateResult(reports, sets, dry_run), (*problems, *failed), warnings)


def _chosen_feeds(config: Config, names: tuple[str, ...]) -> tuple[Feed, ...]:
    for name in names:
        if name not in config.feeds:
            known = ", ".join(config.feeds)
            raise OperatorMistake(f"there is no feed {name!r} in {config.origin}; known: {known}")
    return tuple(config.feeds[name] for name in (dict.fromkeys(names) or config.feeds))


def _report(feed: Feed, judged: Judged, number: int | None, state: FeedState) -> FeedReport:
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
        due_at=judged.due_at,
        relabelled=judged.relabelled,
        is_expired=not reading.outcome.confirms and dead_for(feed, state) is not None,
        last=state.last,
        held=_held(state),
    )


def _held(state: FeedState) -> int | None:
    """
    The held version that is what upstream gives, None if there is none or it was withdrawn.
    """
    for version in state.waiting[:1]:
        if state.last_good and state.last_good.version == version.id:
            return version.id
    return None


def _problems(report: FeedReport) -> list[Problem]:
    subject = f"feed {report.feed}"
    if report.due_at is not None and report.held is not None:
        what = f"{subject}: version {report.held} is held and waits for a decision"
        return [Problem("guard", 4, what, f"proxyfeed diff {report.held}", subject)]
    if report.outcome is FetchOutcome.HELD:
        which = f"version {report.version}" if report.version else "the new version"
        against = [one for one in report.findings if one.severity is not Severity.NOTE]
        what = f"{subject}: {which} is held: {against[0].what}"
        more = len(against) - 1
        if more:
            what += f" (and {more} more finding{'s' if more > 1 else ''})"
        hint = f"proxyfeed diff {report.version}" if report.version else "proxyfeed update"
        return [Problem("guard", 4, what, hint, subject)]
    if report.due_at is not None:
        if report.last is None or report.last.outcome.is_good:
            return []
        # Not asking heals nothing.
        what = f"{subject}: not asked again before {when(report.due_at)}, and the last try failed"
        what += f": {report.last.outcome}: {report.last.detail or report.last.url}; {report.kept}"
        return [Problem("feed", 3, what, f"proxyfeed update {report.feed} --force-fetch", subject)]
    if report.outcome.is_good:
        return []
    last = report.attempts[-1]
    what = f"{subject}: {report.outcome}: {last.detail or last.url}; {report.kept}"
    return [Problem("feed", 3, what, "proxyfeed status", subject)]


def _expired(config: Config, report: FeedReport, state: FeedState) -> list[Problem]:
    dead = dead_for(config.feeds[report.feed], state)
    return [expired_problem(config, report.feed, dead)] if dead and report.is_expired else []


def _apply(
    config: Config,
    doors: Doors,
    judged: dict[str, Judged],
    states: dict[str, FeedState],
    *,
    dry_run: bool,
    skip_apply: bool,
) -> tuple[tuple[SetReport, ...], tuple[Problem, ...]]:
    touched = [spec for spec in config.sets.values() if set(spec.feeds) & set(judged)]
    reason = "--no-apply was given" if skip_apply else 'the configuration says apply = "manual"'
    if skip_apply or not config.is_automatic:
        return tuple(look_at_set(config, doors, spec, states, reason) for spec in touched), ()
    instead = {
        name: one.reading.content
        for name, one in judged.items()
        if dry_run and one.reading.status is Status.ACCEPTED and one.reading.content is not None
    }
    if dry_run:
        # What is confirmed comes back to life, should it have been dead.
        instead |= {
            name: doors.store.content(latest)
            for name, one in judged.items()
            if one.reading.outcome in _CONFIRMED and (latest := states[name].latest)
        }
    return apply_sets(config, doors, touched, states, "update", dry_run=dry_run, instead=instead)


def _events(
    config: Config,
    doors: Doors,
    reports: tuple[FeedReport, ...],
    before: dict[str, FeedState],
    after: dict[str, FeedState],
    problems: tuple[Problem, ...],
    sets: tuple[SetReport, ...],
    failed: tuple[Problem, ...],
) -> list[Event]:
    events: list[Event] = []
    for report in reports:
        state = before[report.feed]
        subject = f"feed {report.feed}"
        mine = [problem for problem in problems if problem.subject == subject]
        hold = config.feeds[report.feed].timing.hold_removals
        events += feed_events(report, state, mine, hold)
        events += _clock_events(config, doors, report, state, after[report.feed])
    for one in sets:
        if any(feed.timing.hold_removals for feed in _feeds_of(config, one.set)):
            events += left_events(one)
    return [*events, *apply_events(sets, failed)]


def _feeds_of(config: Config, name: str) -> list[Feed]:
    return [config.feeds[feed] for feed in config.sets[name].feeds]


def _clock_events(
    config: Config, doors: Doors, report: FeedReport, before: FeedState, after: FeedState
) -> list[Event]:
    feed = config.feeds[report.feed]
    events = []
    stale = None if report.outcome.is_good else stale_for(feed, before, doors.now)
    if stale is not None:
        events.append(stale_event(feed.name, stale, report.kept))
    unchanged = unchanged_for(feed, after, doors.now)
    if unchanged is not None:
        events.append(unchanged_event(feed.name, unchanged))
    dead = dead_for(feed, after)
    if dead is not None:
        events.append(expired_event(expired_problem(config, feed.name, dead)))
    return events


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
