"""
What was read of one body, or why it was not, to bytes and back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from proxyfeed.errors import CutShort, EmptyList, ReadError
from proxyfeed.model import CsvRules, Feed, JsonRules, Labels, Listing, RejectedRow
from proxyfeed.notation import keys_from_bytes, keys_to_bytes
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.sources.apart.parcel import Malformed, items, pack, record, text, unpack, whole
from proxyfeed.sources.stamps import parse_stamp

# As in `proxyfeed.sources.lists.rows`, with room for what escapes take.
_MOST_SHOWN = 100
_MOST_LABELS = 50_000
_LONGEST_LABEL = 64
_LONGEST_TEXT = 2000
_FIELDS = ("labels", "rows", "rejected", "rejections", "masked", "maskings", "stamp")


_LISTING, _REFUSAL = b"L", b"E"
# What a reader may raise, by its code; any other `ReadError` is the general one.
_REFUSALS: dict[str, type[ReadError]] = {one.code: one for one in (EmptyList, CutShort, ReadError)}
_LONGEST_REFUSAL = 10_000


def encode_reading(reading: Callable[[], Listing]) -> bytes:
    """
    Return the listing, or the `ReadError` that was raised in its place.
    """
    try:
        return _LISTING + _encode_listing(reading())
    except ReadError as exc:
        code = exc.code if exc.code in _REFUSALS else ReadError.code
        return _REFUSAL + pack({"code": code, "message": exc.message[:_LONGEST_REFUSAL]}, [])


def decode_reading(data: bytes, feed: Feed) -> Listing:
    """
    Read what the reader of *feed* says that a body holds.

    Raises:
        ReadError: it is not, with certainty, the list that it should be.
        Malformed: the answer is none that a reader gives.
    """
    kind, data = data[:1], data[1:]
    if kind == _LISTING:
        return _decode_listing(data, feed)
    if kind != _REFUSAL:
        raise Malformed(f"it begins with {kind!r}")
    header, _ = unpack(data)
    code, message = record(header, "code", "message")
    if type(code) is not str or code not in _REFUSALS:
        raise Malformed("a refusal without a name")
    raise _REFUSALS[code](text(message, _LONGEST_REFUSAL))


def _encode_listing(listing: Listing) -> bytes:
    """
    Each set of prefixes is two blobs, IPv4 and IPv6, of keys as `keys_to_bytes` writes them.
    """
    labels = listing.labels
    header = {
        "labels": [label for label, _ in labels.parts] if labels else None,
        "rows": listing.rows,
        "rejected": [[_cut(row.place), _cut(row.text), _cut(row.why)] for row in listing.rejected],
        "rejections": listing.rejections,
        "masked": [_cut(row) for row in listing.masked],
        "maskings": listing.maskings,
        "stamp": listing.stamp.isoformat() if listing.stamp else None,
    }
    sets = [listing.prefixes, *(part for _, part in labels.parts)]
    return pack(header, [keys_to_bytes(f, one.keys(f)) for one in sets for f in FAMILIES])


def _decode_listing(data: bytes, feed: Feed) -> Listing:
    header, blobs = unpack(data)
    names, rows, rejected, rejections, masked, maskings, stamp = record(header, *_FIELDS)
    names = None if names is None else _names(names)
    if len(blobs) != len(FAMILIES) * (1 + len(names or ())):
        raise Malformed(f"{len(blobs)} sets of prefixes came")
    prefixes, *parts = [_prefixes(*pair) for pair in zip(blobs[::2], blobs[1::2], strict=True)]
    return Listing(
        prefixes=prefixes,
        labels=_labels(names, parts, prefixes, feed),
        rows=whole(rows),
        rejected=tuple(_rejected(row) for row in items(rejected, _MOST_SHOWN)),
        rejections=whole(rejections),
        masked=tuple(text(row, _LONGEST_TEXT) for row in items(masked, _MOST_SHOWN)),
        maskings=whole(maskings),
        stamp=_stamp(stamp),
    )


def _names(value: object) -> list[str]:
    names = items(value, _MOST_LABELS)
    for name in names:
        if type(name) is not str or len(name) > _LONGEST_LABEL or not name.isprintable():
            raise Malformed("a label that is no short text")
    if len(set(names)) != len(names):
        raise Malformed("a label twice")
    return names


def _labels(
    names: list[str] | None, parts: list[PrefixSet], prefixes: PrefixSet, feed: Feed
) -> Labels:
    if names is None:
        return Labels()
    declared = feed.rules.label if isinstance(feed.rules, CsvRules | JsonRules) else None
    if declared is None:
        raise Malformed("labels of a feed that declares none")
    # What is judged is the whole; no label may hold more than that.
    ipv4, ipv6 = ([key for part in parts for key in part.keys(family)] for family in FAMILIES)
    if PrefixSet.from_keys(ipv4, ipv6) != prefixes:
        raise Malformed("its labels hold other addresses than the list")
    return Labels.of(declared.name, zip(names, parts, strict=True))


def _prefixes(ipv4: bytes, ipv6: bytes) -> PrefixSet:
    return PrefixSet.from_keys(_read_keys(ipv4, 4), _read_keys(ipv6, 6))


def _read_keys(blob: bytes, family: int) -> list[int]:
    try:
        return keys_from_bytes(family, blob)
    except ValueError as exc:
        raise Malformed(str(exc)) from None


def _rejected(row: object) -> RejectedRow:
    parts = items(row, 3)
    if len(parts) != 3:
        raise Malformed("no rejected row")
    return RejectedRow(*(text(part, _LONGEST_TEXT) for part in parts))


def _stamp(value: object) -> datetime | None:
    if value is None:
        return None
    stamp = parse_stamp(text(value, _LONGEST_TEXT))
    if stamp is None:
        raise Malformed("a stamp that is no time")
    return stamp


def _cut(value: str) -> str:
    return value[:_LONGEST_TEXT]
