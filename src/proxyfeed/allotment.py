"""
Which label gets which mark, where a set is split. Pure.

Marks are balanced by the addresses of their labels, and a label keeps its mark from version to
version: whose mark changes is sent to another real server, in the middle of a session.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from proxyfeed.prefixes import FAMILIES, PrefixSet


def loads_of(parts: Mapping[str, PrefixSet]) -> dict[str, int]:
    """
    What each label weighs: its share of the IPv4 addresses and that of the IPv6 addresses, both
    counting alike, as one whole number.

    Counted together, a single /64 would outweigh all of IPv4.
    """
    counts = {
        label: [part.family(family).addresses for family in FAMILIES]
        for label, part in parts.items()
    }
    totals = [sum(count[place] for count in counts.values()) for place in range(len(FAMILIES))]
    # Over a common denominator: a share of IPv4 weighs by the total of IPv6, and the other way.
    weights = [totals[1] or 1, totals[0] or 1]
    return {
        label: sum(number * weight for number, weight in zip(count, weights, strict=True))
        for label, count in counts.items()
    }


def allot(
    loads: Mapping[str, int], marks: Sequence[int], known: Mapping[str, int]
) -> dict[str, int]:
    """
    Give each label of *loads* one of *marks*. What is *known* stays: a label moves only if its mark
    is gone, or if one mark has far more or less than its share and the move mends that.

    Labels without a mark are dealt, the heaviest first, to the lightest mark (Graham, "Bounds on
    multiprocessing timing anomalies", 1969: at most a third more than the best dealing has).
    """
    allotted = {label: known[label] for label in loads if known.get(label) in marks}
    carried = carried_by(allotted, loads, marks)
    for label in sorted(loads.keys() - allotted.keys(), key=lambda one: (-loads[one], one)):
        allotted[label] = _lightest(marks, carried)
        carried[allotted[label]] += loads[label]
    _even_out(allotted, loads, carried, marks)
    return allotted


def carried_by(
    allotted: Mapping[str, int], loads: Mapping[str, int], marks: Iterable[int]
) -> dict[int, int]:
    """
    What each mark weighs.
    """
    carried = dict.fromkeys(marks, 0)
    for label, mark in allotted.items():
        carried[mark] += loads[label]
    return carried


def _even_out(
    allotted: dict[str, int],
    loads: Mapping[str, int],
    carried: dict[int, int],
    marks: Sequence[int],
) -> None:
    """
    Move labels from the heaviest mark to the lightest, as long as one has far from its share. Every
    move narrows the gap between the two, so there is an end. A mark that can give none away, as one
    that carries nothing but the United States, is left out, and the others share the rest.
    """
    left = list(marks)
    while _is_uneven([carried[mark] for mark in left]):
        light = _lightest(left, carried)
        heavy = max(left, key=lambda mark: carried[mark])
        gap = carried[heavy] - carried[light]
        movable = [
            label for label, mark in allotted.items() if mark == heavy and 0 < loads[label] < gap
        ]
        if not movable:
            left.remove(heavy)
            continue
        # The one that leaves the two most alike.
        label = min(movable, key=lambda one: (abs(gap - 2 * loads[one]), one))
        allotted[label] = light
        carried[heavy] -= loads[label]
        carried[light] += loads[label]


def _is_uneven(carried: Collection[int]) -> bool:
    """
    Whether a mark has a quarter more than its share, or less than half of it.
    """
    total, marks = sum(carried), len(carried)
    return 4 * marks * max(carried) > 5 * total or 2 * marks * min(carried) < total


def _lightest(marks: Sequence[int], carried: Mapping[int, int]) -> int:
    return min(marks, key=lambda mark: carried[mark])
