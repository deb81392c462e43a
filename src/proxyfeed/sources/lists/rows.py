"""
Rows to prefixes, by one grammar for every format: a row is a prefix, or it is rejected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

from proxyfeed.errors import BadPrefix, EmptyList, ReadError
from proxyfeed.model import Labels, Listing, RejectedRow
from proxyfeed.notation import read_plain, read_prefix
from proxyfeed.plain import plain
from proxyfeed.prefixes import FAMILIES, PrefixSet

# So many rows are kept as they stood; all are counted.
_SHOWN = 20
_LONGEST_TEXT = 80
_LONGEST_LABEL = 64
# A range such as 2000::1-2fff::fffe takes 248 prefixes; more than this no kernel would be given.
_MOST_PREFIXES = 2_000_000
# All cities of Private Relay are some ten thousand; more is a column of something else.
_MOST_LABELS = 50_000


class Rows:
    """
    Takes the rows of one body. *unit* is what they are counted in, ``line`` or ``item``.

    Up to *max_rejected* of them may be no prefixes. *label* names the labels that they carry.
    """

    def __init__(self, unit: str, max_rejected: int, label: str = "") -> None:
        self._unit = unit
        self._max_rejected = max_rejected
        self._label = label
        # The keys of each family by label; under "" where the feed has no labels.
        self._keys: dict[int, defaultdict[str, list[int]]] = {
            family: defaultdict(list) for family in FAMILIES
        }
        self._rejected: list[RejectedRow] = []
        self._rejections = 0
        self._masked: list[str] = []
        self._maskings = 0
        self._markup: RejectedRow | None = None
        self._prefixes = 0
        self.count = 0

    @property
    def has_any(self) -> bool:
        """
        Whether any row so far was a prefix.
        """
        return self._prefixes > 0

    def take(self, number: int | str, text: str, label: str = "", *, row: str = "") -> None:
        """
        Take row *number* (``12``, or ``12 of ipv6_prefixes``), whose prefix is *text*. *row* is all
        of it, where it has more.
        """
        try:
            written = read_prefix(text)
        except BadPrefix as exc:
            self.reject(number, row or text, exc.why)
            return
        if not _is_label(label):
            self.reject(number, row or label, "has a label that is too long or cannot be printed")
            return
        self.count += 1
        if written.is_masked:
            self._maskings += 1
            if self._maskings <= _SHOWN:
                self._masked.append(f"{self._unit} {number}: {text.strip()}")
        self._keys[written.family][label] += written.keys
        self._count_prefixes(len(written.keys))

    def take_plain(self, rows: Mapping[str, Sequence[str]]) -> bool:
        """
        Take the prefixes of many rows at once, by their label, if there is nothing to say of any of
        them. Otherwise none is taken, and each is to be taken by itself.
        """
        read = {}
        for label, texts in rows.items():
            keys = read_plain(texts)
            if keys is None or not _is_label(label):
                return False
            read[label] = keys
        for label, keys in read.items():
            for family, found in keys.items():
                self._keys[family][label] += found
                self.count += len(found)
                self._count_prefixes(len(found))
        return True

    def _count_prefixes(self, count: int) -> None:
        self._prefixes += count
        if self._prefixes > _MOST_PREFIXES:
            raise ReadError(f"the list has more than {_MOST_PREFIXES:,} prefixes")

    def reject(self, number: int | str, row: str, why: str) -> None:
        """
        Reject row *number*.
        """
        self.count += 1
        self._rejections += 1
        is_markup = "<" in row and self._markup is None
        if is_markup or self._rejections <= _SHOWN:
            cut = row if len(row) <= _LONGEST_TEXT else f"{row[:_LONGEST_TEXT]}..."
            rejected = RejectedRow(f"{self._unit} {number}", plain(cut, keep="\t"), why)
            if is_markup:
                self._markup = rejected
            self._rejected.append(rejected)
        if self._rejections > max(self._max_rejected, _SHOWN):
            # Millions of lines that say nothing need not be read to their end.
            raise self._refusal("the first ")

    def listing(self, stamp: datetime | None = None) -> Listing:
        """
        Return what all rows together say.

        Raises:
            EmptyList: there was no row at all.
            ReadError: a row is markup, more rows than *max_rejected* are no prefixes, or all are,
                or there is no end of labels.
        """
        if not self.count:
            raise EmptyList("the list is there, and holds no row")
        if self._markup or self._rejections > self._max_rejected or self._rejections == self.count:
            raise self._refusal()
        return Listing(
            prefixes=PrefixSet.from_keys(
                *(chain.from_iterable(self._keys[family].values()) for family in FAMILIES)
            ),
            labels=self._labels(),
            rows=self.count,
            rejected=tuple(self._rejected),
            rejections=self._rejections,
            masked=tuple(self._masked),
            maskings=self._maskings,
            stamp=stamp,
        )

    def _labels(self) -> Labels:
        if not self._label:
            return Labels()
        ipv4, ipv6 = (self._keys[family] for family in FAMILIES)
        labels = {*ipv4, *ipv6}
        if len(labels) > _MOST_LABELS:
            raise ReadError(f"the rows have {len(labels):,} labels: is {self._label} elsewhere?")
        return Labels.of(
            self._label,
            (
                (label, PrefixSet.from_keys(ipv4.get(label, ()), ipv6.get(label, ())))
                for label in labels
            ),
        )

    def _refusal(self, which: str = "") -> ReadError:
        if self._markup:
            return ReadError(f"the body holds markup, as an error page does: {self._markup}")
        shown = "; ".join(map(str, self._rejected[:3]))
        more = ", and so on" if self._rejections > 3 else ""
        return ReadError(
            f"{self._rejections} of {which}{self.count} rows are no prefixes, and "
            f"{self._max_rejected} may be (`max_rejected`): {shown}{more}"
        )


def _is_label(text: str) -> bool:
    return len(text) <= _LONGEST_LABEL and text.isprintable()
