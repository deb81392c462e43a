"""
Upstream's own time of a list, in the notations that lists and servers give it in.

A stamp only ever tells an older list from a newer one, so what is not plainly a time is no stamp
and no failure.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
_END = datetime(2101, 1, 1, tzinfo=UTC)
# What is plausible as one of these units is implausible as the others.
_UNITS = (timedelta(seconds=1), timedelta(milliseconds=1), timedelta(microseconds=1))

_COUNT = re.compile(r"[1-9][0-9]{8,15}")
# AWS: 2020-08-11-04-19-13
_DASHED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})-([0-9]{2})-([0-9]{2})-([0-9]{2})")
# Not fromisoformat() alone, which takes week dates and any separator, and reads the dashes of AWS
# as a zone.
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.IGNORECASE,
)
# Fri, 06 Feb 2026 20:44:02 GMT
_HTTP = re.compile(
    r"(?:[A-Z][a-z]{2}, )?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r" (?:GMT|UTC|[+-][0-9]{4})"
)
_ETAG = re.compile(r'(?:W/)?"([0-9a-f]+)-[0-9a-f]+"', re.IGNORECASE)


def parse_stamp(value: object) -> datetime | None:
    """
    Read a time from 1995 to 2100, in UTC; anything else is None.

    Known are seconds, milliseconds and microseconds since 1970 as a number or its text, RFC 3339
    and its parts (``2026-08-17``; UTC where no zone is named), AWS's ``2020-08-11-04-19-13``, and
    HTTP dates.
    """
    if isinstance(value, int | float):
        return _since_epoch(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _COUNT.fullmatch(text):
        return _since_epoch(int(text))
    try:
        return _plausible(_read_date(text))
    except (ValueError, OverflowError):  # 2026-02-30, and 0001-01-01T00:00+01:00
        return None


def etag_stamp(etag: str) -> datetime | None:
    """
    Read the time in an entity tag of the form ``"<time in hex>-<size in hex>"``.

    Apple's ``"66ba1234-b0c5f1"`` is 2024-08-12 13:46:28 UTC.
    """
    found = _ETAG.fullmatch(etag.strip())
    return _since_epoch(int(found[1], 16)) if found else None


def _since_epoch(count: float) -> datetime | None:
    for unit in _UNITS:
        # In whole units, as the huge and the infinite are no timedelta.
        if (_EARLIEST - _EPOCH) // unit <= count < (_END - _EPOCH) // unit:
            return _EPOCH + count * unit
    return None


def _read_date(text: str) -> datetime | None:
    if dashed := _DASHED.fullmatch(text):
        day, hour, minute, second = dashed.groups()
        return datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}")
    if _ISO.fullmatch(text):
        return datetime.fromisoformat(text.upper())
    return parsedate_to_datetime(text) if _HTTP.fullmatch(text) else None


def _plausible(time: datetime | None) -> datetime | None:
    if time is None:
        return None
    in_utc = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return in_utc if _EARLIEST <= in_utc < _END else None
