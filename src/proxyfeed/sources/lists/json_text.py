"""
Text to one JSON value, strictly: what `json` lets pass and JSON does not is refused.
"""

from __future__ import annotations

import json
import math
from collections import Counter

from proxyfeed.errors import ReadError

# Of digits. Python would take seconds over some hundred thousand of them.
_LONGEST_NUMBER = 400
_SHOWN = 40


def load(text: str, line: int = 0) -> object:
    """
    Read one JSON document: a whole body, or *line* of it.

    Raises:
        ReadError: it is none, or says two things at once, such as ``{"a": 1, "a": 2}``.
    """
    name = f"line {line}" if line else "the body"
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as exc:
        place = f"line {line or exc.lineno}, column {exc.colno}"
        raise ReadError(f"{name} is no JSON: {place}: {exc.msg}") from exc
    except ValueError as exc:
        raise ReadError(f"{name} holds {exc}") from exc
    except RecursionError as exc:
        raise ReadError(f"{name} is nested too deeply to be read") from exc


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Python would keep the last one, other programs the first.
        raise ValueError(f"the key {_repeated(pairs)[:_SHOWN]!r} twice in one object")
    return found


def _repeated(pairs: list[tuple[str, object]]) -> str:
    counts = Counter(key for key, _ in pairs)
    return next(key for key, count in counts.items() if count > 1)


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:_SHOWN]}, which is too large")
    return number


def _no_constant(name: str) -> object:
    raise ValueError(f"{name}, which is no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_no_constant,
)
