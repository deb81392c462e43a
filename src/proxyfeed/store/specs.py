"""
What a set was applied by, as text: every field of `SetSpec`, whatever fields it has.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from proxyfeed.errors import StoreError
from proxyfeed.model import SetSpec
from proxyfeed.prefixes import PrefixSet


def write_spec(spec: SetSpec) -> str:
    """
    Write ``{"name": "aol", "feeds": ["aol"], "mark": 1, "exclude": ["198.51.100.0/24"], ...}``.
    """
    return json.dumps(_plain(spec))


def read_spec(text: str) -> SetSpec:
    """
    Read what `write_spec` wrote; a field that it did not know yet has its default.

    Raises:
        StoreError: it has a field that this proxyfeed does not know.
    """
    spec = _value(json.loads(text), SetSpec)
    assert isinstance(spec, SetSpec)  # noqa: S101 - that is what was asked for
    return spec


def _plain(value: Any) -> Any:
    match value:
        case PrefixSet():
            return list(value.lines())
        case Enum():
            return value.value
        case tuple():
            return [_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def _value(plain: Any, kind: Any) -> Any:
    """
    The value of type *kind* that was written as *plain*.
    """
    if get_origin(kind) is UnionType:
        kind, _none = get_args(kind)  # Split | None
        return None if plain is None else _value(plain, kind)
    if get_origin(kind) is tuple:
        return tuple(_value(item, get_args(kind)[0]) for item in plain)
    if kind in (str, int, bool, float, NoneType):
        return plain
    if kind is PrefixSet:
        return PrefixSet.parse(plain)
    if issubclass(kind, Enum):
        return kind(plain)
    hints = get_type_hints(kind)
    unknown = plain.keys() - hints.keys()
    if unknown:
        raise StoreError(
            f"the database holds a set that a later proxyfeed has applied: it has "
            f"{', '.join(sorted(unknown))}, which this one does not know; the kernel is left as "
            "it is",
            hint="upgrade proxyfeed",
        )
    return kind(**{name: _value(item, hints[name]) for name, item in plain.items()})
