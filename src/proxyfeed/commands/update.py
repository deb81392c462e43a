"""
``update``: the nightly job, straight through: fetch, read, judge, record, apply, tell.
"""

from __future__ import annotations

from dataclasses import replace

from proxyfeed.commands.clocks import dead_for, stale_for, unchanged_for
from proxyfeed.commands.covering import fresh_cover_warnings
from proxyfeed.commands.desired import states_of
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.exposure import exposed
from proxyfeed.commands.filling import fill_sets
from proxyfeed.commands.judging import Judged, judge_feed
from proxyfeed.commands.news import begin_telling, version_news
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
from proxyfeed.commands.parts import overdue
from proxyfeed.commands.problems import feed_problems
from proxyfeed.commands.taking_back import reverted_problem, take_overdue_back
from proxyfeed.commands.undecided import left_alone, still_reverted
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake, ProxyfeedError
from proxyfeed.model import (
    Event,
    Feed,
    FeedReport,
    FeedState,
    FetchOutcome,
    Outcome,
    Problem,
    SetReport,
    UpdateResult,
)


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
    late, unsettled = ((), ()) if dry_run else take_overdue_back(config, doors)
    before = states_of(doors, tuple(config.feeds))
    if not dry_run:
        begin_telling(config, doors, before)
    judged, bugs = _judge_all(
        config, doors, feeds, before, force_fetch=force_fetch, dry_run=dry_run
    )
    after = before if dry_run else states_of(doors, tuple(config.feeds))
    reports = tuple(_report(config.feeds[name], one, after[name]) for name, one in judged.items())
    problems = tuple(
        problem
        for report in reports
        for problem in feed_problems(config, report, after[report.feed])
    )
    known = doors.store.confirmations.all()
    sets, failed = fill_sets(
        config, doors, judged, after, known, dry_run=dry_run, skip_apply=skip_apply
    )
    if not dry_run:
        events = _events(config, doors, reports, before, after, problems, sets, failed)
        events += still_reverted(config, known)
        tried = [f"set {one.set}" for one in sets if one.plan or one.failed]
        asked = [f"feed {report.feed}" for report in reports if report.attempts]
        notify(config, doors, events, [*asked, *tried])
    if bugs:
        raise bugs[0]
    taken_back = [reverted_problem(one).message for one in late]
    warnings = (*exposed(config), *taken_back, *_warnings(reports, sets, left_alone(known)))
    warnings += fresh_cover_warnings(sets)
    result = UpdateResult(reports, sets, dry_run)
    return Outcome("update", result, (*unsettled, *problems, *failed), warnings)


def _judge_all(
    config: Config,
    doors: Doors,
    feeds: tuple[Feed, ...],
    states: dict[str, FeedState],
    *,
    force_fetch: bool,
    dry_run: bool,
) -> tuple[dict[str, Judged], list[Exception]]:
    """
    Judge each feed and record it at once: whatever the next one brings, this one had its night.

    A bug is returned, to be raised when all others have had theirs.
    """
    judged: dict[str, Judged] = {}
    bugs: list[Exception] = []
    for feed in feeds:
        try:
            one = judge_feed(config, doors, feed, states[feed.name], force_fetch=force_fetch)
        except ProxyfeedError:
            raise
        except Exception as exc:  # noqa: BLE001 - it is not lost: the caller raises it
            bugs.append(exc)
            continue
        if not dry_run:
            numbers = doors.store.record([one.reading], doors.now)
            one = replace(one, reading=replace(one.reading, version=numbers[feed.name]))
        judged[feed.name] = one
    return judged, bugs


def _chosen_feeds(config: Config, names: tuple[str, ...]) -> tuple[Feed, ...]:
    for name in names:
        if name not in config.feeds:
            known = ", ".join(config.feeds)
            raise OperatorMistake(f"there is no feed {name!r} in {config.origin}; known: {known}")
    return tuple(config.feeds[name] for name in (dict.fromkeys(names) or config.feeds))


def _report(feed: Feed, judged: Judged, state: FeedState) -> FeedReport:
    reading = judged.reading
    return FeedReport(
        feed=reading.feed,
        outcome=reading.outcome,
        attempts=reading.attempts,
        version=reading.version,
        diff=judged.diff,
        findings=reading.findings,
        pin=state.pin,
        latest=state.latest.id if state.latest else None,
        active=state.active.id if state.active else None,
        due_at=judged.due_at,
        relabelled=judged.relabelled,
        is_expired=not reading.outcome.confirms and dead_for(feed, state) is not None,
        last=state.last,
        held=state.undecided,
    )


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
    told = doors.store.told()
    for report in reports:
        state = before[report.feed]
        subject = f"feed {report.feed}"
        mine = [problem for problem in problems if problem.subject == subject]
        hold = config.feeds[report.feed].timing.hold_removals
        events += version_news(doors, told, report, state, after[report.feed], hold)
        events += feed_events(report, state, mine)
        events += _clock_events(config, doors, report, state, after[report.feed])
    for one in sets:
        if one.change and one.change.removed:
            for feed in config.sets[one.set].feeds:
                events += left_events(one, overdue(doors, config.feeds[feed]))
    return [*events, *apply_events(sets, failed)]


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


def _warnings(
    reports: tuple[FeedReport, ...], sets: tuple[SetReport, ...], alone: dict[str, str]
) -> list[str]:
    found = [f"set {one.set}: left as it is: {alone[one.set]}" for one in sets if one.set in alone]
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
