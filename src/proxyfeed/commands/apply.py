"""
``apply``: desired to the kernel, and the steps that every other way into the kernel shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from proxyfeed.commands.applied import to_application, to_report
from proxyfeed.commands.covering import cover_warnings
from proxyfeed.commands.desired import Desired, chosen_sets, desired, states_of
from proxyfeed.commands.doors import Doors, to_problem
from proxyfeed.commands.drift import describe_drift, drift_of, layout_of
from proxyfeed.commands.notify import apply_events, notify
from proxyfeed.commands.refusal import refuse_absurd, refuse_loss, refuse_spread
from proxyfeed.commands.splitting import unlabelled_notes
from proxyfeed.commands.taking_back import reverted_problem, take_overdue_back
from proxyfeed.commands.trial import begin, refuse_pending, settle
from proxyfeed.config import Config
from proxyfeed.converge import converge
from proxyfeed.errors import ProxyfeedError
from proxyfeed.model import (
    Application,
    Applied,
    ApplyResult,
    Diff,
    Draft,
    FeedState,
    Outcome,
    Problem,
    SetReport,
    SetSpec,
)
from proxyfeed.planning import held_prefixes, make_plan, served

NO_VERSION = "no accepted version yet"


def apply(
    config: Config,
    doors: Doors,
    names: tuple[str, ...],
    *,
    dry_run: bool,
    within: timedelta | None = None,
) -> Outcome:
    """
    Bring the sets to what the database says, and prove it. Needs no network.

    What is not confirmed *within* that time is taken back.
    """
    specs = chosen_sets(config, names)
    late, problems = ((), ()) if dry_run else take_overdue_back(config, doors)
    if not dry_run:
        refuse_pending(doors, specs)
    states = states_of(doors, tuple({feed: None for spec in specs for feed in spec.feeds}))
    begun = begin(doors, specs, "apply", within) if within else ()
    reports, failed = apply_sets(config, doors, specs, states, "apply", dry_run=dry_run)
    trials, unsettled = ((), ()) if dry_run else settle(doors, begun, reports)
    problems += failed + unsettled
    if not dry_run:
        # Whoever applies knows that something differed, and after a boot everything does.
        looked = [f"set {spec.name}" for spec in specs]
        notify(config, doors, apply_events((), failed), looked)
    warnings = [reverted_problem(one).message for one in late]
    warnings += [
        f"set {report.set}: {report.skipped}; the kernel was left as it is"
        for report in reports
        if report.skipped
    ]
    warnings += [f"set {report.set}: {note}" for report in reports for note in report.notes]
    warnings += cover_warnings(report.cover for report in reports)
    result = ApplyResult(reports, dry_run, trials)
    return Outcome("apply", result, problems, tuple(warnings))


def apply_sets(
    config: Config,
    doors: Doors,
    specs: Iterable[SetSpec],
    states: Mapping[str, FeedState],
    action: str,
    *,
    dry_run: bool = False,
    instead: Mapping[str, Draft] | None = None,
) -> tuple[tuple[SetReport, ...], tuple[Problem, ...]]:
    """
    Apply set after set. What fails in one is a problem of its own and stops no other.
    """
    reports: list[SetReport] = []
    problems: list[Problem] = []
    for spec in specs:
        doors.progress(f"applying set {spec.name}")
        try:
            wanted = desired(config, doors, spec, states, instead)
            if not wanted.is_known:
                reports.append(SetReport(spec.name, skipped=NO_VERSION))
                continue
            last = doors.store.last_application(spec.name)
            refuse_absurd(spec, wanted)
            refuse_loss(config, doors, spec, wanted, last, action)
            refuse_spread(config, doors, spec, wanted, last, action)
            if dry_run:
                reports.append(_look_ahead(doors, spec, wanted))
                continue
            applied = converge(doors.firewall, spec, wanted.prefixes)
        except ProxyfeedError as exc:
            reports.append(SetReport(spec.name, failed=exc.message))
            problems.append(to_problem(exc, f"set {spec.name}"))
            continue
        reports.append(_report(spec, wanted, applied, last))
        try:
            _remember(doors, spec, wanted, applied, last, action)
        except ProxyfeedError as exc:
            problems.append(to_problem(exc, f"set {spec.name}"))
    return tuple(reports), tuple(problems)


def _look_ahead(doors: Doors, spec: SetSpec, wanted: Desired) -> SetReport:
    live = doors.firewall.read(spec)
    target = served(spec, wanted.prefixes)
    change = Diff.between(held_prefixes(spec, live), target)
    plan = make_plan(spec, wanted.prefixes, live)
    return SetReport(
        spec.name,
        wanted.versions,
        plan,
        change,
        target,
        notes=_gaps(spec, wanted),
        waiting=wanted.waiting,
        cover=wanted.cover,
    )


def _report(
    spec: SetSpec, wanted: Desired, applied: Applied, last: Application | None
) -> SetReport:
    report = to_report(spec, wanted.prefixes, wanted.versions, applied)
    return replace(
        report,
        notes=(*_gaps(spec, wanted), *applied.notes),
        drift=drift_of(spec, last, applied),
        waiting=wanted.waiting,
        cover=wanted.cover,
    )


def _gaps(spec: SetSpec, wanted: Desired) -> tuple[str, ...]:
    missing = [
        f"feed {feed} has no accepted version yet, and none of its addresses is in"
        for feed in wanted.missing
    ]
    expired = [
        f"feed {feed} has expired (expire_after), and none of its addresses is in"
        for feed in wanted.expired
    ]
    return (*missing, *expired, *unlabelled_notes(spec.split, wanted.labels))


def look_at_set(
    config: Config, doors: Doors, spec: SetSpec, states: Mapping[str, FeedState], reason: str
) -> SetReport:
    """
    Report a set that is left alone for *reason*: what waits, and what another hand has changed.
    """
    last = doors.store.last_application(spec.name)
    wanted = desired(config, doors, spec, states)
    if last is None or not wanted.is_known:
        return SetReport(spec.name, skipped=reason)
    try:
        live = doors.firewall.read(spec)
    except ProxyfeedError as exc:
        note = f"the kernel could not be looked at: {exc.message}"
        return SetReport(spec.name, skipped=reason, notes=(note,))
    held = held_prefixes(spec, live)
    plan = make_plan(spec, wanted.prefixes, live)
    notes = () if plan.is_nothing else ("live differs from desired; to apply: proxyfeed apply",)
    drift = describe_drift(spec, last, plan, held)
    return SetReport(
        spec.name,
        wanted.versions,
        notes=notes,
        drift=drift,
        skipped=reason,
        waiting=wanted.waiting,
        cover=wanted.cover,
    )


def _remember(
    doors: Doors,
    spec: SetSpec,
    wanted: Desired,
    applied: Applied,
    last: Application | None,
    action: str,
) -> None:
    now = (wanted.versions, applied.digest, layout_of(applied.plan), spec)
    is_known = last and (last.versions, last.digest, last.layout, last.spec) == now
    if applied.plan.is_nothing and is_known:
        return
    # First: what is known to have been applied is not looked at again.
    remember_marks(doors, spec, wanted)
    doors.store.applied(to_application(doors, spec, wanted.versions, applied, action))


def remember_marks(doors: Doors, spec: SetSpec, wanted: Desired) -> None:
    """
    Note which label has which mark, for the nights to come.
    """
    if wanted.labels and not wanted.is_behind:
        doors.store.allotments.write(spec.name, max(wanted.versions), wanted.marks)
