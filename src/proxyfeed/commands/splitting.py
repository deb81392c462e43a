"""
The marks of a set that is split: its addresses by label, and each label by its mark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from proxyfeed.allotment import allot, loads_of
from proxyfeed.marked import MarkedSet, most_specific, union
from proxyfeed.model import AllottedLabel, Labels, MovedLabel, SetSpec, Split
from proxyfeed.planning import served
from proxyfeed.prefixes import PrefixSet

# Addresses that no label is known of go by this one.
NO_LABEL = ""


def by_label(
    spec: SetSpec, split: Split, listings: Iterable[Labels], content: PrefixSet
) -> dict[str, PrefixSet]:
    """
    Part *content*, the addresses of a set, by what *listings* say of them.

    Labels of other kinds than the split's say nothing. Of several for one address the longest
    prefix decides, see `proxyfeed.marked.most_specific`.
    """
    written: defaultdict[str, list[PrefixSet]] = defaultdict(list)
    for listing in listings:
        for label, part in listing.parts if listing.name == split.by else ():
            written[label].append(served(spec, part))
    parts = most_specific([(label, union(written[label])) for label in sorted(written)])
    whole, named = served(spec, content), union(parts.values())
    if foreign := named - whole:
        parts = {label: part - foreign for label, part in parts.items()}
    rest = whole - named
    parts[NO_LABEL] = parts.get(NO_LABEL, PrefixSet()) | rest
    return {label: part for label, part in parts.items() if part}


def give_marks(
    split: Split, parts: Mapping[str, PrefixSet], known: Mapping[str, int]
) -> tuple[AllottedLabel, ...]:
    """
    Give each part its mark, the one that is *known* of its label where that can be.
    """
    marks = allot(loads_of(parts), split.marks, known)
    return tuple(AllottedLabel(label, marks[label], parts[label]) for label in sorted(parts))


def keep_marks(
    split: Split, parts: Mapping[str, PrefixSet], known: Mapping[str, int]
) -> tuple[AllottedLabel, ...]:
    """
    The same, of an earlier time: each part has the mark that is *known*, however unevenly they
    carry by now.
    """
    return tuple(
        replace(one, mark=known[one.label]) if known.get(one.label) in split.marks else one
        for one in give_marks(split, parts, known)
    )


def to_marked(labels: Iterable[AllottedLabel]) -> MarkedSet:
    several: defaultdict[int, list[PrefixSet]] = defaultdict(list)
    for one in labels:
        several[one.mark].append(one.prefixes)
    return MarkedSet.of({mark: union(parts) for mark, parts in several.items()})


def unlabelled_notes(split: Split | None, labels: tuple[AllottedLabel, ...]) -> tuple[str, ...]:
    """
    Say that all of a split set has one mark, as with versions that are older than the split.
    """
    if split is None or [one.label for one in labels] != [NO_LABEL]:
        return ()
    return (
        f"none of its addresses has a {split.by}, so all have mark "
        f"{labels[0].mark:#x}; a version that was fetched before its feed had that label "
        "has none of it: proxyfeed update --force-fetch",
    )


def moved_labels(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[MovedLabel, ...]:
    """
    The labels that had another mark, as those of a mark that was taken out of the configuration.
    """
    return tuple(
        MovedLabel(label, before[label], mark)
        for label, mark in sorted(after.items())
        if before.get(label, mark) != mark
    )
