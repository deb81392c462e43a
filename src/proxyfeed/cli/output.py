"""
stdout is the document, stderr the talk.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from proxyfeed.errors import Unequipped
from proxyfeed.plain import plain
from proxyfeed.refused import look_at, said

if TYPE_CHECKING:
    from proxyfeed.model import Outcome, Problem


def deliver(outcome: Outcome, *, json: bool = False, quiet: bool = False) -> int:
    """
    Print the document and the talk of one command, and return its exit code.

    With *quiet* a success has no document; warnings are always said.
    """
    from proxyfeed.report import as_json, as_text

    code = outcome.exit_code
    if json:
        code = max(code, write(as_json(outcome)))
    elif not (quiet and code == 0):
        code = max(code, write(as_text(outcome, colour=_has_colour())))
    for warning in outcome.warnings:
        say(f"proxyfeed: {warning}")
    for problem in outcome.problems:
        complain(problem.message, problem.hint)
    return code


def fail(problem: Problem, command: str, *, json: bool = False) -> int:
    """
    Print a failure in two lines, and as a document where one was asked for.
    """
    if json:
        from proxyfeed.report.document import envelope

        write(envelope(command, None, (problem,), problem.exit_code))
    complain(problem.message, problem.hint)
    return problem.exit_code


def write(document: str | bytes) -> int:
    """
    Print *document*, and return the exit code of that: a full disk is a failure, and a reader that
    has gone is none, as in ``proxyfeed history | head``.
    """
    try:
        if isinstance(document, str):
            sys.stdout.write(document)
        else:
            sys.stdout.buffer.write(document)
        sys.stdout.flush()
    except OSError as exc:
        give_up(sys.stdout)
        if not isinstance(exc, BrokenPipeError):
            hint = look_at(exc, otherwise="write to a file or a pipe that can be written")
            complain(f"standard output cannot be written: {said(exc)}", hint)
            return Unequipped.exit_code
    return 0


def complain(message: str, hint: str) -> None:
    say(f"proxyfeed: {message}")
    if hint:
        say(f"try: {hint}")


def say(text: str) -> None:
    try:
        sys.stderr.write(f"{plain(text)}\n")
    except OSError:
        give_up(sys.stderr)


def give_up(stream: TextIO) -> None:
    """
    Let what is left in the buffer go nowhere: Python writes it once more when it ends.
    """
    with suppress(OSError):  # no /dev/null: then Python has the last word
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _has_colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
