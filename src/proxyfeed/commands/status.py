"""
``status``: feeds, versions, pins, ages, and every member of live against desired.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from proxyfeed.alert import target_names
from proxyfeed.commands.clocks import dead_for, stale_for, unchanged_for
from proxyfeed.commands.desired import desired, states_of
from proxyfeed.commands.doors import Doors, to_problem
from proxyfeed.commands.exposure import exposed
from proxyfeed.commands.judging import due_at
from proxyfeed.commands.notify import expired_problem
from proxyfeed.commands.problems import waiting_problem
from proxyfeed.commands.refusal import refuse_absurd
from proxyfeed.commands.splitting import unlabelled_notes
from proxyfeed.commands.taking_back import to_trial
from proxyfeed.commands.undecided import undecided_problem
from proxyfeed.config import Config
from proxyfeed.errors import ProxyfeedError
from proxyfeed.firewall.layout import is_table, owner
from proxyfeed.model import (
    Action,
    AlertKind,
    Confirmation,
    Diff,
    FeedState,
    FeedStatus,
    Live,
    Outcome,
    Plan,
    Problem,
    SetSpec,
    SetSplit,
    SetStatus,
    StatusResult,
)
from proxyfeed.planning import held_prefixes, make_plan, served
from proxyfeed.prefixes import PrefixSet
from proxyfeed.redact import redact
from proxyfeed.report.words import former_words

# From one nightly run to the next, jitter included.
_NIGHT = timedelta(hours=26)


def status(config: Config, doors: Doors) -> Outcome:
    """
    Look at everything and change nothing. The exit code is fit for monitoring.
    """
    states = states_of(doors, tuple(config.feeds))
    feeds = tuple(_feed_status(config, doors, state) for state in states.values())
    problems = [problem for feed in feeds for problem in _feed_problems(config, feed)]
    sets = []
    known = {one.set_name: one for one in doors.store.confirmations.all()}
    for spec in config.sets.values():
        found, trouble = set_status(config, doors, spec, states, known.get(spec.name))
        sets.append(found)
        problems += trouble
    orphans = _orphans(config, doors)
    problems += [_orphan_problem(name) for name in orphans]
    targets = target_names(config.alerts.to)
    deliveries = tuple(one for one in doors.store.deliveries() if one.target in targets)
    warnings = tuple(
        f"the alert to {one.target} failed at {one.at:%Y-%m-%d %H:%M} UTC: {one.error}"
        for one in deliveries
        if one.error
    )
    trials = tuple(to_trial(doors, one) for one in known.values())
    result = StatusResult(
        feeds, tuple(sets), deliveries, redact(config.database), config.origin, orphans, trials
    )
    return Outcome("status", result, tuple(problems), (*exposed(config), *warnings))


def _feed_status(config: Config, doors: Doors, state: FeedState) -> FeedStatus:
    feed = config.feeds[state.feed]
    sets = tuple(spec.name for spec in config.sets.values() if state.feed in spec.feeds)
    return FeedStatus(
        state,
        sets,
        stale_for=_seconds(stale_for(feed, state, doors.now)),
        unchanged_for=_seconds(unchanged_for(feed, state, doors.now)),
        dead_for=_seconds(dead_for(feed, state)),
        due_at=due_at(feed, state, doors.now),
    )


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _feed_problems(config: Config, feed: FeedStatus) -> list[Problem]:
    state = feed.state
    subject = f"feed {state.feed}"
    problems = []
    if state.last is not None and not state.last.outcome.is_good:
        what = f"{subject}: the last fetch failed: {state.last.outcome}: {state.last.detail}"
        problems.append(Problem("feed", 3, what, "proxyfeed update", subject))
    elif feed.stale_for is not None:
        what = f"{subject}: no good fetch for {feed.stale_for / 86400:.1f} days"
        problems.append(Problem("stale", 3, what, "proxyfeed update", subject))
    if feed.unchanged_for is not None:
        what = f"{subject}: upstream has not changed for {feed.unchanged_for / 86400:.1f} days"
        problems.append(Problem("unchanged", 3, what, f"proxyfeed history {state.feed}", subject))
    if feed.dead_for is not None:
        problems.append(expired_problem(config, state.feed, timedelta(seconds=feed.dead_for)))
    if state.latest is None and state.last is None:
        what = f"{subject}: it was never fetched"
        problems.append(Problem("feed", 3, what, "proxyfeed update", subject))
    if state.undecided is not None:
        problems.append(waiting_problem(state.feed, state.undecided))
    return problems


def set_status(
    config: Config,
    doors: Doors,
    spec: SetSpec,
    states: dict[str, FeedState],
    waiting: Confirmation | None,
) -> tuple[SetStatus, tuple[Problem, ...]]:
    """
    Look at one set, and say what is wrong with it. *waiting* is what is to be confirmed of it.
    """
    found, problem = _set_status(config, doors, spec, states)
    undecided = undecided_problem(doors, waiting)
    # What was taken back differs from what is desired, as it should.
    is_expected = undecided and problem and problem.code == "drift"
    troubles = (undecided, None if is_expected else problem)
    return found, tuple(one for one in troubles if one)


def _set_status(
    config: Config, doors: Doors, spec: SetSpec, states: dict[str, FeedState]
) -> tuple[SetStatus, Problem | None]:
    wanted = desired(config, doors, spec, states)
    target = served(spec, wanted.prefixes)
    split = SetSplit(spec.name, spec.split.by, spec.marks, wanted.labels) if spec.split else None
    last = doors.store.last_application(spec.name)
    found = SetStatus(
        set=spec.name,
        versions=wanted.versions,
        desired=target,
        mark=spec.marking,
        plan=None,
        missing=PrefixSet(),
        extra=PrefixSet(),
        applied_at=last.at if last else None,
        waiting=wanted.waiting,
        split=split,
        cover=wanted.cover,
    )
    try:
        live = doors.firewall.read(spec)
    except ProxyfeedError as exc:
        note = f"the kernel could not be looked at: {exc.message}"
        return replace(found, note=note), to_problem(exc, f"set {spec.name}")
    held = held_prefixes(spec, live)
    if not wanted.is_known:
        note = "no accepted version yet, so nothing is desired"
        return replace(found, extra=held, note=note), _unknown_problem(spec, held)
    plan = make_plan(spec, wanted.prefixes, live)
    notes = [f"feed {feed} has no accepted version yet" for feed in wanted.missing]
    notes += [f"feed {feed} has expired" for feed in wanted.expired]
    notes += unlabelled_notes(spec.split, wanted.labels)
    is_overdue = not plan.is_nothing and _is_only_overdue(config, doors, spec, states, live)
    if is_overdue:
        notes.append("what has waited for long enough leaves with the next update")
    diff = Diff.between(held, target)
    found = replace(
        found,
        plan=plan,
        missing=diff.added,
        extra=diff.removed,
        remarked=diff.remarked,
        note="; ".join(notes),
    )
    try:
        refuse_absurd(spec, wanted)
    except ProxyfeedError as exc:
        return found, to_problem(exc, f"set {spec.name}")
    return found, None if is_overdue else _set_problem(spec, plan)


def _is_only_overdue(
    config: Config, doors: Doors, spec: SetSpec, states: dict[str, FeedState], live: Live
) -> bool:
    """
    Whether all that differs is what the next nightly run will take out.

    From the end of ``hold_removals`` to that run an address is in the kernel and no longer desired.
    Nobody needs to be called for it, unless the run was there and failed.
    """
    holds = any(config.feeds[name].timing.hold_removals for name in spec.feeds)
    if not (config.is_automatic and holds):
        return False
    failed = (AlertKind.APPLY, f"set {spec.name}")
    if any((state.kind, state.subject) == failed for state in doors.store.told()):
        return False
    then = desired(config, replace(doors, now=doors.now - _NIGHT), spec, states)
    return make_plan(spec, then.prefixes, live).is_nothing


def _unknown_problem(spec: SetSpec, held: PrefixSet) -> Problem | None:
    if not held:
        return None
    subject = f"set {spec.name}"
    what = f"{subject}: the kernel holds {held.addresses:,} addresses that this database never saw"
    return Problem("drift", 5, what, "proxyfeed update --no-apply, then: proxyfeed diff", subject)


def _orphans(config: Config, doors: Doors) -> tuple[str, ...]:
    try:
        return doors.firewall.orphans(config.sets)
    except ProxyfeedError:
        return ()  # each set has said already that the kernel could not be looked at


def _orphan_problem(name: str) -> Problem:
    what = f"the kernel holds {name}, which no set of the configuration owns: nobody updates it"
    whose = owner(name)
    hint = f"proxyfeed rule remove {whose}, then: ipset destroy {name}"
    if is_table(name):
        hint = f"nft delete table {name}"
    return Problem("orphan", 5, what, hint, f"set {whose}")


def _set_problem(spec: SetSpec, plan: Plan) -> Problem | None:
    if plan.is_nothing:
        return None
    subject = f"set {spec.name}"
    ends = [f"{one.name}: {one.why}" for one in plan.sets if one.action is not Action.NOTHING]
    for rule in plan.rules:
        if not rule.is_nothing:
            count = len(rule.present) + len(rule.stray)
            ends.append(f"the IPv{rule.family} MARK rule is {'wrong' if count else 'missing'}")
    ends += [f"{name} is left over from a run that was cut off" for name in plan.temporaries]
    ends += [f"in its table is what proxyfeed never writes: {what}" for what in plan.odd]
    ends += [former_words(plan)] if plan.former else []
    what = f"{subject}: live differs from desired: {'; '.join(ends)}"
    return Problem("drift", 5, what, "proxyfeed diff, then: proxyfeed apply", subject)
