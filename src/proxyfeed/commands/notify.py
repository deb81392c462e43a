"""
What a run has to tell, in words, and the remembering of what was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import islice

from proxyfeed.alert import due
from proxyfeed.commands.doors import Doors
from proxyfeed.config import Config
from proxyfeed.model import (
    AlertKind,
    Diff,
    Event,
    FeedReport,
    FeedState,
    FetchOutcome,
    Problem,
    SetReport,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report.words import change, diff_body

_DIFF_LINES = 10


def notify(config: Config, doors: Doors, events: Sequence[Event], looked: Sequence[str]) -> None:
    """
    Send what is due and remember it. *looked* are the subjects that this run examined.

    A target that cannot be reached is noted for ``status`` and fails nothing.
    """
    if not config.alerts.to:
        return
    told = doors.store.told()
    messages, states = due(events, told, doors.now, config.alerts.repeat_after, looked)
    if messages:
        doors.progress(f"sending {len(messages)} alerts")
    deliveries = doors.send(config.alerts.to, messages) if messages else ()
    has_arrived = not messages or any(not delivery.error for delivery in deliveries)
    # What reached nobody was not told: the next run tries again.
    remembered = states if has_arrived else told
    if deliveries or remembered != told:
        doors.store.remember_alerts(remembered, deliveries)


def feed_events(report: FeedReport, state: FeedState, problems: Iterable[Problem]) -> list[Event]:
    """
    The troubles of one feed: *state* is how it stood before this run.
    """
    subject = f"feed {report.feed}"
    events = [
        Event(AlertKind.FAILED, subject, report.outcome, problem.message, _with_hint(problem))
        for problem in problems
        if problem.code == "feed" and report.attempts
    ]
    if report.outcome is FetchOutcome.HELD and report.diff is not None:
        title = f"{report.feed}: version {report.version} is held, {change(report.diff)}"
        reasons = "\n".join(finding.what for finding in report.against)
        body = (
            f"{reasons}\n\n{diff_text(report.diff)}\n"
            f"nothing was changed; to decide: proxyfeed diff {report.version}, "
            f"then proxyfeed approve {report.version} or proxyfeed reject {report.version}"
        )
        events.append(Event(AlertKind.HELD, subject, str(report.version), title, body))
    if state.pin and report.latest not in (None, state.pin.version):
        title = f"{report.feed}: pinned to version {state.pin.version}, upstream is at "
        body = f"pinned by {state.pin.by}: {state.pin.reason or 'no reason given'}"
        body += f"\nto follow upstream again: proxyfeed release {report.feed}"
        events.append(
            Event(AlertKind.PINNED, subject, str(report.latest), f"{title}{report.latest}", body)
        )
    return events


def left_events(report: SetReport, overdue: PrefixSet) -> list[Event]:
    """
    What to tell of what has left a set days after the news, because it was *overdue*.
    """
    gone = Diff(PrefixSet(), report.change.removed & overdue if report.change else PrefixSet())
    if not gone:
        return []
    title = f"set {report.set}: {change(gone)}, gone for long enough"
    return [Event(AlertKind.CHANGED, f"set {report.set}", "", title, diff_text(gone))]


def stale_event(feed: str, age: timedelta, kept: str) -> Event:
    title = f"{feed}: no good fetch for {age.days} d {age.seconds // 3600} h"
    body = f"{kept}\nto see why: proxyfeed status"
    return Event(AlertKind.STALE, f"feed {feed}", "stale", title, body)


def unchanged_event(feed: str, age: timedelta) -> Event:
    title = f"{feed}: upstream has not changed for {age.days} d"
    body = (
        "it is fetched and read every time; has its maker left it?\n"
        f"to see since when: proxyfeed history {feed}"
    )
    return Event(AlertKind.UNCHANGED, f"feed {feed}", "unchanged", title, body)


def expired_problem(config: Config, feed: str, dead: timedelta) -> Problem:
    """
    Say, as loud as can be, that a dead feed's addresses are no longer desired.
    """
    sets = ", ".join(name for name, spec in config.sets.items() if feed in spec.feeds)
    what = (
        f"feed {feed}: nothing but failures for {dead.days} d, past its expire_after: its "
        f"addresses have left what is desired of set {sets or '(none)'}"
    )
    hint = f"proxyfeed fetches {feed}; to bring them back: take expire_after out of feeds.{feed}"
    return Problem("expired", 3, what, hint, f"feed {feed}")


def expired_event(problem: Problem) -> Event:
    return Event(
        AlertKind.EXPIRED, problem.subject, "expired", problem.message, _with_hint(problem)
    )


def apply_events(reports: Iterable[SetReport], problems: Iterable[Problem]) -> list[Event]:
    """
    What to tell of the sets: what failed, and what was found other than it was left.
    """
    events = [
        Event(AlertKind.APPLY, problem.subject, problem.code, problem.message, _with_hint(problem))
        for problem in problems
        if problem.code != "drift"  # of which the report tells more
    ]
    for report in reports:
        if report.drift:
            title = f"set {report.set}: the kernel did not hold what was applied"
            kind = AlertKind.DRIFT if report.skipped else AlertKind.MENDED
            ending = "to mend it: proxyfeed apply" if report.skipped else "it was mended"
            body = f"{report.drift}\n{ending}"
            events.append(Event(kind, f"set {report.set}", report.drift, title, body))
    return events


def diff_text(diff: Diff) -> str:
    """
    The first lines of a diff, and how many more there are.
    """
    shown = list(islice(diff_body(diff), _DIFF_LINES))
    more = len(diff.added) + len(diff.removed) - len(shown)
    return "\n".join([*shown, *([f"... and {more} more"] if more else [])])


def _with_hint(problem: Problem) -> str:
    return f"{problem.message}\ntry: {problem.hint}" if problem.hint else problem.message
