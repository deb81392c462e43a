"""
The commands of the program, by the words that name them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from proxyfeed.cli.app import app


def commands() -> dict[str, Any]:
    """
    Every command that does something, as in ``rule show``.
    """
    return {" ".join(words): command for words, command in _leaves(get_command(app))}


def reporting_commands() -> set[str]:
    """
    Those that know ``--json``.
    """
    return {
        words
        for words, command in commands().items()
        if any("--json" in parameter.opts for parameter in command.params)
    }


def _leaves(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", {})
    if not inner or getattr(command, "invoke_without_command", False):
        yield words, command
    for name, one in inner.items():
        yield from _leaves(one, *words, name)
