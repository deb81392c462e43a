"""
What one feed gives to the sets that take it, with what time does to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from proxyfeed.commands.clocks import dead_for
from proxyfeed.commands.doors import Doors
from proxyfeed.marked import union
from proxyfeed.model import Draft, Feed, FeedState, Labels, Waiting
from proxyfeed.prefixes import PrefixSet

# Directors that share a database have clocks of their own.
_AHEAD = timedelta(days=1)
# Within them what is overdue has left the kernel, or the run that should do it has failed.
_SOME_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Part:
    """
    What one feed gives to a set: the *content* of its active *version*, and what is *waiting* to
    leave it; nothing if it never had an accepted version, or has expired. *labels* are those of a
    content that has no version yet. *is_behind* says that the feed has a newer version: a pin keeps
    this one, or a boot.
    """

    feed: str
    content: PrefixSet = PrefixSet()
    version: int | None = None
    waiting: tuple[Waiting, ...] = ()
    is_missing: bool = False
    is_expired: bool = False
    may_be_empty: bool = False
    labels: Labels | None = None
    is_behind: bool = False

    @property
    def prefixes(self) -> PrefixSet:
        """
        All that the feed gives for now.
        """
        return union((self.content, *(one.prefixes for one in self.waiting)))


def part_of(doors: Doors, feed: Feed, state: FeedState, instead: Draft | None = None) -> Part:
    """
    Compute what one feed gives to the sets that take it.
    """
    active = state.active
    if state.pin is None and instead is not None:
        before = doors.store.content(active) if active else PrefixSet()
        return Part(
            feed.name,
            instead.content,
            waiting=_waiting(doors, feed, instead.content, before),
            may_be_empty=feed.limits.may_be_empty,
            labels=instead.labels,
        )
    if dead_for(feed, state) is not None:
        return Part(feed.name, is_expired=True)
    if active is None:
        return Part(feed.name, is_missing=True)
    content = doors.store.content(active)
    # A pin means exactly that version.
    waiting = () if state.pin else _waiting(doors, feed, content)
    return Part(
        feed.name,
        content,
        active.id,
        waiting,
        may_be_empty=feed.limits.may_be_empty,
        is_behind=state.latest is not None and state.latest.id != active.id,
    )


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


def labels_of(doors: Doors, feed: Feed, state: FeedState, part: Part) -> Iterator[Labels]:
    """
    What is known of the labels of a part: those of its content, and those that the waiting
    addresses had when they left.
    """
    if part.is_expired:
        return
    if part.labels is not None:
        yield part.labels
    elif state.active is not None:
        yield doors.store.labels(state.active)
    if part.waiting:
        hold = feed.timing.hold_removals
        name = state.active.label if state.active else ""
        gone = doors.store.departed_labels(part.feed, doors.now - hold)
        if part.labels is not None and state.active is not None:
            gone = (doors.store.labels(state.active).parts, *gone)
        left = union(one.prefixes for one in part.waiting)
        for parts in gone:
            yield Labels.of(name, ((label, prefixes & left) for label, prefixes in parts))
            # What it was called before it was called so says nothing.
            left -= union(prefixes for _, prefixes in parts)
