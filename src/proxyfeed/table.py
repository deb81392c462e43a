"""
Reading one TOML table: values are taken by name, and every mistake is kept with its place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from proxyfeed.errors import BadPrefix
from proxyfeed.prefixes import PrefixSet

T = TypeVar("T")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = 5200 * _UNITS["w"]
_BYTES = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Table:
    """
    A table at *place*, such as ``sets.aol``; *mistakes* is shared by all tables of one file.

    What `take` does not take is unknown: `close` names it, and the nearest key that is known.
    """

    def __init__(self, values: object, place: str, mistakes: list[str]) -> None:
        self.place = place
        self.mistakes = mistakes
        self._known: list[str] = []
        self.values: dict[str, Any] = {}
        if isinstance(values, dict):
            self.values = values
        else:
            self._complain(place, f"must be a table, and is {_kind(values)}")

    def take(self, key: str, read: Callable[[Any], T], default: T) -> T:
        """
        Read the value of *key*; *read* raises ValueError with what it should have been.
        """
        self._known.append(key)
        if key not in self.values:
            return default
        try:
            return read(self.values[key])
        except Unshown as exc:
            self.mistake(key, str(exc))
        except ValueError as exc:
            self.mistake(key, f"{exc}, and is {self.values[key]!r}")
        return default

    def mistake(self, key: str, what: str) -> None:
        self._complain(f"{self.place}.{key}" if self.place else key, what)

    def table(self, key: str) -> Table:
        self._known.append(key)
        return Table(self.values.get(key, {}), self._inside(key), self.mistakes)

    def tables(self, key: str) -> dict[str, Table]:
        self._known.append(key)
        inside = Table(self.values.get(key, {}), self._inside(key), self.mistakes)
        return {
            name: Table(value, f"{inside.place}.{name}", self.mistakes)
            for name, value in inside.values.items()
        }

    def over(self, base: dict[str, Any]) -> Table:
        """
        The same table with what it does not say taken from *base*, one level deep.
        """
        merged = dict(base)
        for key, value in self.values.items():
            if isinstance(value, dict) and isinstance(base.get(key), dict):
                value = {**base[key], **value}
            merged[key] = value
        return Table(merged, self.place, self.mistakes)

    def has(self, key: str) -> bool:
        return key in self.values

    def close(self) -> None:
        for key in self.values:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                self.mistake(key, f"is not known{meant}")

    def _inside(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def _complain(self, place: str, what: str) -> None:
        self.mistakes.append(f"{place}: {what}")


class Unshown(ValueError):
    """
    A mistake in a value that is not printed: free text may be a URL with a password in it.
    """


def _kind(value: object) -> str:
    """
    Name the sort of value that stands where it should not.
    """
    if isinstance(value, str):
        return "a text" if value.strip() else "empty"
    kinds = {bool: "a truth value", int: "a number", float: "a number", list: "a list"}
    return kinds.get(type(value), "a table" if isinstance(value, dict) else "a date or time")


def text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unshown(f"must be a text, and is {_kind(value)}")
    return value


Texts = tuple[str, ...]


def texts(value: object) -> Texts:
    if not isinstance(value, list):
        raise Unshown(f"must be a list of texts, and is {_kind(value)}")
    return tuple(text(item) for item in value)


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def at_least_one(value: object) -> Texts:
    found = texts(value)
    if not found:
        raise ValueError("must not be empty")
    return found


def one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return read


def whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def share(value: object) -> float:
    """
    A share such as ``"10 %"``, as 0.1.
    """
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]+)?) ?%", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('must be a share such as "10 %"')
    return float(found[1]) / 100


def duration(value: object) -> timedelta:
    """
    A time such as ``"90s"``, ``"30m"``, ``"48h"``, ``"3d"`` or ``"2w"``.
    """
    found = re.fullmatch(r"([0-9]{1,6}) ?([smhdw])", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('must be a time such as "30m", "48h" or "3d"')
    seconds = int(found[1]) * _UNITS[found[2]]
    # What lies before the year 1 is no time that could be computed with.
    if seconds > _LONGEST:
        raise ValueError("must be at most 5200w")
    return timedelta(seconds=seconds)


def day(value: object) -> date:
    """
    A day as TOML writes it, such as 2026-08-17.
    """
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a day such as 2026-08-17, without quotes")
    return value


def size(value: object) -> int:
    """
    A number of bytes such as 4096 or ``"64 MiB"``.
    """
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    pattern = r"([0-9]{1,12}) ?(KiB|MiB|GiB|)"
    found = re.fullmatch(pattern, written) if isinstance(written, str) else None
    if not found or int(found[1]) == 0:
        raise ValueError('must be a size such as 4096 or "64 MiB"')
    return int(found[1]) * _BYTES[found[2]]


def prefix_set(value: object) -> PrefixSet:
    rows: Iterable[str] = texts(value)
    try:
        return PrefixSet.parse(rows)
    except BadPrefix as exc:
        raise Unshown(f"must be a list of prefixes: {exc.message}") from exc
