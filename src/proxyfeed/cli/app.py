"""
The program: global options, the list of commands, and what each kind of failure looks like.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import proxyfeed
from proxyfeed.cli import kernel, nightly, past, setting_up
from proxyfeed.cli.output import complain, fail
from proxyfeed.cli.surroundings import Surroundings
from proxyfeed.errors import ProxyfeedError

BUG = 70
INTERRUPTED = 130

app = typer.Typer(
    name="proxyfeed",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for group in (setting_up, nightly, kernel, past):
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
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """
    Run one command and return its exit code. Every failure ends here.
    """
    os.umask(0o027)
    is_json = "--json" in arguments
    command = next((word for word in arguments if word in _COMMANDS), "")
    try:
        return int(app(arguments, prog_name="proxyfeed", standalone_mode=False) or 0)
    except ProxyfeedError as exc:
        return fail(exc, command, json=is_json)
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as exc:
        return _mistyped(exc, command, is_json=is_json)
    except KeyboardInterrupt:
        complain("interrupted; what was applied before stays as it is", "proxyfeed status")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our document has gone, as in `proxyfeed history | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 - the boundary: what is not expected is a bug
        return _bug()


def _mistyped(exc: typer.TyperException, command: str, *, is_json: bool) -> int:
    from proxyfeed.errors import OperatorMistake

    say = getattr(exc, "format_message", lambda: str(exc))
    hint = f"proxyfeed {command} --help" if command else "proxyfeed --help"
    return fail(OperatorMistake(say(), hint=hint), command, json=is_json)


def _bug() -> int:
    import traceback

    traceback.print_exc()
    complain(
        f"this is a bug in proxyfeed {proxyfeed.__version__}; live sets are as `proxyfeed status` "
        "shows them",
        "report the lines above, with the command that you typed",
    )
    return BUG
