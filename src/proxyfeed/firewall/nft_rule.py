"""
A rule, as ``nft -j list`` prints it, read back into the words in which it was written.
"""

from __future__ import annotations

import json
from functools import reduce
from operator import and_, or_, xor
from typing import Any

from proxyfeed.firewall.nft import (
    PROTOCOL,
    map_statement,
    mark_statement,
    services_match,
    source_match,
)
from proxyfeed.prefixes import FAMILIES

# No rule of ours has any other.
NO_FAMILY = 0
_ALL_BITS = 0xFFFFFFFF
_MARK = {"meta": {"key": "mark"}}
_OPERATORS = {"|": or_, "&": and_, "^": xor}


def read_rule(statements: Any) -> tuple[int, str]:
    """
    Print a rule as we write it, with its family; as JSON with none if it is not of that form.
    """
    if isinstance(statements, list):
        for family in FAMILIES:
            words = [_statement(one, family) for one in statements]
            if all(words):
                return family, " ".join(words)
    return NO_FAMILY, json.dumps(statements)


def _statement(one: Any, family: int) -> str:
    match one:
        case {"match": {"op": "==", "left": left, "right": str(looked_at)}}:
            if left == _source(family):
                return source_match(family, looked_at)
            if left == _service(family):
                return services_match(family, looked_at)
        case {"counter": _}:
            return "counter"
        case {"mangle": {"key": key, "value": {"map": {"key": by, "data": str(looked_at)}}}}:
            if key == _MARK and by == _source(family):
                return map_statement(family, looked_at)
        case {"mangle": {"key": key, "value": value}} if key == _MARK:
            return _mark(value)
    return ""


def _source(family: int) -> Any:
    return {"payload": {"protocol": PROTOCOL[family], "field": "saddr"}}


def _service(family: int) -> Any:
    return {
        "concat": [
            {"payload": {"protocol": PROTOCOL[family], "field": "daddr"}},
            {"meta": {"key": "l4proto"}},
            {"payload": {"protocol": "th", "field": "dport"}},
        ]
    }


def _mark(value: Any) -> str:
    """
    Print what becomes of a mark. nft writes the same in many ways, so it is worked out: a bit that
    is 0 and a bit that is 1 go in, and what comes out says which are kept and which are turned.
    """
    try:
        zeros, ones = _work_out(value, 0), _work_out(value, _ALL_BITS)
    except ValueError:
        return ""
    return mark_statement(zeros ^ ones, zeros).removeprefix("counter ")


def _work_out(value: Any, mark: int) -> int:
    """
    Work out ``{"|": [{"&": [{"meta": {"key": "mark"}}, 4294967041]}, 1]}`` for one *mark*.

    Newer versions of nft print more than two operands where the operator is the same.
    """
    if value == _MARK:
        return mark
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _ALL_BITS:
        return value
    match value:
        case {"|": [_, _, *_]} | {"&": [_, _, *_]} | {"^": [_, _, *_]} if len(value) == 1:
            ((operator, operands),) = value.items()
            return reduce(_OPERATORS[operator], (_work_out(one, mark) for one in operands))
    raise ValueError("not of the bits of a mark")
