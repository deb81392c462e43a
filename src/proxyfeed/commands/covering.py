"""
The cover of a set: fewer prefixes than its feeds list, where the configuration asks for that.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxyfeed.config import Config
from proxyfeed.cover import Ground, cover_of_size, cover_within
from proxyfeed.guard import special_purpose
from proxyfeed.marked import union
from proxyfeed.model import Cover, SetReport, SetSpec
from proxyfeed.planning import served
from proxyfeed.prefixes import PrefixSet


def covered(config: Config, spec: SetSpec, listed: PrefixSet) -> PrefixSet:
    """
    What the set holds for what is *listed*: just that, unless it is to have fewer prefixes.
    """
    if not spec.covering:
        return listed
    part, ground = served(spec, listed), _ground(config, spec)
    if spec.max_prefixes is not None:
        return cover_of_size(part, spec.max_prefixes, ground)
    return cover_within(part, spec.max_extra or 0.0, ground)


def _ground(config: Config, spec: SetSpec) -> Ground:
    """
    A cover keeps out of what any set protects, and is nowhere wider than the strictest of the set's
    feeds believes.
    """
    own = union(one.protect for one in config.sets.values())
    limits = [config.feeds[feed].limits for feed in spec.feeds]
    widest = {4: max(one.widest_ipv4 for one in limits), 6: max(one.widest_ipv6 for one in limits)}
    return Ground(union((special_purpose(), spec.exclude, own)), widest)


def describe_cover(spec: SetSpec, listed: PrefixSet, held: PrefixSet) -> Cover | None:
    """
    What the cover *held* adds to what is *listed*, None for a set without a cover, and where there
    is nothing to cover.
    """
    before = served(spec, listed)
    if not (spec.covering and before):
        return None
    now4, now6 = held.family(4).addresses, held.family(6).addresses
    listed4, listed6 = before.family(4).addresses, before.family(6).addresses
    return Cover(
        set=spec.name,
        setting=spec.covering,
        prefixes_listed=len(before),
        prefixes=len(held),
        listed_ipv4=listed4,
        listed_ipv6=listed6,
        added_ipv4=now4 - listed4,
        added_ipv6=now6 - listed6,
        is_reached=spec.max_prefixes is None or len(held) <= spec.max_prefixes,
    )


def cover_warnings(covers: Iterable[Cover | None]) -> tuple[str, ...]:
    """
    What to think about before a cover is applied; not told every night.
    """
    return tuple(
        f"set {one.set}: {one.setting} adds more {_families(one.outgrown)} addresses than its "
        "feeds list: most of those that it marks are other people's; a larger `max_prefixes` or a "
        "smaller `max_extra` adds fewer"
        for one in covers
        if one and one.outgrown
    )


def _families(families: Iterable[int]) -> str:
    return " and ".join(f"IPv{family}" for family in families)


def fresh_cover_warnings(reports: Iterable[SetReport]) -> tuple[str, ...]:
    """
    The same for who reads it every night: of those sets that the run changed, or would change.
    """
    return cover_warnings(one.cover for one in reports if one.change)
