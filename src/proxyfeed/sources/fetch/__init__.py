"""
One URL, tried until it answers, time is up, or another try is of no use.
"""

from __future__ import annotations

from proxyfeed.model import Attempt, FetchLimits, FetchOutcome, Validators
from proxyfeed.redact import redact
from proxyfeed.sources.fetch.headers import seconds_asked_for
from proxyfeed.sources.fetch.savedfile import read_saved
from proxyfeed.sources.fetch.transport import Answer, Transport

__all__ = ["Transport", "fetch"]

PRODUCTION = Transport()

# Seconds: the longest first pause, doubled with each try, and where doubling ends.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


def fetch(
    url: str,
    limits: FetchLimits,
    validators: Validators | None = None,
    *,
    transport: Transport = PRODUCTION,
) -> tuple[Attempt, ...]:
    """
    Fetch *url* (http, https or file) and return every attempt in order; the last is the verdict.

    Whatever upstream or the network does becomes an attempt with its outcome, never an exception.
    *validators* are sent back only if they belong to this very *url*.
    """
    if validators is not None and validators.url != url:
        validators = None
    end = transport.monotonic() + limits.deadline
    attempts: list[Attempt] = []
    for tries_left in range(max(1, limits.attempts), 0, -1):
        began = transport.monotonic()
        answer = _try_once(url, limits, validators, transport, end - began, tries_left)
        ended = transport.monotonic()
        asked_for = seconds_asked_for(answer.retry_after, transport.now())
        attempts.append(_attempt(url, answer, ended - began, asked_for))
        pause = _pause(asked_for, len(attempts), transport)
        if tries_left == 1 or not answer.heals or ended + pause >= end:
            break
        transport.sleep(pause)
    return tuple(attempts)


def _try_once(
    url: str,
    limits: FetchLimits,
    validators: Validators | None,
    transport: Transport,
    seconds: float,
    tries_left: int,
) -> Answer:
    scheme = url.partition(":")[0].lower()
    if scheme == "file":
        return read_saved(url, limits, validators)
    if scheme not in ("http", "https"):
        return Answer(FetchOutcome.UNREACHABLE, detail="the URL is not http, https or file")

    from proxyfeed.sources.fetch import wire

    # A server that says nothing may use up its share only, so that there is time to ask again.
    patience = seconds / tries_left
    return wire.ask(url, limits, validators, transport, seconds=seconds, patience=patience)


def _attempt(url: str, answer: Answer, seconds: float, retry_after: float) -> Attempt:
    return Attempt(
        url=redact(url),
        outcome=answer.outcome,
        status=answer.status,
        size=answer.size,
        seconds=seconds,
        detail=answer.detail,
        body=answer.body,
        retry_after=retry_after,
    )


def _pause(asked_for: float, tries: int, transport: Transport) -> float:
    """
    Return the seconds to wait after try number *tries*: at least what the server asks for, and
    anything from nothing to twice the last span (full jitter), so that many directors spread out.
    """
    span = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (tries - 1))
    return max(transport.random() * span, asked_for)
