"""
What the database says that a set should hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from proxyfeed.commands.clocks import dead_for
from proxyfeed.commands.doors import Doors
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import Feed, FeedState, SetSpec, Waiting
from proxyfeed.planning import served
from proxyfeed.prefixes import PrefixSet

# Directors that share a database have clocks of their own.
_AHEAD = timedelta(days=1)
# Within them what is overdue has left the kernel, or the run that should do it has failed.
_SOME_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Part:
    """
    What one feed gives to a set: the *content* of its active *version*, and what is *waiting* to
    leave it; nothing if it never had an accepted version, or has expired.
    """

    feed: str
    content: PrefixSet = PrefixSet()
    version: int | None = None
    waiting: tuple[Waiting, ...] = ()
    is_missing: bool = False
    is_expired: bool = False
    may_be_empty: bool = False

    @property
    def prefixes(self) -> PrefixSet:
        """
        All that the feed gives for now.
        """
        whole = self.content
        for one in self.waiting:
            whole |= one.prefixes
        return whole


@dataclass(frozen=True, slots=True)
class Desired:
    """
    *prefixes* is what all *parts* have, less what the set excludes. *waiting* is what of it will
    leave by itself.
    """

    prefixes: PrefixSet
    parts: tuple[Part, ...]
    waiting: tuple[Waiting, ...] = ()

    @property
    def versions(self) -> tuple[int, ...]:
        return tuple(part.version for part in self.parts if part.version is not None)

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(part.feed for part in self.parts if part.is_missing)

    @property
    def expired(self) -> tuple[str, ...]:
        return tuple(part.feed for part in self.parts if part.is_expired)

    @property
    def is_known(self) -> bool:
        """
        Whether anything is known of what the set should hold, be it that it should hold nothing.
        """
        return len(self.missing) < len(self.parts)

    @property
    def may_be_empty(self) -> bool:
        """
        Whether the configuration allows the emptiness of a set that comes out empty.
        """
        return all(
            part.is_expired or (part.may_be_empty and not part.prefixes) for part in self.parts
        )


def desired(
    config: Config,
    doors: Doors,
    spec: SetSpec,
    states: Mapping[str, FeedState],
    instead: Mapping[str, PrefixSet] | None = None,
) -> Desired:
    """
    Compute the desired content of one set.

    *instead* gives contents that are not in the database: what a dry run would have accepted.
    """
    parts = tuple(
        part_of(doors, config.feeds[name], states[name], (instead or {}).get(name))
        for name in spec.feeds
    )
    whole = PrefixSet()
    for part in parts:
        whole |= part.prefixes
    return Desired(whole - spec.exclude, parts, _leaving(spec, parts))


def _leaving(spec: SetSpec, parts: tuple[Part, ...]) -> tuple[Waiting, ...]:
    """
    What of the waiting addresses is in the set, and in it for no other reason: each address once,
    with the latest time.
    """
    accounted = spec.exclude
    for part in parts:
        accounted |= part.content
    found = []
    waiting = [one for part in parts for one in part.waiting]
    for one in sorted(waiting, key=lambda one: one.until, reverse=True):
        left = served(spec, one.prefixes) - accounted
        if left:
            found.append(replace(one, prefixes=left))
            accounted |= left
    return tuple(found)


def part_of(doors: Doors, feed: Feed, state: FeedState, instead: PrefixSet | None = None) -> Part:
    """
    Compute what one feed gives to the sets that take it.
    """
    active = state.active
    if state.pin is None and instead is not None:
        before = doors.store.content(active) if active else PrefixSet()
        waiting = _waiting(doors, feed, instead, before)
        return Part(feed.name, instead, None, waiting, may_be_empty=feed.limits.may_be_empty)
    if dead_for(feed, state) is not None:
        return Part(feed.name, is_expired=True)
    if active is None:
        return Part(feed.name, is_missing=True)
    content = doors.store.content(active)
    # A pin means exactly that version.
    waiting = () if state.pin else _waiting(doors, feed, content)
    return Part(feed.name, content, active.id, waiting, may_be_empty=feed.limits.may_be_empty)


def overdue(doors: Doors, feed: Feed) -> PrefixSet:
    """
    What left the feed some days more than ``hold_removals`` ago, back in it or not.
    """
    hold = feed.timing.hold_removals
    gone = PrefixSet()
    if hold:
        for version, left in doors.store.departed(feed.name, doors.now - hold - _SOME_DAYS):
            if version.accepted_at is not None and version.accepted_at + hold <= doors.now:
                gone |= left
    return gone


def _waiting(
    doors: Doors, feed: Feed, content: PrefixSet, just_left: PrefixSet = PrefixSet()
) -> tuple[Waiting, ...]:
    """
    What left the feed less than ``hold_removals`` ago and is not back in *content*, the latest
    first. *just_left* is what was there until now.

    One range of AWS came and went a hundred times in 112 versions; a third of all that it removed
    was back within 48 hours.
    """
    hold = feed.timing.hold_removals
    if not hold:
        return ()
    departures = [(doors.now, just_left)]
    departures += [
        (version.accepted_at, gone)
        for version, gone in doors.store.departed(feed.name, doors.now - hold)
        # A clock that was ahead must not hold for years.
        if version.accepted_at is not None and version.accepted_at <= doors.now + _AHEAD
    ]
    waiting = []
    accounted = content
    for left_at, gone in departures:
        still_gone = gone - accounted
        if still_gone:
            waiting.append(Waiting(feed.name, still_gone, left_at + hold))
            accounted |= still_gone
    return tuple(waiting)


def chosen_sets(config: Config, names: tuple[str, ...]) -> tuple[SetSpec, ...]:
    """
    The sets that the operator named, or all of them.

    Raises:
        OperatorMistake: a name that no set has.
    """
    for name in names:
        if name not in config.sets:
            known = ", ".join(config.sets)
            raise OperatorMistake(f"there is no set {name!r}; known: {known}")
    return tuple(config.sets[name] for name in (dict.fromkeys(names) or config.sets))


def states_of(doors: Doors, feeds: tuple[str, ...]) -> dict[str, FeedState]:
    return {feed: doors.store.state(feed, doors.now) for feed in feeds}
