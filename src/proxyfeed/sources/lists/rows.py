"""
Rows to prefixes, by one grammar for every format: a row is a prefix, or it is rejected.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from proxyfeed.errors import BadPrefix, EmptyList, ReadError
from proxyfeed.model import Labels, Listing, RejectedRow
from proxyfeed.notation import read_prefix
from proxyfeed.prefixes import PrefixSet

# So many rows are kept as they stood; all are counted.
_SHOWN = 20
_LONGEST_TEXT = 80
_LONGEST_LABEL = 64


class Rows:
    """
    Takes the rows of one body. *unit* is what they are counted in, ``line`` or ``item``.

    Up to *max_rejected* of them may be no prefixes. *label* names the labels that they carry.
    """

    def __init__(self, unit: str, max_rejected: int, label: str = "") -> None:
        self._unit = unit
        self._max_rejected = max_rejected
        self._label = label
        self._keys: dict[int, list[int]] = {4: [], 6: []}
        self._labelled: defaultdict[str, dict[int, list[int]]] = defaultdict(lambda: {4: [], 6: []})
        self._rejected: list[RejectedRow] = []
        self._rejections = 0
        self._masked: list[str] = []
        self._maskings = 0
        self._has_markup = False
        self.count = 0

    def take(self, number: int, text: str, label: str = "") -> None:
        """
        Take row *number*, whose prefix is *text*.
        """
        try:
            written = read_prefix(text)
        except BadPrefix as exc:
            self.reject(number, text, exc.why)
            return
        if len(label) > _LONGEST_LABEL or not label.isprintable():
            self.reject(number, label, "is no label: too long, or not printable")
            return
        self.count += 1
        if written.is_masked:
            self._maskings += 1
            if self._maskings <= _SHOWN:
                self._masked.append(f"{self._unit} {number}: {text.strip()}")
        self._keys[written.family] += written.keys
        if self._label:
            self._labelled[label][written.family] += written.keys

    def reject(self, number: int, text: str, why: str) -> None:
        """
        Reject row *number*, of which *text* is at fault.
        """
        self.count += 1
        self._rejections += 1
        self._has_markup = self._has_markup or "<" in text
        if self._rejections <= _SHOWN:
            cut = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
            self._rejected.append(RejectedRow(f"{self._unit} {number}", cut, why))

    def listing(self, stamp: datetime | None = None) -> Listing:
        """
        Return what all rows together say.

        Raises:
            EmptyList: there was no row at all.
            ReadError: more rows than the feed's budget are no prefixes, or none is one.
        """
        if not self.count:
            raise EmptyList("the list is there, and holds no row")
        if self._has_markup:
            raise ReadError(f"the body is HTML where a list is due: {self._rejected[0]}")
        if self._rejections > self._max_rejected or self._rejections == self.count:
            raise ReadError(self._too_many())
        return Listing(
            prefixes=PrefixSet.from_keys(self._keys[4], self._keys[6]),
            labels=Labels.of(
                self._label,
                (
                    (label, PrefixSet.from_keys(keys[4], keys[6]))
                    for label, keys in self._labelled.items()
                ),
            ),
            rows=self.count,
            rejected=tuple(self._rejected),
            rejections=self._rejections,
            masked=tuple(self._masked),
            maskings=self._maskings,
            stamp=stamp,
        )

    def _too_many(self) -> str:
        shown = "; ".join(map(str, self._rejected[:3]))
        more = ", and so on" if self._rejections > 3 else ""
        return (
            f"{self._rejections} of {self.count} rows are no prefixes, and {self._max_rejected} "
            f"may be (`max_rejected`): {shown}{more}"
        )
