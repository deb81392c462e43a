"""
stdout is the document, stderr the talk.
"""

from __future__ import annotations

import os
import sys

from proxyfeed.errors import ProxyfeedError
from proxyfeed.model import Outcome, Problem
from proxyfeed.plain import plain
from proxyfeed.report import as_json, as_text
from proxyfeed.report.document import envelope


def deliver(outcome: Outcome, *, json: bool = False, quiet: bool = False) -> int:
    """
    Print the document and the talk of one command, and return its exit code.

    With *quiet* a success has no document; warnings are always said.
    """
    code = outcome.exit_code
    if json:
        sys.stdout.write(as_json(outcome))
    elif not (quiet and code == 0):
        sys.stdout.write(as_text(outcome, colour=_has_colour()))
    sys.stdout.flush()
    for warning in outcome.warnings:
        say(f"proxyfeed: {warning}")
    for problem in outcome.problems:
        complain(problem.message, problem.hint)
    return code


def fail(error: ProxyfeedError, command: str, *, json: bool = False) -> int:
    """
    Print an expected failure in two lines, and as a document where one was asked for.
    """
    if json:
        problem = Problem(error.code, error.exit_code, error.message, error.hint)
        sys.stdout.write(envelope(command, None, (problem,), error.exit_code))
        sys.stdout.flush()
    complain(error.message, error.hint)
    return error.exit_code


def complain(message: str, hint: str) -> None:
    say(f"proxyfeed: {message}")
    if hint:
        say(f"try: {hint}")


def say(text: str) -> None:
    sys.stderr.write(f"{plain(text)}\n")


def _has_colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
