"""
That a feed has a new version: told once, also where the run that recorded it ended before it could
tell, or reached nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.notify import diff_text
from proxyfeed.config import Config
from proxyfeed.model import AlertKind, AlertState, Diff, Event, FeedReport, FeedState, FetchOutcome
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report.words import change, relabelled_line

_NONE = 0


def begin_telling(config: Config, doors: Doors, states: Mapping[str, FeedState]) -> None:
    """
    Remember where the feeds stand that nothing was told of yet, before anything happens to them.
    """
    if not config.alerts.to:
        return
    told = doors.store.told()
    known = {state.subject for state in told if state.kind is AlertKind.ACCEPTED}
    new = [
        AlertState(
            kind=AlertKind.ACCEPTED,
            subject=f"feed {state.feed}",
            key=str(state.latest.id if state.latest else _NONE),
            since=doors.now,
            sent_at=doors.now,
        )
        for state in states.values()
        if f"feed {state.feed}" not in known
    ]
    if new:
        doors.store.remember_alerts([*told, *new], ())


def version_news(
    doors: Doors,
    told_before: Iterable[AlertState],
    report: FeedReport,
    before: FeedState,
    after: FeedState,
    hold: timedelta,
) -> list[Event]:
    """
    What to tell of a feed's newest version, against the one that was told last. *hold* is its
    ``hold_removals``.
    """
    subject = f"feed {report.feed}"
    known = [
        one for one in told_before if one.kind is AlertKind.ACCEPTED and one.subject == subject
    ]
    latest = after.latest
    if not known or latest is None or known[0].key == str(latest.id) or latest.decided_by:
        return []  # whoever approved it knows
    told = int(known[0].key)
    diff = report.diff
    is_the_next = told == (before.latest.id if before.latest else _NONE)
    if report.outcome is not FetchOutcome.NEW or diff is None or not is_the_next:
        old = doors.store.content(doors.store.version(told)) if told != _NONE else PrefixSet()
        diff = Diff.between(old, doors.store.content(latest))
    notes = [f"note: {one.what}" for one in report.notes]
    if report.relabelled:
        notes.insert(0, relabelled_line(report.relabelled))
    if hold and diff.removed:
        notes.insert(0, f"what was dropped stays for {hold / timedelta(hours=1):g} h more")
    title = f"{report.feed}: version {latest.id} accepted, {change(diff)}"
    body = "\n".join([diff_text(diff), *notes])
    return [Event(AlertKind.ACCEPTED, subject, str(latest.id), title, body)]
