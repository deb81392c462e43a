"""
What only an operator decides: approve, reject, rollback, release.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from proxyfeed.commands.apply import apply_sets
from proxyfeed.commands.covering import fresh_cover_warnings
from proxyfeed.commands.desired import states_of
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.judging import findings_for
from proxyfeed.commands.parts import part_of
from proxyfeed.commands.taking_back import reverted_problem, take_overdue_back
from proxyfeed.commands.trial import begin, refuse_pending, settle
from proxyfeed.config import Config
from proxyfeed.errors import GuardError, OperatorMistake
from proxyfeed.model import (
    DecisionResult,
    Diff,
    Draft,
    FeedState,
    Outcome,
    Pin,
    Severity,
    Status,
    Version,
)
from proxyfeed.prefixes import PrefixSet


def approve(config: Config, doors: Doors, number: int, *, reason: str | None) -> Outcome:
    """
    Accept a held version. Nothing is applied: the next ``apply`` or ``update`` does that.

    Raises:
        OperatorMistake: it is not held, or its feed is not configured.
        GuardError: an absolute rule speaks against it, and only the configuration can change that.
    """
    version = _open_version(doors, number, "approve")
    feed = config.feeds.get(version.feed)
    if feed is None:
        raise OperatorMistake(
            f"version {number} is of feed {version.feed}, which {config.origin} does not have"
        )
    state = doors.store.state(version.feed, doors.now)
    content = doors.store.content(version)
    for finding in findings_for(config, doors, feed, state, content):
        if finding.severity is Severity.ABSOLUTE:
            raise GuardError(
                f"version {number} of feed {version.feed} cannot be approved: it {finding.what}",
                hint=f"mend {config.origin}, then: proxyfeed approve {number}",
            )
    doors.store.approve(version, by=doors.who, reason=reason, now=doors.now)
    if state.pin:
        active, diff = state.pin.version, Diff(PrefixSet(), PrefixSet())
        note = (
            f"version {number} is accepted, and feed {version.feed} stays pinned to version "
            f"{active}; to follow: proxyfeed release {version.feed}"
        )
    else:
        before = part_of(doors, feed, state).prefixes
        after = part_of(doors, feed, state, Draft(content)).prefixes
        active, diff = number, Diff.between(before, after)
        note = (
            f"version {number} of feed {version.feed} is accepted; to put it into the kernel: "
            "proxyfeed apply"
        )
    return Outcome("approve", DecisionResult("approve", version.feed, number, active, diff, note))


def reject(doors: Doors, number: int, *, reason: str | None) -> Outcome:
    """
    Close a held version. The same content is not held again while the feed stands where it does.
    """
    version = _open_version(doors, number, "reject")
    state = doors.store.state(version.feed, doors.now)
    doors.store.reject(version, by=doors.who, reason=reason, now=doors.now)
    active = state.active.id if state.active else None
    diff = Diff(PrefixSet(), PrefixSet())
    note = f"version {number} of feed {version.feed} is rejected; nothing else has changed"
    return Outcome("reject", DecisionResult("reject", version.feed, number, active, diff, note))


def rollback(
    config: Config,
    doors: Doors,
    number: int,
    *,
    reason: str | None,
    within: timedelta | None = None,
) -> Outcome:
    """
    Pin a feed to one of its accepted versions and apply it, in one step.

    What is not confirmed *within* that time is taken back, and the pin with it.
    """
    version = doors.store.version(number)
    _refuse_unaccepted(version)
    specs = [spec for spec in config.sets.values() if version.feed in spec.feeds]
    if not specs:
        raise OperatorMistake(
            f"version {number} is of feed {version.feed}, which is in no set of {config.origin}: "
            "there is nothing in the kernel to roll back",
            hint="proxyfeed status",
        )
    late, problems = take_overdue_back(config, doors)
    refuse_pending(doors, specs)
    state = doors.store.state(version.feed, doors.now)
    was_active = state.active is not None and state.active.id == number
    before = part_of(doors, config.feeds[version.feed], state).prefixes
    diff = Diff.between(before, doors.store.content(version))
    begun = (
        begin(doors, specs, "rollback", within, feed=version.feed, pin=state.pin) if within else ()
    )
    if reason is not None or not (state.pin and state.pin.version == number):
        doors.store.pin(Pin(version.feed, number, doors.now, doors.who, reason))
    states = states_of(doors, tuple(config.feeds))
    sets, failed = apply_sets(config, doors, specs, states, "rollback")
    trials, unsettled = settle(doors, begun, sets)
    lift = f"to lift the pin: proxyfeed release {version.feed}"
    note = f"feed {version.feed} is pinned to version {number}; {lift}"
    if was_active:
        pinned = "pinned already" if state.pin else "now pinned"
        note = f"version {number} of feed {version.feed} was active, and is {pinned}; {lift}"
    if begun and not trials:
        note = (
            f"rollback to version {number} of feed {version.feed} failed: all is as it was before"
        )
    result = DecisionResult("rollback", version.feed, number, number, diff, note, sets, trials)
    warnings = tuple(reverted_problem(one).message for one in late) + fresh_cover_warnings(sets)
    return Outcome("rollback", result, problems + failed + unsettled, warnings)


def release(config: Config, doors: Doors, feed: str) -> Outcome:
    """
    Lift a feed's pin and show what ``apply`` will then change. Nothing is applied.
    """
    state = doors.store.state(feed, doors.now)
    if state.pin is None:
        raise OperatorMistake(f"feed {feed!r} is not pinned", hint="proxyfeed status")
    # Only an accepted version can be pinned.
    assert state.latest is not None and state.active is not None  # noqa: S101, PT018
    diff = Diff.between(doors.store.content(state.active), _following(config, doors, state))
    doors.store.release(feed)
    number = state.latest.id
    note = f"feed {feed} follows upstream again, at version {number}"
    if diff:
        note += "; to put it into the kernel: proxyfeed apply"
    return Outcome(
        "release", DecisionResult("release", feed, state.pin.version, number, diff, note)
    )


def _open_version(doors: Doors, number: int, verb: str) -> Version:
    """
    A version that still can be decided on: one that is held, or was rejected since the latest was
    accepted and may be approved after all.
    """
    version = doors.store.version(number)
    refused = doors.store.state(version.feed, doors.now).refused
    may_return = verb == "approve" and version.decided_at and version in refused
    if version.status is not Status.HELD and not may_return:
        because = f" ({version.reason})" if version.reason else ""
        raise OperatorMistake(
            f"there is nothing to {verb}: version {number} is {version.status}{because}",
            hint=f"proxyfeed show {number}",
        )
    return version


def _refuse_unaccepted(version: Version) -> None:
    if version.status is Status.HELD:
        raise OperatorMistake(
            f"version {version.id} is held and was never active: there is no way back to it",
            hint=f"proxyfeed approve {version.id}",
        )
    if version.status is Status.REJECTED:
        because = f": {version.reason}" if version.reason else ""
        raise OperatorMistake(
            f"version {version.id} was rejected and was never active{because}",
            hint=f"proxyfeed approve {version.id}",
        )


def _following(config: Config, doors: Doors, state: FeedState) -> PrefixSet:
    """
    What a feed gives once its pin is lifted: what waits to leave it included, nothing if it is
    dead.
    """
    follows = replace(state, pin=None, active=state.latest)
    if state.feed not in config.feeds:
        return doors.store.content(state.latest) if state.latest else PrefixSet()
    return part_of(doors, config.feeds[state.feed], follows).prefixes
