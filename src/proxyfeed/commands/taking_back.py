"""
Taking back what was applied and not confirmed: the old content, by what it was applied by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from proxyfeed.commands.applied import to_application, to_report
from proxyfeed.commands.doors import Doors, to_problem
from proxyfeed.commands.notify import apply_events, notify
from proxyfeed.config import Config
from proxyfeed.converge import converge
from proxyfeed.errors import ProxyfeedError
from proxyfeed.model import (
    AlertKind,
    Application,
    Applied,
    Confirmation,
    Event,
    Problem,
    SetReport,
    Stage,
    Trial,
)
from proxyfeed.report.words import when

Taken = tuple[tuple[SetReport, ...], tuple[Problem, ...]]


def pending(doors: Doors) -> tuple[Confirmation, ...]:
    return tuple(one for one in doors.store.confirmations.all() if one.stage is Stage.PENDING)


def take_back(doors: Doors, one: Confirmation, *, stays_away: bool) -> Taken:
    """
    Bring one set back. What cannot be stays pending: the timer and the next command try again.

    With *stays_away* the nightly update leaves the set alone from then on, if anything came of what
    was begun: a run may have been killed before it applied it.
    """
    doors.progress(f"bringing back set {one.set_name}")
    subject = f"set {one.set_name}"
    try:
        applied = converge(doors.firewall, one.spec, one.content)
        application = _to_application(doors, one, applied)
        # What was taken back before this one was begun is as undecided as it was then.
        remains = one.was_reverted or (stays_away and application is not None)
        doors.store.confirmations.taken_back(one, application, stays_away=remains)
    except ProxyfeedError as exc:
        problem = to_problem(exc, subject)
        what = f"{subject} could not be brought back to what it held before: {exc.message}"
        hint = "proxyfeed revert" if one.stage is Stage.PENDING else "proxyfeed boot"
        again = Problem(problem.code, problem.exit_code, what, hint, subject)
        return (SetReport(one.set_name, failed=what),), (again,)
    return (to_report(one.spec, one.content, one.versions, applied),), ()


def take_all_back(doors: Doors, ways_back: Iterable[Confirmation]) -> Taken:
    """
    Bring back set after set. What fails in one stops no other.
    """
    reports: tuple[SetReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    for one in ways_back:
        report, problem = take_back(doors, one, stays_away=one.stays_away)
        reports, problems = reports + report, problems + problem
    return reports, problems


def take_back_unwatched(config: Config, doors: Doors, ways_back: Sequence[Confirmation]) -> Taken:
    """
    The same, where nobody looks: it is told by an alert.
    """
    reports, problems = take_all_back(doors, ways_back)
    events = [taken_back_event(one) for one in undone(ways_back, reports)]
    if ways_back:
        notify(config, doors, [*events, *apply_events((), problems)], ())
    return reports, problems


def undone(
    ways_back: Iterable[Confirmation], reports: Iterable[SetReport]
) -> tuple[Confirmation, ...]:
    """
    Those that were taken back. Of a run that was killed before it applied anything, nothing was.
    """
    plans = {report.set: report.plan for report in reports if report.plan}
    return tuple(
        one
        for one in ways_back
        if one.set_name in plans and (one.feed or not plans[one.set_name].is_nothing)
    )


def take_overdue_back(
    config: Config, doors: Doors
) -> tuple[tuple[Confirmation, ...], tuple[Problem, ...]]:
    """
    Do what a timer should have done that was killed: before a command writes anything else.

    Returns what was taken back, and what went wrong.
    """
    now = doors.uptime()
    late = [one for one in pending(doors) if one.is_overdue(now)]
    reports, problems = take_back_unwatched(config, doors, late)
    stop_idle_timers(doors, late)
    return undone(late, reports), problems


def take_back_at_boot(config: Config, doors: Doors) -> Taken:
    """
    Put what was confirmed last into an empty kernel, for every set where that is not what is
    desired: what was pending at the shutdown, and what had been taken back before.

    No other content may be applied to the sets that are reported, failed ones included. There is
    no network yet to tell it by; the nightly update does.
    """
    known = [
        one
        for one in doors.store.confirmations.all()
        if one.stage is Stage.PENDING or one.set_name in config.sets
    ]
    notes = {one.set_name: what_happened(one) for one in known}
    reports, problems = take_all_back(doors, known)
    return tuple(replace(one, notes=(*one.notes, notes[one.set])) for one in reports), problems


def taken_back_event(one: Confirmation) -> Event:
    subject = f"set {one.set_name}"
    ending = "the kernel holds what it held before"
    if one.stays_away:
        ending += "; the nightly update leaves the set alone"
    ending += f"\nto look at it: proxyfeed diff; to go on: {_again(one)}"
    title = f"{subject}: {what_happened(one)}"
    return Event(AlertKind.REVERTED, subject, one.token, title, ending)


def reverted_problem(one: Confirmation) -> Problem:
    subject = f"set {one.set_name}"
    what = f"{subject}: {what_happened(one)}; the kernel holds what it held before"
    return Problem("reverted", 5, what, f"proxyfeed diff, then: {_again(one)}", subject)


def stop_idle_timers(doors: Doors, decided: Collection[Confirmation]) -> None:
    """
    End the timers that have nothing left to take back.
    """
    busy = {one.token for one in pending(doors)} if decided else set()
    for token, timer in {(one.token, one.timer) for one in decided}:
        if token not in busy:
            doors.timer.stop(token, timer)


def to_trial(doors: Doors, one: Confirmation) -> Trial:
    return Trial(
        set=one.set_name,
        token=one.token,
        action=one.action,
        stage=one.stage,
        at=one.at,
        until=one.until,
        seconds_left=one.seconds_left(doors.uptime()),
        by=one.by,
        timer=one.timer,
    )


def what_happened(one: Confirmation) -> str:
    return f"the {one.action} by {one.by} at {when(one.at)} was not confirmed, and was taken back"


def _again(one: Confirmation) -> str:
    return f"proxyfeed apply {one.set_name}" if one.stays_away else "proxyfeed rollback VERSION"


def _to_application(doors: Doors, one: Confirmation, applied: Applied) -> Application | None:
    last = doors.store.last_application(one.set_name)
    is_known = last and (last.digest, last.spec) == (applied.digest, one.spec)
    is_of_it = last and (last.at, last.by) == (one.at, one.by)
    if applied.plan.is_nothing and (is_known or not is_of_it):
        return None
    return to_application(doors, one.spec, one.versions, applied, "revert")
