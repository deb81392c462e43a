"""
Foreign functions that fail on demand, and what the program may then say of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def always(*_: object, **__: object) -> bool:
    return True


def fail(
    patch: pytest.MonkeyPatch,
    module: object,
    name: str,
    error: BaseException,
    is_meant: Callable[..., bool] = always,
) -> None:
    """
    Let the function *name* of *module* raise *error*, where *is_meant* says so of its arguments.
    """
    whole = getattr(module, name)

    def failing(*arguments: Any, **named: Any) -> Any:
        if is_meant(*arguments, **named):
            raise error
        return whole(*arguments, **named)

    patch.setattr(module, name, failing)


def is_file(ending: str) -> Callable[..., bool]:
    """
    Whether a function is about a file whose name ends so: its path or descriptor comes first.
    """

    def is_meant(file: Any = "", *_: object, **__: object) -> bool:
        try:
            path = Path(f"/proc/self/fd/{file}").readlink() if isinstance(file, int) else file
        except FileNotFoundError:
            return False
        return os.fsdecode(path).endswith(ending)

    return is_meant


def kinds_of(base: type[Exception]) -> list[type[Exception]]:
    """
    An exception and all that are derived of it, in whatever release of its library.
    """
    return [base, *(kind for one in base.__subclasses__() for kind in kinds_of(one))]


def made(kind: type[Exception], *ways: tuple[object, ...]) -> Exception:
    """
    An exception of a *kind*, made in the first of *ways* that it takes.
    """
    for arguments in ways:
        try:
            return kind(*arguments)
        except TypeError:
            continue
    error = kind.__new__(kind)
    error.args = ways[0]
    return error
