"""
The files that an operator writes, opened once: what is looked at is what is read.
"""

from __future__ import annotations

import os
import shlex
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from proxyfeed import modes
from proxyfeed.redact import MASK, redact

_URLS = ("database", "url", "urls")


class SettingsFile(NamedTuple):
    """
    The *values* of one file, and *warnings* of who may read the secrets in them.
    """

    values: dict[str, Any]
    warnings: tuple[str, ...]


def read_settings(path: Path, what: str) -> SettingsFile:
    """
    Read the TOML file at *path*, which is called *what*.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8, not TOML, or has a number of thousands of digits.
        Exposed: others may change it.
    """
    who = modes.caller()
    with path.open("rb") as stream:
        found = os.fstat(stream.fileno())
        modes.check_settings(path, found, what, who)
        values = tomllib.loads(stream.read().decode("utf-8"))
    others = modes.readers(path, found, who)
    if not others or not _holds_secrets(values):
        return SettingsFile(values, ())
    command = f"chmod go-r {shlex.quote(str(path))}"
    return SettingsFile(values, (f"{others} may read the secrets in the {what} {path}: {command}",))


def _holds_secrets(value: object, key: str = "") -> bool:
    """
    Whether a URL in *value* has a user, a password or a query in it.

    A target of alerts is a secret as a whole, such as ``slack://TOKEN/TOKEN/TOKEN``.
    """
    match value:
        case dict():
            return any(_holds_secrets(one, name) for name, one in value.items())
        case list():
            return any(_holds_secrets(one, key) for one in value)
        case str():
            return key == "to" or (key in _URLS and MASK in redact(value))
    return False
