"""
What a run did: ``update``, ``apply``, and an operator's decisions.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.model import (
    Action,
    ApplyResult,
    Backend,
    ConfirmResult,
    DecisionResult,
    FeedReport,
    FetchOutcome,
    Live,
    Plan,
    RevertResult,
    SetReport,
    UpdateResult,
)
from proxyfeed.report.words import (
    addresses,
    attempt_line,
    change,
    cover_line,
    diff_body,
    numbers,
    relabelled_line,
    trial_line,
    waiting_lines,
    when,
)


def update_lines(result: UpdateResult) -> Iterator[str]:
    for feed in result.feeds:
        yield from _feed(feed, dry_run=result.dry_run)
    for one in result.sets:
        yield from _set(one, dry_run=result.dry_run)


def apply_lines(result: ApplyResult) -> Iterator[str]:
    for one in result.sets:
        yield from _set(one, dry_run=result.dry_run)
    yield from map(trial_line, result.trials)


def confirm_lines(result: ConfirmResult) -> Iterator[str]:
    for one in result.confirmed:
        yield f"set {one.set}: the {one.action} by {one.by} at {when(one.at)} is confirmed"


def revert_lines(result: RevertResult) -> Iterator[str]:
    for one in result.sets:
        if one.failed:
            yield f"set {one.set}: NOT brought back: {one.failed}"
            continue
        yield f"set {one.set}: brought back to {addresses(one.holds)}, read back and proven"
        if one.change:
            yield f"  {change(one.change)}"
        if one.plan:
            yield from _plan(one.plan)


def decision_lines(result: DecisionResult) -> Iterator[str]:
    yield result.note
    if result.diff:
        yield f"--- feed {result.feed} before"
        yield f"+++ feed {result.feed} after"
        yield from diff_body(result.diff)
    for one in result.sets:
        yield from _set(one, dry_run=False)
    yield from map(trial_line, result.trials)


def _feed(feed: FeedReport, *, dry_run: bool) -> Iterator[str]:
    version = f"version {feed.version}" if feed.version else "a new version"
    verb = "would be" if dry_run else "is"
    match feed.outcome:
        case FetchOutcome.NEW:
            what = f"new content, {version} {verb} accepted"
        case FetchOutcome.HELD:
            what = f"{version} {verb} held"
        case FetchOutcome.NOT_DUE:
            what = f"not asked before {when(feed.due_at)}, {feed.kept}"
        case _:
            what = f"{feed.outcome}, {feed.kept}"
    yield f"feed {feed.feed}: {what}" + (f": {change(feed.diff)}" if feed.diff is not None else "")
    if feed.relabelled:
        yield f"  {relabelled_line(feed.relabelled)}"
    for finding in feed.findings:
        yield f"  {finding.severity}: {finding.what}"
    for attempt in feed.attempts:
        yield f"  {attempt_line(attempt)}"


def _set(one: SetReport, *, dry_run: bool) -> Iterator[str]:
    if one.failed:
        yield f"set {one.set}: NOT applied: {one.failed}"
        return
    if one.plan is None:
        yield f"set {one.set}: left as it is: {one.skipped}"
        if one.drift:
            yield f"  {one.drift}"
        return
    held = addresses(one.holds) + (f" of {numbers(one.versions)}" if one.versions else "")
    if one.plan.is_nothing:
        yield f"set {one.set}: nothing to do, the kernel holds {held}"
        yield from _kept(one)
        return
    if dry_run:
        yield f"set {one.set}: would come to hold {addresses(one.holds)}; the plan:"
    else:
        yield f"set {one.set}: applied in {one.seconds:.2f} s, read back and proven: {held}"
    if one.drift:
        yield f"  {one.drift}"
    if one.change:
        yield f"  {change(one.change)}"
    yield from _kept(one)
    yield from _plan(one.plan)


def _kept(one: SetReport) -> Iterator[str]:
    """
    What is in the set although no list has it, or has it still.
    """
    if one.cover:
        yield f"  cover      {cover_line(one.cover)}"
    yield from waiting_lines(one.waiting, one.cover)


def _plan(plan: Plan) -> Iterator[str]:
    for what in plan.odd:
        yield f"  {what}: out, and its table made anew"
    for name in plan.temporaries:
        yield f"  {name}: clean up what a run left that was cut off"
    for planned in plan.sets:
        if planned.action is not Action.NOTHING:
            yield f"  {planned.name}: {planned.action}, {planned.why}"
    for rule in plan.rules:
        if not rule.is_nothing:
            yield from (f"  IPv{rule.family} rule out: {line}" for line in rule.present)
            yield from (f"  IPv{rule.family} rule out: {line}" for line in rule.stray)
            if rule.wanted:
                yield f"  IPv{rule.family} rule in: {rule.wanted}"
    if plan.former:
        yield from _former(plan.former, plan.backend.other)


def _former(former: Live, backend: Backend) -> Iterator[str]:
    for rules in (former.rules, former.strays):
        for family, lines in rules.items():
            yield from (f"  IPv{family} rule out: {line}" for line in lines)
    for name in (*former.sets, *former.temporaries):
        yield f"  {name}: remove, {backend} held it before"
    if not former.sets and not former.temporaries:
        yield f"  what else {backend} held of it: remove"
