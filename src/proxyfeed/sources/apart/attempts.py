"""
The attempts at one URL, to bytes and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxyfeed.model import Attempt, Body, FetchLimits, FetchOutcome, Validators
from proxyfeed.redact import redact
from proxyfeed.sources.apart.parcel import (
    Malformed,
    items,
    number,
    pack,
    record,
    text,
    unpack,
    whole,
)
from proxyfeed.sources.fetch.headers import LONGEST_SILENCE, is_sendable

_LONGEST_DETAIL = 4000
_LONGEST_TYPE = 400
_LONGEST_TIME = 1e9
# What a fetch comes to; the others are for whoever reads or judges.
_FAILED = frozenset(
    {
        FetchOutcome.NOT_A_LIST,
        FetchOutcome.TOO_LARGE,
        FetchOutcome.TRUNCATED,
        FetchOutcome.TIMED_OUT,
        FetchOutcome.UNREACHABLE,
        FetchOutcome.REFUSED,
        FetchOutcome.BAD_STATUS,
        FetchOutcome.BAD_REDIRECT,
        FetchOutcome.NO_FILE,
    }
)


def encode_attempts(attempts: Sequence[Attempt]) -> bytes:
    """
    The URL stays out: the parent knows which one it asked for.
    """
    rows = [
        {
            "outcome": attempt.outcome.value,
            "status": attempt.status,
            "size": attempt.size,
            "seconds": attempt.seconds,
            "detail": attempt.detail[:_LONGEST_DETAIL],
            "retry_after": attempt.retry_after,
        }
        for attempt in attempts
    ]
    body = attempts[-1].body if attempts else None
    return pack({"attempts": rows, "body": _body_row(body)}, [body.content] if body else [])


def _body_row(body: Body | None) -> dict[str, Any] | None:
    if body is None:
        return None
    known = body.validators
    return {
        "content_type": body.content_type[:_LONGEST_TYPE],
        "validators": known and {"etag": known.etag, "last_modified": known.last_modified},
    }


def decode_attempts(
    data: bytes, url: str, limits: FetchLimits, validators: Validators | None
) -> tuple[Attempt, ...]:
    """
    Read the attempts at *url* that was fetched within *limits*, with *validators* of its own.

    Raises:
        Malformed: they are not what a fetch of it can come to.
    """
    header, blobs = unpack(data)
    rows, body_row = record(header, "attempts", "body")
    body = _body(body_row, blobs, url, limits)
    rows = items(rows, max(1, limits.attempts))
    if not rows:
        raise Malformed("there is no attempt")
    earlier = [_attempt(row, url) for row in rows[:-1]]
    if not all(attempt.outcome in _FAILED for attempt in earlier):
        raise Malformed("it went on after it had an answer")
    last = _attempt(rows[-1], url, body)
    if not _is_possible(last, validators):
        raise Malformed(f"{last.outcome!r} does not go with what came")
    return (*earlier, last)


def _is_possible(last: Attempt, validators: Validators | None) -> bool:
    match last.outcome:
        case FetchOutcome.NEW:
            return last.body is not None and bool(last.body.content)
        case FetchOutcome.EMPTY:
            return last.body is None or not last.body.content
        case FetchOutcome.NOT_MODIFIED:
            return last.body is None and validators is not None
    return last.body is None and last.outcome in _FAILED


def _attempt(row: object, url: str, body: Body | None = None) -> Attempt:
    outcome, status, size, seconds, detail, retry_after = record(
        row, "outcome", "status", "size", "seconds", "detail", "retry_after"
    )
    try:
        named = FetchOutcome(outcome)
    except ValueError:
        raise Malformed("no outcome") from None
    return Attempt(
        url=redact(url),
        outcome=named,
        status=None if status is None else whole(status, 999),
        size=whole(size),
        seconds=number(seconds, _LONGEST_TIME),
        detail=text(detail, _LONGEST_DETAIL),
        body=body,
        retry_after=number(retry_after, LONGEST_SILENCE),
    )


def _body(row: object, blobs: list[bytes], url: str, limits: FetchLimits) -> Body | None:
    if len(blobs) != (0 if row is None else 1):
        raise Malformed(f"{len(blobs)} bodies came")
    if row is None:
        return None
    content_type, known = record(row, "content_type", "validators")
    if len(blobs[0]) > limits.max_bytes:
        raise Malformed(f"the body is larger than {limits.max_bytes} bytes")
    return Body(blobs[0], text(content_type, _LONGEST_TYPE), _validators(known, url))


def _validators(row: object, url: str) -> Validators | None:
    if row is None:
        return None
    etag, last_modified = record(row, "etag", "last_modified")
    for value in (etag, last_modified):
        # They are sent back, and would end every later request if they could not be.
        if value is not None and not (type(value) is str and is_sendable(value)):
            raise Malformed("validators that cannot be sent back")
    return Validators(url, etag, last_modified)
