"""
What there was: ``history``, ``show`` and ``lookup``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from proxyfeed.commands.clocks import dead_for
from proxyfeed.commands.desired import Desired, desired, states_of
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.parts import part_of
from proxyfeed.commands.splitting import by_label, keep_marks
from proxyfeed.config import Config
from proxyfeed.errors import BadPrefix, OperatorMistake
from proxyfeed.model import (
    Carried,
    Cover,
    Covered,
    Diff,
    Feed,
    FeedState,
    FetchesResult,
    HistoryResult,
    Labels,
    LookupResult,
    Membership,
    Outcome,
    SetSpec,
    SetSplit,
    ShowResult,
    Stay,
    Version,
)
from proxyfeed.notation import Host, key_to_text, number_to_text, read_address
from proxyfeed.prefixes import PrefixSet


def history(config: Config, doors: Doors, feed: str | None, limit: int) -> Outcome:
    """
    The versions of one feed or of all, the newest first.
    """
    versions = doors.store.versions(feed, limit)
    if feed is not None and not versions and feed not in config.feeds:
        raise OperatorMistake(f"there is no feed {feed!r}", hint="proxyfeed history")
    states = states_of(doors, tuple({version.feed: None for version in versions}))
    active = tuple(state.active.id for state in states.values() if state.active)
    pins = tuple(state.pin for state in states.values() if state.pin)
    return Outcome("history", HistoryResult(versions, active, pins))


def show(config: Config, doors: Doors, number: int, *, detail: str = "") -> Outcome:
    """
    One version: where it is from, what it holds, and what it changed.
    """
    version = doors.store.version(number)
    state = doors.store.state(version.feed, doors.now)
    before = doors.store.before(version)
    content = doors.store.content(version)
    old = doors.store.content(before) if before else PrefixSet()
    labels = doors.store.labels(version)
    is_active = state.active is not None and state.active.id == number
    return Outcome(
        "show",
        ShowResult(
            version=version,
            is_active=is_active,
            is_pinned=state.pin is not None and state.pin.version == number,
            before=before.id if before else None,
            diff=Diff.between(old, content),
            content=content,
            detail=detail,
            labels=labels,
            splits=_splits(config, doors, version, content, labels, is_active=is_active),
            covers=tuple(_covers(config, doors, version)),
        ),
    )


def _covers(config: Config, doors: Doors, version: Version) -> Iterator[Cover]:
    """
    What each set with a cover would add, were the version active and its other feeds as they are.
    """
    for spec in config.sets.values():
        if spec.covering and version.feed in spec.feeds:
            states = states_of(doors, spec.feeds)
            states[version.feed] = replace(states[version.feed], active=version)
            cover = desired(config, doors, spec, states).cover
            if cover:
                yield cover


def _splits(
    config: Config,
    doors: Doors,
    version: Version,
    content: PrefixSet,
    labels: Labels,
    *,
    is_active: bool,
) -> tuple[SetSplit, ...]:
    """
    Which labels of a version have which marks, in each set that is split by them. What a set has of
    other feeds, or has waiting, counts when marks are dealt: so what was dealt holds here.
    """
    found = []
    for spec in config.sets.values():
        if spec.split and version.feed in spec.feeds and spec.split.by == labels.name:
            parts = by_label(spec, spec.split, [labels], content - spec.exclude)
            known = doors.store.allotments.read(spec.name, version.id)
            if is_active:
                known |= desired(config, doors, spec, states_of(doors, spec.feeds)).marks
            allotted = keep_marks(spec.split, parts, known)
            found.append(SetSplit(spec.name, spec.split.by, spec.marks, allotted))
    return tuple(found)


def fetches(config: Config, doors: Doors, feed: str, limit: int) -> Outcome:
    """
    The attempts at one feed, the newest first.
    """
    found = doors.store.attempts(feed, limit)
    if not found and feed not in config.feeds:
        raise OperatorMistake(f"there is no feed {feed!r}", hint="proxyfeed history")
    return Outcome("fetches", FetchesResult(found))


def fetched_body(doors: Doors, number: int) -> bytes:
    """
    The bytes that one attempt gave, good or bad.

    Raises:
        OperatorMistake: they were not kept, as for a fetch that brought nothing new.
    """
    found = doors.store.fetched_body(number)
    if found is None:
        raise OperatorMistake(f"no body is kept of fetch {number}", hint="proxyfeed fetches FEED")
    return found.content


def body(doors: Doors, number: int) -> bytes:
    """
    The bytes that a version was read from.

    Raises:
        OperatorMistake: they are no longer kept.
    """
    found = doors.store.body(doors.store.version(number))
    if found is None:
        raise OperatorMistake(
            f"the body of version {number} is no longer kept", hint=f"proxyfeed show {number}"
        )
    return found.content


def lookup(config: Config, doors: Doors, address: str) -> Outcome:
    """
    Where an address is now, since which version, and when it came and went before.
    """
    try:
        host = read_address(address)
    except BadPrefix as exc:
        raise OperatorMistake(exc.message, hint="proxyfeed lookup 64.12.96.1") from exc
    states = states_of(doors, tuple(config.feeds))
    memberships = tuple(_membership(config, doors, states, feed, host) for feed in states)
    taking = {name for one in memberships for name in one.sets}
    wide = [
        (spec, desired(config, doors, spec, states))
        for spec in config.sets.values()
        if spec.covering and spec.name not in taking and not spec.exclude.holds(*host)
    ]
    result = LookupResult(number_to_text(*host), memberships, tuple(_covered(wide, host)))
    return Outcome("lookup", result, warnings=tuple(_unreached(wide)))


def _covered(wide: Iterable[tuple[SetSpec, Desired]], host: Host) -> Iterator[Covered]:
    """
    The sets that hold an address which none of their feeds gives them.
    """
    for spec, wanted in wide:
        if wanted.cover and wanted.cover.is_reached:
            key = wanted.prefixes.enclosing(*host)
            if key is not None:
                yield Covered(spec.name, key_to_text(host[0], key), spec.covering)


def _unreached(wide: Iterable[tuple[SetSpec, Desired]]) -> Iterator[str]:
    for spec, wanted in wide:
        if wanted.cover and not wanted.cover.is_reached:
            yield (
                f"set {spec.name}: {spec.covering} cannot be reached, so the set is not applied: "
                "the kernel keeps what it has, and what that covers is not told here"
            )


def _membership(
    config: Config, doors: Doors, states: Mapping[str, FeedState], name: str, host: Host
) -> Membership:
    state, feed = states[name], config.feeds[name]
    stays = []
    is_in = False
    for since, until in doors.store.lives(name, number_to_text(*host)):
        first = doors.store.version(since)
        last = doors.store.version(until) if until is not None else None
        stays.append(Stay(first, last))
        if state.active and since <= state.active.id and (until is None or until > state.active.id):
            is_in = True
    is_expired = dead_for(feed, state) is not None
    waits_until = None if is_in or not stays else _waits_until(doors, feed, state, host)
    is_desired = (is_in and not is_expired) or waits_until is not None
    takers = [
        spec
        for spec in config.sets.values()
        if is_desired and name in spec.feeds and host[0] in spec.families
    ]
    return Membership(
        feed=name,
        is_in=is_in,
        sets=tuple(spec.name for spec in takers if not spec.exclude.holds(*host)),
        excluded=tuple(spec.name for spec in takers if spec.exclude.holds(*host)),
        stays=tuple(stays),
        waits_until=waits_until,
        is_expired=is_expired,
        covering=tuple(spec.name for spec in takers if spec.covering),
        carries=tuple(_carried(config, doors, takers, states, host) if is_in else ()),
    )


def _carried(
    config: Config,
    doors: Doors,
    takers: Iterable[SetSpec],
    states: Mapping[str, FeedState],
    host: Host,
) -> Iterator[Carried]:
    """
    The label and the mark that an address has in each set that is split.
    """
    for spec in takers:
        if spec.split:
            for one in desired(config, doors, spec, states).labels:
                if one.prefixes.holds(*host):
                    yield Carried(spec.name, spec.split.by, one.label, one.mark)


def _waits_until(doors: Doors, feed: Feed, state: FeedState, host: Host) -> datetime | None:
    if not feed.timing.hold_removals:
        return None
    waiting = part_of(doors, feed, state).waiting
    return next((one.until for one in waiting if one.prefixes.holds(*host)), None)
