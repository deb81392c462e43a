"""
The program: global options, the list of commands, and what each kind of failure looks like.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import proxyfeed
from proxyfeed.cli import (
    catalogue,
    confirming,
    doctor,
    exporting,
    kernel,
    lvs,
    nightly,
    past,
    setting_up,
)
from proxyfeed.cli.output import complain, fail, give_up, say
from proxyfeed.cli.surroundings import Surroundings
from proxyfeed.errors import OperatorMistake, ProxyfeedError, Unequipped
from proxyfeed.refused import look_at, said

if TYPE_CHECKING:
    from proxyfeed.model import Problem

BUG = 70
INTERRUPTED = 130
# What is printed before any command of ours could catch a failure of that.
_BY_TYPER = frozenset(["-h", "--help", "--version"])

app = typer.Typer(
    name="proxyfeed",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for group in (setting_up, catalogue, nightly, kernel, lvs, doctor, confirming, past, exporting):
    group.add_to(app)


_COMMANDS = frozenset(
    [one.callback.__name__ for one in app.registered_commands if one.callback]
    + [one.name for one in app.registered_groups if isinstance(one.name, str)]
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"proxyfeed {proxyfeed.__version__}\n")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 done, 1 a difference, 2 usage, 3 a feed failed, 4 held, "
    "5 the kernel differs, 6 locked, 7 rights or tools missing, 70 a bug."
)
def _options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="PROXYFEED_CONFIG", help="The configuration."),
    ] = None,
    version: Annotated[  # noqa: ARG001 - typer hands it to the callback
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it, end."),
    ] = False,
) -> None:
    """
    Keep the published address ranges of proxy farms in an ipset, proven and reversible.

    \b
    A first run:   proxyfeed init, then: proxyfeed update
    Every night:   proxyfeed update --quiet
    Before apply:  proxyfeed diff
    Way back:      proxyfeed rollback VERSION
    """
    context.obj = Surroundings(config, os.environ, is_root=os.geteuid() == 0)


def main() -> None:
    """
    Run one command and exit with its code.
    """
    # A command is short and leaves few cycles behind; to look for them takes a tenth of its time.
    gc.disable()
    # Never looser than the 0077 of the shipped units.
    os.umask(os.umask(0o077) | 0o027)
    _mend_streams()
    sys.exit(run(sys.argv[1:]))


def _mend_streams() -> None:
    """
    Make the standard streams such that talking ends no night.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            # As after `2>&-`: the database must not be the next to get that descriptor.
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # The locale may have no letter for what upstream wrote.
            stream.reconfigure(errors="backslashreplace")


def run(arguments: list[str]) -> int:
    """
    Run one command and return its exit code. Every failure ends here.
    """
    arguments = arguments or ["--help"]
    command = next((word for word in arguments if word in _COMMANDS), "")
    is_json = "--json" in arguments
    try:
        return _invoke(arguments)
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001 - the boundary
        if isinstance(exc, BrokenPipeError) and not _BY_TYPER.isdisjoint(arguments):
            give_up(sys.stdout)  # a reader that has gone, as in `proxyfeed --help | head -1`
            return 0
        try:
            return fail(_problem(exc, command), command, json=is_json)
        except (OSError, MemoryError) as worse:  # not even its words could be loaded
            complain(*_refusal(worse))
            return Unequipped.exit_code


def _invoke(arguments: list[str]) -> int:
    """
    Run the command by hand: a call of *app* would keep interrupts and its own errors to itself.
    """
    if _BY_TYPER.isdisjoint(arguments):
        # What tells of a failure is loaded before any: memory that runs out leaves none for it.
        import proxyfeed.report.document  # noqa: F401
    program = typer.main.get_command(app)
    try:
        with program.make_context("proxyfeed", list(arguments)) as context:
            program.invoke(context)
    except typer.Exit as exc:
        return exc.exit_code
    return 0


def _problem(exc: BaseException, command: str) -> Problem:
    """
    What *exc* is to an operator. What is not expected is a bug.
    """
    from proxyfeed.model import Problem

    match exc:
        case ProxyfeedError():
            return Problem(exc.code, exc.exit_code, exc.message, exc.hint)
        case typer.TyperException():
            return Problem(
                OperatorMistake.code, OperatorMistake.exit_code, *_mistyped(exc, command)
            )
        case KeyboardInterrupt():
            what = "interrupted; what was applied before stays as it is"
            return Problem("interrupted", INTERRUPTED, what, "proxyfeed status")
        case OSError() | MemoryError():
            return Problem(Unequipped.code, Unequipped.exit_code, *_refusal(exc))
    return Problem("bug", BUG, *_bug(exc))


def _mistyped(exc: typer.TyperException, command: str) -> tuple[str, str]:
    say = getattr(exc, "format_message", lambda: str(exc))
    hint = f"proxyfeed {command} --help" if command else "proxyfeed --help"
    return say(), hint


def _refusal(exc: OSError | MemoryError) -> tuple[str, str]:
    """
    What the system refused to a library, or to Python itself, in a place that nobody guards.
    """
    hint = "free -h"
    what = "memory ran out"
    if isinstance(exc, OSError):
        where = f" ({os.fsdecode(exc.filename)})" if isinstance(exc.filename, str | bytes) else ""
        what = f"the system refused what is needed: {said(exc)}{where}"
        hint = look_at(exc, otherwise="dmesg | tail")
    return f"{what}; live sets are as `proxyfeed status` shows them", hint


def _bug(exc: BaseException) -> tuple[str, str]:
    import traceback

    say("".join(traceback.format_exception(exc)).rstrip())
    what = (
        f"this is a bug in proxyfeed {proxyfeed.__version__}; live sets are as `proxyfeed status` "
        "shows them"
    )
    return what, "report the lines above, with the command that you typed"
