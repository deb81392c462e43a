"""
What the database says that a set should hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from proxyfeed.commands.covering import covered, describe_cover
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.parts import Part, labels_of, part_of
from proxyfeed.commands.splitting import by_label, give_marks, keep_marks, to_marked
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake
from proxyfeed.marked import union
from proxyfeed.model import AllottedLabel, Cover, Draft, FeedState, SetSpec, Waiting
from proxyfeed.planning import served
from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class Desired:
    """
    *prefixes* is what all *parts* have, less what the set excludes: with their marks where the set
    is split, by its *labels*. *waiting* is what of it will leave by itself. *cover* tells what was
    added to what is *listed*, for fewer prefixes.
    """

    prefixes: PrefixSet
    parts: tuple[Part, ...]
    waiting: tuple[Waiting, ...] = ()
    labels: tuple[AllottedLabel, ...] = ()
    listed: PrefixSet = PrefixSet()
    cover: Cover | None = None

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
    def marks(self) -> dict[str, int]:
        """
        The mark of each label, where the set is split.
        """
        return {one.label: one.mark for one in self.labels}

    @property
    def is_behind(self) -> bool:
        return any(part.is_behind for part in self.parts)

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
    instead: Mapping[str, Draft] | None = None,
) -> Desired:
    """
    Compute the desired content of one set.

    *instead* gives contents that are not in the database: what a dry run would have accepted.
    """
    parts = tuple(
        part_of(doors, config.feeds[name], states[name], (instead or {}).get(name))
        for name in spec.feeds
    )
    whole = union(part.prefixes for part in parts) - spec.exclude
    leaving = _leaving(spec, parts)
    if spec.split is None:
        held = covered(config, spec, whole)
        cover = describe_cover(spec, whole, held)
        return Desired(held, parts, leaving, listed=whole, cover=cover)
    listings = [
        one
        for part in parts
        for one in labels_of(doors, config.feeds[part.feed], states[part.feed], part)
    ]
    versions = (part.version for part in parts if part.version is not None)
    known = doors.store.allotments.read(spec.name, *versions)
    # With a pin the set gets the marks back that it had then.
    give = keep_marks if any(part.is_behind for part in parts) else give_marks
    labels = give(spec.split, by_label(spec, spec.split, listings, whole), known)
    return Desired(to_marked(labels), parts, leaving, labels, listed=whole)


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
