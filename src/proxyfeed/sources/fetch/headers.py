"""
What headers say, both ways.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxyfeed.model import Validators

# A longer one is no version of anything, and would be stored and sent back with every request.
_LONGEST_VALIDATOR = 1024

# Seconds: seven days. It is honoured between runs too, and no upstream may silence a feed for ever,
# by malice or by a date in the year 2100.
LONGEST_SILENCE = 7 * 24 * 3600.0


def conditions(validators: Validators | None) -> dict[str, str]:
    """
    Return the headers that ask for the body only if it has changed since *validators*.
    """
    if validators is None:
        return {}
    headers = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in headers.items() if value}


def validators_in(headers: Mapping[str, str], url: str) -> Validators | None:
    etag, last_modified = _sendable(headers, "etag"), _sendable(headers, "last-modified")
    return Validators(url, etag, last_modified) if etag or last_modified else None


def seconds_asked_for(retry_after: str, now: float) -> float:
    """
    Read ``120`` or ``Fri, 31 Dec 1999 23:59:59 GMT``, from 0 to `LONGEST_SILENCE`.

    What is neither, or is past, asks for nothing.
    """
    return min(max(0.0, _seconds(retry_after, now)), LONGEST_SILENCE)


def _seconds(retry_after: str, now: float) -> float:
    if retry_after.isascii() and retry_after.isdecimal():
        # Ten digits are three centuries; int() refuses to read some thousands of them.
        return float(retry_after[:10])

    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(retry_after)
        # "Fri Dec 31 23:59:59 1999" has no zone and is UTC all the same, whatever TZ says here.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0


def _sendable(headers: Mapping[str, str], name: str) -> str | None:
    """
    Return a header that a request may carry: `"caf\\xe9"` would make every later request fail.
    """
    value = headers.get(name, "")
    return value if value and is_sendable(value) else None


def is_sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and len(value) <= _LONGEST_VALIDATOR
