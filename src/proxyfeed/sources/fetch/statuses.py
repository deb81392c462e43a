"""
What a status other than 200 comes to.
"""

from __future__ import annotations

from http import HTTPStatus

from proxyfeed.model import FetchOutcome
from proxyfeed.sources.fetch.transport import Answer, one_line

_REFUSALS = frozenset({401, 403, 407, 429, 451})
_PAUSES = frozenset({403, 429, 503})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def answer_without_list(status: int, retry_after: str, *, is_conditional: bool) -> Answer:
    """
    Judge a *status* that brings no list, and the Retry-After header with it, "" for none.

    A 304 is believed if the request *is_conditional*.
    """
    detail = status_line(status)
    if status == HTTPStatus.NOT_MODIFIED:
        if is_conditional:
            return Answer(FetchOutcome.NOT_MODIFIED)
        detail += ", though the request named no version"
    if retry_after:
        detail += one_line(f", Retry-After: {retry_after}")
    outcome = FetchOutcome.REFUSED if status in _REFUSALS else FetchOutcome.BAD_STATUS
    # RFC 9110, 10.2.3 and RFC 6585, 4; GitHub answers 403. Elsewhere it must not silence a feed.
    pause = retry_after if status in _PAUSES else ""
    return Answer(outcome, detail=detail, heals=status in _PASSING, retry_after=pause)


def status_line(status: int) -> str:
    """
    Return ``404 Not Found`` in the words of the standard, not of the server.
    """
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
